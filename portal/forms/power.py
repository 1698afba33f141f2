"""A site's tree of limits, its prices and who limits it: rows of inputs, read into what `smartcharging.sites` takes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers.models import Connector, Site
from portal.forms.fields import DeskForm
from smartcharging import grid
from smartcharging.models import LimitNode, Outlet, SitePlan

NODE = ("name", "parent", "l1_a", "l2_a", "l3_a", "limit_kw", "buffer_a")
OUTLET = ("charger", "evse_id", "node", "cable_a", "phases", "rotation", "trust")
MOST_ROWS = 5000
TRUST = (("A", _("A: its leases end")), ("B", _("B: its last limit stays")), ("C", _("C: it takes no limits")))
Row = dict[str, str]


class PlanForm(DeskForm):
    is_on = forms.BooleanField(label=_("Share the power"), required=False)
    looks_ahead = forms.BooleanField(label=_("Plan ahead by need, departure and price"), required=False)
    lease_s = forms.IntegerField(
        label=_("A limit lasts"), min_value=30, max_value=3600, initial=300,
        help_text=_(
            "Seconds; renewed after a third. Shorter obeys the grid sooner, longer spares the chargers' memory."
        ),
    )  # fmt: skip
    default_a = forms.FloatField(
        label=_("Without us a car gets"), min_value=0, max_value=grid.MOST_A, initial=0,
        help_text=_("Amperes per phase, told to each charger once; all of them count against the limits."),
    )  # fmt: skip
    volts = forms.FloatField(label=_("Volts to neutral"), min_value=50, max_value=1000, initial=230)
    worst_l1_a = forms.FloatField(label=_("Building at worst, L1"), min_value=0, max_value=grid.MOST_A, initial=0)
    worst_l2_a = forms.FloatField(label="L2", min_value=0, max_value=grid.MOST_A, initial=0)
    worst_l3_a = forms.FloatField(
        label="L3", min_value=0, max_value=grid.MOST_A, initial=0,
        help_text=_("Amperes; counted while the building's meter is silent."),
    )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        data = self.cleaned_data
        worst = [data["worst_l1_a"], data["worst_l2_a"], data["worst_l3_a"]]
        names = ("is_on", "looks_ahead", "lease_s", "default_a", "volts")
        return {**{name: data[name] for name in names}, "building_worst_a": worst}


def shown(plan: SitePlan | None) -> dict[str, Any]:
    """Initial values of `PlanForm`."""
    if plan is None:
        return {}
    first, second, third = [*plan.building_worst_a, 0.0, 0.0, 0.0][:3]
    names = ("is_on", "looks_ahead", "lease_s", "default_a", "volts")
    return {
        **{name: getattr(plan, name) for name in names},
        "worst_l1_a": first, "worst_l2_a": second, "worst_l3_a": third,
    }  # fmt: skip


def posted_rows(posted: QueryDict) -> tuple[list[Row], list[Row]]:
    """Nodes and outlets as typed, without the empty rows."""
    nodes = _rows(posted, "node", NODE)
    outlets = _rows(posted, "outlet", OUTLET)
    return [row for row in nodes if row["name"]], [row for row in outlets if row["charger"] and row["node"]]


def _rows(posted: QueryDict, kind: str, columns: tuple[str, ...]) -> list[Row]:
    values = [posted.getlist(f"{kind}_{name}") for name in columns]
    rows = zip(*values, strict=False)
    return [{name: value.strip() for name, value in zip(columns, row, strict=True)} for row in rows][:MOST_ROWS]


def stored_rows(site: Site) -> tuple[list[Row], list[Row]]:
    """As drawn; of a site that never was: one connection, and all EVSEs of its chargers on it."""
    nodes = list(LimitNode.objects.filter(site=site).select_related("parent"))
    outlets = Outlet.objects.filter(node__site=site).select_related("charger", "node")
    drawn = [
        {
            "charger": o.charger.identity, "evse_id": str(o.evse_id), "node": o.node.name, "cable_a": f"{o.cable_a:g}",
            "phases": str(o.phases), "rotation": o.rotation, "trust": o.trust,
        }
        for o in outlets
    ]  # fmt: skip
    known = {(row["charger"], row["evse_id"]) for row in drawn}
    first = nodes[0].name if nodes else gettext("Grid connection")
    places = (
        Connector.objects.filter(charger__site=site, evse_id__gt=0)
        .order_by("charger__identity_folded", "evse_id")
        .values_list("charger__identity", "evse_id")
        .distinct()
    )
    fresh = [
        {
            "charger": identity, "evse_id": str(evse_id), "node": "" if nodes else first, "cable_a": "32",
            "phases": "3", "rotation": "RST", "trust": "A",
        }
        for identity, evse_id in places
        if (identity, str(evse_id)) not in known
    ]  # fmt: skip
    if not nodes:
        told = {"name": first, "parent": "", "l1_a": "63", "l2_a": "63", "l3_a": "63", "limit_kw": "", "buffer_a": "0"}
        return [told], fresh
    return [_node_row(node) for node in nodes], drawn + fresh


def _node_row(node: LimitNode) -> Row:
    return {
        "name": node.name,
        "parent": node.parent.name if node.parent else "",
        **{name: f"{getattr(node, name):g}" for name in ("l1_a", "l2_a", "l3_a", "buffer_a")},
        "limit_kw": "" if node.limit_w is None else f"{node.limit_w / 1000:g}",
    }


def read_nodes(rows: list[Row]) -> list[dict[str, Any]]:
    """As `sites.draw` takes them. Raises `grid.ImpossibleTree` for what is no number."""
    nodes = []
    for row in rows:
        kw = row["limit_kw"]
        nodes.append(
            {
                "name": row["name"][:120],
                "parent": row["parent"] or None,
                **{name: _number(row, name, row["name"]) for name in ("l1_a", "l2_a", "l3_a", "buffer_a")},
                "limit_w": 1000 * _number(row, "limit_kw", row["name"]) if kw else None,
            }
        )
    return nodes


def read_outlets(rows: list[Row]) -> list[dict[str, Any]]:
    outlets = []
    for row in rows:
        name = f"{row['charger']}, EVSE {row['evse_id']}"
        evse_id, phases = _number(row, "evse_id", name), _number(row, "phases", name)
        if evse_id < 1 or evse_id % 1 or phases % 1:
            raise grid.ImpossibleTree(gettext("{name}: EVSE and phases are whole numbers from 1 on.").format(name=name))
        if row["trust"] not in ("A", "B", "C"):
            raise grid.ImpossibleTree(
                gettext("{name}: trust is {trust!r}; it is A, B or C.").format(name=name, trust=row["trust"])
            )
        outlets.append(
            {
                "charger": row["charger"], "evse_id": int(evse_id), "node": row["node"], "phases": int(phases),
                "cable_a": _number(row, "cable_a", name), "rotation": row["rotation"], "trust": row["trust"],
            }
        )  # fmt: skip
    return outlets


_WORDS = {"limit_kw": "kW", "buffer_a": _("buffer"), "cable_a": _("cable"), "evse_id": "EVSE", "phases": _("phases")}


def _number(row: Row, name: str, where: str) -> float:
    text = row[name].replace(",", ".") or "0"
    try:
        return float(text)
    except ValueError:
        word = _WORDS.get(name, name[:2].upper())
        raise grid.ImpossibleTree(
            gettext("{word} of {where!r} is {value!r}; it must be a number.").format(
                word=word, where=where, value=row[name]
            )
        ) from None


class PriceForm(DeskForm):
    """One line for each moment; they replace what was known from the first one on."""

    prices = forms.CharField(
        label=_("Prices"),
        widget=forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false"}),
        help_text=_(
            "“2026-12-01 06:00 0.31 380”: from when (time at the site), price of a kWh, and if known g of CO₂."
        ),
    )

    def __init__(self, *args: Any, zone: ZoneInfo, **kwargs: Any) -> None:
        self.zone = zone
        super().__init__(*args, **kwargs)

    def clean_prices(self) -> list[tuple[datetime, Decimal, float | None]]:
        lines = [line for line in self.cleaned_data["prices"].splitlines() if line.strip()]
        return [self._line(line) for line in lines]

    def _line(self, line: str) -> tuple[datetime, Decimal, float | None]:
        try:
            day, clock, price, *co2 = line.replace("T", " ").split()
            from_at = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=self.zone)
            per_kwh = Decimal(price.replace(",", "."))
            co2_g = float(co2[0]) if co2 else None
        except (ValueError, InvalidOperation):
            raise ValidationError(
                gettext("{line!r} is not “day time price”, as in “2026-12-01 06:00 0.31”.").format(line=line)
            ) from None
        if not per_kwh.is_finite() or abs(per_kwh) >= 100_000 or (co2_g is not None and not 0 <= co2_g < 1e5):
            raise ValidationError(gettext("{line!r}: such a price or so much CO₂ cannot be.").format(line=line))
        return from_at, per_kwh, co2_g


class SignalForm(DeskForm):
    source = forms.CharField(max_length=80, label=_("Who limits"), help_text=_("A grid operator, a tariff, the staff."))
    limit_kw = forms.FloatField(label=_("At most, kW"), min_value=0, max_value=100_000)
    from_at = forms.DateTimeField(
        label=_("From"), required=False, help_text=_("In your time zone. Empty: now."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    to_at = forms.DateTimeField(
        label=_("Until"), required=False, help_text=_("Empty: until it is ended here."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
