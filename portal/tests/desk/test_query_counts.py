"""Every page of the desk takes as many queries for a hundred rows of everything as for ten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chargers import models as street
from portal.issues.models import Channel, Issue, Note, Telling
from portal.models import Import, SavedView
from portal.views.urls import urlpatterns
from sessions import models as cable
from smartcharging import models as power

FEW, MANY = 10, 100
SLACK = 2
# Judges chargers anew before it shows what would be written: nine statements for fifty, of 500 at most.
IN_PORTIONS = {"apply": 9 * (MANY // 50 + 1)}
NO_PAGES = {"login", "logout", "palette", "log-download", "image-download"}  # palette: asked for with words, see below
TREE = {"site-tree-check", "profile-preview"}  # fragments that answer a form


def yard(first: int, last: int, owner: Any) -> None:
    """Rows ``first`` to ``last`` of everything, on one charger and one site, and on one charger each."""
    now = timezone.now()
    site, _ = street.Site.objects.get_or_create(name="Depot", latitude=52.5, longitude=13.4)
    tag, _ = street.Tag.objects.get_or_create(name="north")
    main = charger("CP-0", site=site)
    image, _ = street.FirmwareImage.objects.get_or_create(
        vendor="Acme", model="*", version="9", defaults={"name": "a", "size_bytes": 1, "added_at": now}
    )
    job, _ = street.Job.objects.get_or_create(title="Ask", verb="trigger")
    template, _ = street.SettingTemplate.objects.get_or_create(name="Intervals", defaults={"changed_at": now})
    rollout, _ = street.Rollout.objects.get_or_create(title="Intervals", template=template, requested_by=owner)
    campaign, _ = street.Campaign.objects.get_or_create(title="9", image=image, defaults={"created_at": now})
    saved, _ = power.SavedProfile.objects.get_or_create(name="Night", draft=DRAFT)
    channel, _ = Channel.objects.get_or_create(name="desk", kind="mail", address="desk@example.com")
    node, _ = power.LimitNode.objects.get_or_create(site=site, name="Main", l1_a=63, l2_a=63, l3_a=63)
    power.SitePlan.objects.get_or_create(site=site)
    of = SimpleNamespace(
        owner=owner, main=main, job=job, template=template, rollout=rollout, saved=saved, channel=channel, node=node
    )
    for n in range(first, last):
        own = charger(f"CP-{n + 1}", site=site, is_online=n % 5 != 0)
        own.tags.add(tag)
        street.Site.objects.create(name=f"Site {n}", latitude=50 + n / 100, longitude=8)
        token = cable.IdToken.objects.create(value=f"04{n:06}", value_folded=f"04{n:06}", holder=f"Holder {n}")
        image_n = street.FirmwareImage.objects.create(
            vendor="Acme", model="*", version=f"1.{n}", name=f"i{n}", size_bytes=1, added_at=now, added_by=owner
        )
        street.Campaign.objects.create(title=f"1.{n}", image=image_n, created_at=now, created_by=owner)
        street.Job.objects.create(title=f"Job {n}", verb="trigger", requested_by=owner)
        some_template = street.SettingTemplate.objects.create(name=f"Template {n}", changed_at=now)
        street.TemplateValue.objects.create(template=template, dialect="ocpp16", path=f"Key{n}", path_folded=f"key{n}")
        street.Rollout.objects.create(title=f"Rollout {n}", template=some_template, requested_by=owner)
        street.Participant.objects.create(campaign=campaign, charger=own, ring=n % 3)
        power.SavedProfile.objects.create(name=f"Profile {n}", draft=DRAFT)
        SavedView.objects.create(page="chargers", name=f"View {n}", owner=owner)
        for each in (main, own):
            hang(of, each, n, now)
            use(of, each, n, token, now)
        street.SettingQuarantine.objects.create(
            vendor="Acme", model=f"{n}", path="Key", path_folded="key", charger=own, why="Boots.", opened_at=now
        )
        power.CapacitySignal.objects.create(site=site, source="DSO", limit_w=1, from_at=now, told_at=now)


def hang(of: SimpleNamespace, each: street.Charger, n: int, now: datetime) -> None:
    """What a charger has and tells."""
    told = {"charger": each, "expires_at": now + timedelta(days=1), "requested_by": of.owner}
    command = street.Command.objects.create(verb="trigger", status="accepted", job=of.job, **told)
    street.Connector.objects.create(charger=each, evse_id=n + 1, status="faulted", error_code="ReaderFailure")
    street.StatusChange.objects.create(charger=each, evse_id=1, status="faulted", received_at=now)
    street.Boot.objects.create(charger=each, received_at=now, epoch=n, verdict="Accepted", interval_s=300)
    street.Connection.objects.create(
        charger=each, epoch=n, gateway="g", connected_at=now, disconnected_at=now, close_code=1006
    )
    street.Setting.objects.create(charger=each, name=f"Key{n}", value="1", reported_at=now)
    standing = {"wanted": "2", "actual": "1", "state": "differs", "reason": "charger", "since": now}
    street.Standing.objects.create(charger=each, path=f"Key{n}", template=of.template, command=command, **standing)
    street.Refusal.objects.create(charger=each, path=f"Key{n}", why="No.", at=now)
    street.Write.objects.create(
        rollout=of.rollout, charger=each, path=f"Key{n}", value="2", status="reboot", command=command
    )
    street.Upload.objects.create(
        charger=each, command=command, kind="diagnostics", name=uuid4().hex, asked_at=now, expires_at=now
    )
    street.Transfer.objects.create(charger=each, kind="log", status="Uploaded", received_at=now)
    street.Alert.objects.create(charger=each, key=uuid4(), path=f"A{n}", severity=2, received_at=now)
    street.Monitor.objects.create(
        charger=each, monitor_id=n, path=f"A{n}", kind="upper", value=1, severity=2, reported_at=now
    )
    street.Notice.objects.create(charger=each, kind="cost", payload={}, received_at=now)
    street.SecurityEvent.objects.create(charger=each, kind="TamperDetection", received_at=now, key=uuid4())
    street.InstalledCertificate.objects.create(
        charger=each, kind="manufacturer_root", hash_algorithm="SHA256", issuer_name_hash="a",
        issuer_key_hash="b", serial_number=f"{n}", reported_at=now,
    )  # fmt: skip
    street.DeadLetter.objects.create(identity=each.identity, charger=each, frame="[]", received_at=now)
    street.Breach.objects.create(
        charger=each, action=f"Action{n}", kind="k", first_at=now, last_at=now, hour=now, exchange_id=1
    )
    street.Exchange.objects.create(
        charger=each, epoch=1, origin="charger", message_id=f"{n}", action="Heartbeat", request="[]",
        requested_at=now, outcome="error",
    )  # fmt: skip


def use(of: SimpleNamespace, each: street.Charger, n: int, token: cable.IdToken, now: datetime) -> None:
    """A session, what limits it, and an issue of it."""
    command = each.commands.all()[0]
    session = cable.ChargingSession.objects.create(
        charger=each, evse_id=n + 1, transaction_id=f"{each.pk}-{n}", id_token=token, token_value=token.value,
        started_at=now, started_received_at=now, needs_review=True, energy_wh=100,
    )  # fmt: skip
    reading = {"measured_at": now + timedelta(seconds=n), "received_at": now, "power_w": 1.0}
    for whose in (session, cable.ChargingSession.objects.order_by("pk")[0]):
        cable.MeterValue.objects.create(charger=whose.charger, session=whose, key=uuid4(), digest=uuid4(), **reading)
    cable.SessionHour.objects.create(session=session, charger=each, hour=now, energy_wh=100)
    cable.Reservation.objects.create(
        charger=each, reservation_id=n, token_value=token.value, expires_at=now + timedelta(hours=1)
    )
    power.InstalledProfile.objects.create(
        charger=each, evse_id=n, profile_id=n, stack_level=n, purpose="tx_default", kind="absolute",
        installed_at=now, command=command,
    )  # fmt: skip
    power.Placement.objects.create(
        saved=of.saved, saved_version=1, charger=each, evse_id=n, number=n, profile={}, command=command,
        changed_at=now,
    )  # fmt: skip
    power.Outlet.objects.create(node=of.node, charger=each, evse_id=n + 1)
    issue = Issue.objects.create(
        rule="faulted", key=f"{each.pk}-{n}", severity=1 + n % 3, charger=each, title="A fault", opened_at=now,
        seen_at=now, assigned_to=of.owner, acknowledged_by=of.owner, acknowledged_at=now, session=session,
    )  # fmt: skip
    Note.objects.create(issue=issue, at=now, kind="opened", by=of.owner)
    Note.objects.create(issue=Issue.objects.order_by("pk")[0], at=now, kind="commented", by=of.owner, text="x")
    Telling.objects.create(channel=of.channel, issue=issue, event="issue.opened", created_at=now, due_at=now)


DRAFT = {
    "kind": "absolute", "purpose": "tx_default", "unit": "A", "stack_level": 1,
    "periods": [{"start_s": 0, "limit": 16}],
}  # fmt: skip


def charger(identity: str, **fields: Any) -> Any:
    found, _ = street.Charger.objects.get_or_create(
        identity=identity,
        defaults={
            "epoch": 1, "is_online": True, "is_booted": True, "subprotocol": "ocpp1.6", "vendor": "Acme",
            "model": "Wall", "connected_at": timezone.now(), "leading_status": "faulted", **fields,
        },
    )  # fmt: skip
    return found


def addresses() -> Iterator[tuple[str, str]]:
    """Name and address of each page, about the row of its kind that most hangs on."""
    models: dict[str, Any] = {
        "setting_id": street.Setting, "exchange_id": street.Exchange, "request_id": street.CertificateRequest,
        "command_id": street.Command, "job_id": street.Job, "template_id": street.SettingTemplate,
        "rollout_id": street.Rollout, "quarantine_id": street.SettingQuarantine, "campaign_id": street.Campaign,
        "image_id": street.FirmwareImage, "upload_id": street.Upload, "channel_id": Channel, "telling_id": Telling,
        "issue_id": Issue, "reservation_pk": cable.Reservation, "profile_id": power.SavedProfile,
        "session_id": cable.ChargingSession, "site_id": street.Site, "letter_id": street.DeadLetter,
        "token_id": cable.IdToken, "view_id": SavedView, "import_id": Import,
    }  # fmt: skip
    words = {"identity": "CP-0", "kind": "chargers", "page": "chargers", "name": "faulted"}
    for pattern in urlpatterns:
        name = str(pattern.name)
        if name in NO_PAGES | TREE:
            continue
        wanted = pattern.pattern.converters
        rows = {key: models[key].objects.order_by("pk").first() for key in wanted if key in models}
        told = {key: rows[key].pk if rows.get(key) else words.get(key) for key in wanted}
        if None not in told.values():
            yield name, "/" + _filled(str(pattern.pattern), told)
    yield "palette", "/palette/?q=CP"


def _filled(route: str, told: dict[str, Any]) -> str:
    for key, value in told.items():
        start = route.index("<", max(0, route.index(f":{key}>") - 8))
        route = route[:start] + str(value) + route[route.index(">", start) + 1 :]
    return route


def counted(desk: Client) -> dict[str, tuple[int, list[str]]]:
    found: dict[str, tuple[int, list[str]]] = {}
    for name, address in addresses():
        desk.get(address)  # what is brought up to date at the first look, and asked once per process
        with CaptureQueriesContext(connection) as queries:
            answer = desk.get(address)
        if answer.status_code in (302, 405):  # leads on, or is no page
            continue
        assert answer.status_code == 200, f"{name} at {address} answers {answer.status_code}."
        found[f"{name} {address}"] = (len(queries), [query["sql"][:300] for query in queries.captured_queries])
    return found


def test_no_page_asks_once_more_for_each_row(desk, alice):
    yard(0, FEW, alice)
    few = counted(desk)
    yard(FEW, MANY, alice)
    many = counted(desk)
    assert len(few) > 70, sorted(few)
    grown = {
        page: (count, many[page][0], sorted(set(many[page][1]), key=many[page][1].count)[-1])
        for page, (count, _) in few.items()
        if many[page][0] > count + SLACK + IN_PORTIONS.get(page.split()[0], 0)
    }
    told = [f"{page}: {was} → {now} queries, most often {sql}" for page, (was, now, sql) in grown.items()]
    assert not told, "\n".join(told)
