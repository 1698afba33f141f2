from portal.celery import app as celery_app

# Imported with the settings, so that tasks of every process find the broker.
__all__ = ["celery_app"]
