"""Chargers that draw more than they may: noticed by their meter, counted with their cable, stopped if need be."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction

from chargers import commands
from chargers.sentences import phrase
from smartcharging.bookkeeping import Books
from smartcharging.ledger import PATIENCE_S
from smartcharging.models import Leader, Outlet, SitePlan

log = structlog.get_logger(__name__)

PATIENCE = timedelta(seconds=PATIENCE_S)
AGAIN_S = 60

# Told to people, see chargers/sentences.py.
EDGE_LEADS = phrase("The edge leads this site and counts {identity} with its cable. Take the lead back first.")


def watch(books: Books) -> None:
    """Compare each meter with the worst that the ledger knows; ``above_since`` and ``is_wild`` of the outlets."""
    above = {outlet.id: outlet.above_since for outlet in books.outlets if outlet.above_since is not None}
    for outlet in books.outlets if above else ():
        outlet.above_since = None  # unless it goes on
    for index, session in books.busy:
        outlet, place = books.outlets[index], books.ledger.outlets[index]
        drawn_a: float | None = session.drawn_a  # type: ignore[attr-defined]
        if drawn_a is None or not place.disobeys(drawn_a, books.at.timestamp()):
            continue
        measured_at: datetime = session.drawn_at  # type: ignore[attr-defined]
        outlet.above_since = above.get(outlet.id, measured_at)
        if measured_at - outlet.above_since >= PATIENCE:
            outlet.is_wild = place.is_wild = True
            log.error("charger_disobeys", charger=outlet.charger.identity, evse=outlet.evse_id, drawn_a=drawn_a)
    _contain(books)


def _contain(books: Books) -> None:
    """A wild one is stopped only where its cable, with all that the others may draw, is too much.

    Once a minute, until it is enough: an order may be refused, or lost.
    """
    wild = [(books.outlets[index], session) for index, session in books.busy if books.outlets[index].is_wild]
    if not wild or books.ledger.fullness(books.at.timestamp()) <= 1:
        return
    for outlet, session in wild:
        commands.request(
            outlet.charger,
            "remote_stop",
            arguments={"session_id": session.pk},
            via="plan: it draws more than it may",
            ttl_s=AGAIN_S,
            idempotency_key=f"contain-{session.pk}-{books.at.timestamp() // AGAIN_S:.0f}",
        )


class EdgeLeads(Exception):
    """What counts a charger with its cable is not ours to say; a sentence."""


@transaction.atomic
def trust_again(outlet: Outlet, *, by: str, at: datetime) -> None:
    """Staff looked after a charger that had disobeyed: from the next plan on it is led like any other.

    Raises EdgeLeads.
    """
    # Locked: a plan in work would write over it.
    plan = SitePlan.objects.select_for_update().get(site=outlet.node.site_id)
    if plan.leader != Leader.CLOUD:
        raise EdgeLeads(EDGE_LEADS.format(identity=outlet.charger.identity))
    Outlet.objects.filter(pk=outlet.pk).update(is_wild=False, above_since=None)
    plan.next_due_at = at
    plan.save(update_fields=["next_due_at"])
    log.info("charger_trusted_again", charger=outlet.charger.identity, evse=outlet.evse_id, by=by)
