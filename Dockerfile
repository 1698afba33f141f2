# One image for every process of Chargeyard; docker-compose.yml says which command runs where.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
# Alone, so that a change of our own code does not install the packages again.
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --requirement requirements.txt
COPY . .
RUN STATIC_ROOT=/app/staticfiles CHARGEYARD_HOME=/tmp/build python manage.py collectstatic --no-input \
    && python -m compileall -q .

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Chargeyard" \
      org.opencontainers.image.description="Charging station management system: operator portal and OCPP gateway" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/chargeyard chargeyard
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    CHARGEYARD_HOME=/var/lib/chargeyard \
    STATIC_ROOT=/app/staticfiles \
    LOG_FORMAT=json \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER chargeyard
VOLUME /var/lib/chargeyard
EXPOSE 8000
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
