"""`python3 manage.py edge`: who leads a site, and what its broker needs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chargers.models import Site
from gateway import topics
from gateway.edge import bridge
from smartcharging import handover
from smartcharging.models import Outlet, SitePlan

BY = "manage.py edge"


class Command(BaseCommand):
    help = "Have a site led by an edge at the site, or by this yard again; print what the broker there needs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "what", choices=["show", "give", "take", "bridge", "acl"],
            help="show: who leads. give: the edge leads from now on. take: this yard does, once the edge has stopped. "
            "bridge: configuration of the site's Mosquitto. acl: what the yard's Mosquitto must let the bridge do.",
        )  # fmt: skip
        parser.add_argument("site", help="name or number of the site")
        parser.add_argument(
            "--edge-is-off", action="store_true", help="with take: the edge does not run; I have seen it"
        )
        parser.add_argument("--address", default="broker.example.com:8883", help="with bridge: the yard's broker")
        parser.add_argument("--user", default="", help="with acl: as whom the bridge logs in (site-<number>)")

    def handle(self, *, what: str, site: str, **options: Any) -> None:
        row = (
            Site.objects.filter(name=site).first()
            or Site.objects.filter(pk=int(site) if site.isdecimal() else 0).first()
        )
        if row is None:
            raise CommandError(f"There is no site {site!r}; `manage.py shell` or the portal's page *Sites* lists them.")
        chargers = Outlet.objects.filter(node__site=row).values_list("charger__identity", flat=True).distinct()
        keys = [topics.key(identity) for identity in chargers]
        if what == "bridge":
            text = bridge.bridge(row.pk, keys, address=options["address"], prefix=settings.MQTT_PREFIX)
        elif what == "acl":
            user = options["user"] or f"site-{row.pk}"
            text = bridge.rights(row.pk, keys, user=user, prefix=settings.MQTT_PREFIX)
        else:
            text = self._lead(what, row, is_edge_off=options["edge_is_off"])
        self.stdout.write(text)

    def _lead(self, what: str, site: Site, *, is_edge_off: bool) -> str:
        now = timezone.now()
        try:
            if what == "give":
                handover.give(site, at=now, by=BY)
            elif what == "take":
                handover.take(site, at=now, is_edge_off=is_edge_off, by=BY)
        except handover.NotNow as error:
            raise CommandError(str(error)) from error
        plan = SitePlan.objects.filter(site=site).first()
        if plan is None:
            return f"{site.name} (number {site.pk}) does not share its power."
        heard = f"{plan.edge_heard_at:%Y-%m-%d %H:%M:%S} UTC" if plan.edge_heard_at else "never in this epoch"
        leader = f"{site.name} (number {site.pk}) is led by {plan.get_leader_display()}"
        edge = f" (version {plan.edge_version}, keeps {plan.edge_kept_frames} frames)" if plan.edge_version else ""
        return f"{leader}; epoch {plan.epoch}, edge heard {heard}{edge}."
