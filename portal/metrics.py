"""`/metrics` for Prometheus: what this process has counted, and the few facts that only the database knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_address

from django.conf import settings
from django.db import Error as DatabaseError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request
from rest_framework.views import APIView

from chargers.models import Command, CommandStatus, DeadLetter
from portal.api.authentication import KEYWORD
from smartcharging.models import SitePlan

# A proxy adds one of these: the machine that the request comes from is then not the one that asks.
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
RECENT = timedelta(hours=1)


class Facts(Collector):
    """Read at each scrape; without the database the process's own figures still come."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        is_up = GaugeMetricFamily("chargeyard_database_up", "1 if the database answered this scrape.")
        try:
            yield from (_commands(), _dead_letters(), _sites())
        except DatabaseError:
            is_up.add_metric([], 0)
        else:
            is_up.add_metric([], 1)
        yield is_up


facts = CollectorRegistry()
facts.register(Facts())


def metrics(request: HttpRequest) -> HttpResponse:
    """To an agent on this machine, an API key (``Authorization: Api-Key KEY``) or a signed-in account."""
    if not _is_local(request) and not _is_known(request):
        headers = {"WWW-Authenticate": KEYWORD}
        sentence = "Metrics need an API key: Authorization: Api-Key KEY. `manage.py create_api_key` makes one.\n"
        return HttpResponse(sentence, status=401, headers=headers, content_type="text/plain")
    text = generate_latest(REGISTRY)
    if settings.ROLE != "gateway":
        text += generate_latest(facts)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _is_local(request: HttpRequest) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _is_known(request: HttpRequest) -> bool:
    view = APIView()
    asked: Request = view.initialize_request(request)
    try:
        view.check_permissions(asked)
    except (APIException, AuthenticationFailed):
        return False
    return True


def _sites() -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "chargeyard_site_fullness",
        "What the chargers of a site may draw if everything breaks now, over its limit. Above 1: not safe.",
        labels=["site"],
    )
    for name, fullness in SitePlan.objects.filter(is_on=True).values_list("site__name", "fullness"):
        family.add_metric([name], fullness)
    return family


def _commands() -> GaugeMetricFamily:
    family = GaugeMetricFamily("chargeyard_commands", "Commands of the last hour, by state.", labels=["state"])
    recent = Command.objects.filter(created_at__gte=timezone.now() - RECENT).order_by()
    counts = dict(recent.values_list("status").annotate(Count("pk")))
    for status in CommandStatus:
        family.add_metric([status], counts.get(status, 0))
    return family


def _dead_letters() -> GaugeMetricFamily:
    waiting = DeadLetter.objects.filter(replayed_at=None).count()
    return GaugeMetricFamily("chargeyard_dead_letters", "Frames that could not be digested.", value=waiting)
