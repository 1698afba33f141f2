"""Chargers that draw more than they may: noticed by their meter, counted with their cable, stopped if need be."""

from __future__ import annotations

from datetime import timedelta

import structlog

from chargers import commands
from smartcharging.bookkeeping import Books
from smartcharging.ledger import PATIENCE_S
from smartcharging.models import Outlet

log = structlog.get_logger(__name__)

PATIENCE = timedelta(seconds=PATIENCE_S)


def watch(books: Books) -> None:
    """Compare each meter with the worst that the ledger knows; ``above_since`` and ``is_wild`` of the outlets."""
    for outlet, place, session in zip(books.outlets, books.ledger.outlets, books.running, strict=True):
        drawn_a = session.drawn_a if session else None  # type: ignore[attr-defined]
        if drawn_a is None or not place.disobeys(drawn_a, books.at.timestamp()):
            outlet.above_since = None
            continue
        measured_at = session.drawn_at  # type: ignore[union-attr]
        outlet.above_since = outlet.above_since or measured_at
        if measured_at - outlet.above_since >= PATIENCE:
            outlet.is_wild = place.is_wild = True
            log.error("charger_disobeys", charger=outlet.charger.identity, evse=outlet.evse_id, drawn_a=drawn_a)
    _contain(books)


def _contain(books: Books) -> None:
    """A wild one is stopped only where its cable, with all that the others may draw, is too much."""
    wild = [(books.outlets[index], session) for index, session in books.busy if books.outlets[index].is_wild]
    if not wild or books.ledger.fullness(books.at.timestamp()) <= 1:
        return
    for outlet, session in wild:
        commands.request(
            outlet.charger,
            "remote_stop",
            arguments={"session_id": session.pk},
            via="plan: it draws more than it may",
            idempotency_key=f"contain-{session.pk}",
        )


def trust_again(outlet_pk: int) -> None:
    """Staff looked after a charger that had disobeyed: from the next plan on it is led like any other."""
    Outlet.objects.filter(pk=outlet_pk).update(is_wild=False, above_since=None)
