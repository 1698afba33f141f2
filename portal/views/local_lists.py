"""Which chargers know our tokens by themselves, and how old what they know is."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib import messages
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.db.models.sql.compiler import SQLCompiler
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from chargers import jobs
from chargers.models import Charger, Command, CommandStatus
from chargers.sentences import phrase
from portal.forms.upkeep import local_list
from portal.views import formats
from portal.views.lists import Listing, empty_last
from portal.views.pages import desk_page, must_act, render_page
from sessions.models import IdToken

VERB = "send_local_list"
ORDERS = {
    "charger": ("identity_folded",),
    "list": ("list_state", "identity_folded"),
    "version": (empty_last("local_list_version"), "identity_folded"),
    "sent": (empty_last("list_sent_at"), "identity_folded"),
}
# name → (word, chip, what it means)
STATES = {
    "none": (_("No list"), "", _("It has none, or has never told.")),
    "foreign": (
        _("Not ours"),
        "warn",
        _("It tells another version than we sent last: somebody else writes it, or it lost ours."),
    ),
    "waiting": (_("On its way"), "", _("Ours waits in the outbox, or for its answer.")),
    "behind": (_("Behind"), "warn", _("Tokens have changed since ours was sent.")),
    "current": (_("In step"), "good", _("It has what we have.")),
}
# Each command holds the whole list: so many entries in one job, and no more.
MOST_ENTRIES = 2_000_000


class ArrayLength(Func):
    """How many items a list in a JSON column has."""

    output_field = IntegerField()
    function = "jsonb_array_length"

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, function="json_array_length", **extra)


@desk_page
def local_lists(request: HttpRequest) -> HttpResponse:
    rows = with_list(Charger.objects.select_related("site"))
    chosen = request.GET.get("list", "")
    counts = cache(lambda: _counts(rows))
    context: dict[str, Any] = {
        "room": "tokens",
        "states": STATES,
        "chosen": chosen,
        "tokens": IdToken.objects.count,
        "counts": counts,
        "behind": lambda: {state: count for state, _word, count in counts()}.get("behind", 0),
        **Listing(
            request, rows.filter(list_state=chosen) if chosen in STATES else rows, orders=ORDERS, default="list"
        ).context(),
    }
    return render_page(request, "tokens/local_lists.html", context, parts={"rows": "tokens/_local_list_rows.html"})


def with_list(chargers: QuerySet[Charger]) -> QuerySet[Any]:
    """Annotate with ``list_state`` (one of STATES), ``list_sent_at`` and ``list_sent``, the version that it took."""
    sent = Command.objects.filter(charger=OuterRef("pk"), verb=VERB)
    taken = sent.filter(status=CommandStatus.ACCEPTED).order_by("-created_at")
    waiting = sent.filter(status__in=CommandStatus.open()).order_by().values("charger").annotate(n=Count("pk"))
    last_change = IdToken.objects.aggregate(at=Max("changed_at"))["at"]
    # A token that is deleted leaves no time behind: then the list that was sent is longer than ours.
    behind = Q(list_size__isnull=False) & ~Q(list_size=IdToken.objects.count())
    if last_change:
        behind |= Q(list_sent_at__lt=last_change)
    version = Cast(KT("arguments__version"), IntegerField())
    return chargers.annotate(
        list_sent_at=Subquery(taken.values("created_at")[:1]),
        list_sent=Subquery(taken.annotate(version=version).values("version")[:1]),
        list_size=Subquery(
            taken.filter(arguments__mode="full").annotate(size=ArrayLength("arguments__tokens")).values("size")[:1]
        ),
        list_waiting=Coalesce(Subquery(waiting.values("n")), 0),
    ).annotate(
        list_state=Case(
            When(list_waiting__gt=0, then=Value("waiting")),
            When(Q(local_list_version=None) | Q(local_list_version__lte=0), then=Value("none")),
            When(Q(list_sent=None) | ~Q(list_sent=F("local_list_version")), then=Value("foreign")),
            When(behind, then=Value("behind")),
            default=Value("current"),
            output_field=CharField(),
        )
    )


def _counts(rows: QuerySet[Any]) -> list[tuple[str, str, int]]:
    found = dict(rows.order_by().values_list("list_state").annotate(n=Count("pk")))
    return [(state, str(word), found[state]) for state, (word, _chip, _meaning) in STATES.items() if state in found]


@desk_page
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Send the list to all that have an old one, as one job."""
    by = must_act(request)
    behind = with_list(Charger.objects.all()).filter(list_state="behind")
    ids = sorted(behind.values_list("pk", flat=True))
    count = IdToken.objects.count()
    if not ids:
        messages.success(request, gettext("No charger is behind."))
    elif len(ids) * count > MOST_ENTRIES:
        messages.error(
            request,
            gettext(
                "{chargers} chargers with {tokens} tokens each are too many for one job. Send it to some of them "
                "from their own pages, or keep fewer tokens."
            ).format(chargers=formats.number(len(ids), 0), tokens=formats.number(count, 0)),
        )
    else:
        # One number for all: higher than any that one of them has.
        latest = behind.aggregate(latest=Max("local_list_version"))["latest"] or 0
        job = jobs.start(phrase("Send the local list"), VERB, local_list(latest + 1), ids, by=by)
        return redirect("job", job.pk)
    return redirect("local-lists")
