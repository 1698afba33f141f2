"""Every page of the desk, from the addresses that there are, with a row for each to show."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from portal.tests.journeys.stack import Stack

# Pages whose address is not among those of the desk, and those that look otherwise by their query.
MORE = (
    "/system/",
    "/import/tokens/",
    "/import/steve/",
    "/jobs/new/?do=reset",
    "/chargers/?cols=name,site,serial_number,clock,connected",
    "/chargers/?state=faulted&q=nobody",
    "/protocol/?vendor=Acme&model=X&firmware=1",
)
WORDS = {"kind": "chargers", "page": "chargers", "name": "faulted"}
# Only ever posted to: no row is needed.
POSTED = {
    "request_id": 0, "quarantine_id": 0, "reservation_pk": 0, "view_id": 0, "letter_id": 0,
    "telling_id": UUID(int=0), "command_id": UUID(int=0),
}  # fmt: skip


def pages(stack: Stack, identity: str) -> list[str]:
    """The path of each page, about this charger and what was made for it. Needs somebody signed in."""
    from portal.views.urls import urlpatterns

    made = stack.manage("shell", "-v", "0", "-c", f"from portal.tests.journeys import tour; tour.make({identity!r})")
    about = {"identity": identity, **WORDS, **POSTED, **json.loads(made.splitlines()[-1])}
    paths = [_filled(pattern, about) for pattern in urlpatterns if pattern.name not in ("login", "logout")]
    cookies = {cookie["name"]: cookie["value"] for cookie in stack.cookies}
    with httpx.Client(base_url=stack.url, cookies=cookies, timeout=30) as browser:
        return [path for path in [*paths, *MORE] if _is_page(browser.get(path), path)]


def _is_page(answer: httpx.Response, path: str) -> bool:
    if answer.status_code in (302, 405) or not answer.headers.get("Content-Type", "").startswith("text/html"):
        return False  # leads on, is only posted to, or is a file
    assert answer.status_code == 200, f"{path} answers {answer.status_code}."
    return "<main" in answer.text  # else a part of a page


def _filled(pattern: Any, about: dict[str, Any]) -> str:
    route = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        kind = {"StringConverter": "str", "IntConverter": "int", "SlugConverter": "slug", "UUIDConverter": "uuid"}
        route = route.replace(f"<{kind[type(converter).__name__]}:{name}>", str(about[name]))
    return f"/{route}"


def make(identity: str) -> None:
    """A row of each kind, beside the running stack, that does nothing there; prints their keys as JSON."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from chargers import models as street
    from chargers.storage import new_name, storage
    from portal.issues.models import Channel, Issue
    from portal.models import Import
    from sessions import models as cable
    from smartcharging import models as power

    now = timezone.now()
    charger = street.Charger.objects.get(identity=identity)
    owner = get_user_model().objects.get(username="admin")
    site = street.Site.objects.create(name=f"Place of {identity}", timezone="Europe/Berlin")
    power.SitePlan.objects.create(site=site)
    node = power.LimitNode.objects.create(site=site, name="Connection", l1_a=63, l2_a=63, l3_a=63)
    power.Outlet.objects.create(node=node, charger=charger, evse_id=1)
    sample = {"limit_a": [63.0] * 3, "building_a": [9.0, 8.0, 7.0], "cars_a": [20.0] * 3, "worst_a": [32.0] * 3}
    for minutes in range(0, 60, 5):
        power.SiteSample.objects.create(site=site, at=now - timedelta(minutes=minutes), **sample)
    power.CapacitySignal.objects.create(
        site=site, source="Grid", limit_w=50_000, from_at=now, to_at=now + timedelta(days=1), told_at=now
    )
    command = street.Command.objects.create(
        charger=charger, verb="trigger", status="accepted", created_at=now, expires_at=now, settled_at=now
    )
    job = street.Job.objects.create(title="Ask for a message", verb="trigger", requested_by=owner)
    street.Command.objects.filter(pk=command.pk).update(job=job)
    setting = street.Setting.objects.create(charger=charger, name="HeartbeatInterval", value="300", reported_at=now)
    template = street.SettingTemplate.objects.create(name=f"Intervals of {identity}", changed_at=now)
    rollout = street.Rollout.objects.create(title=template.name, template=template, status="done", settled_at=now)
    written = {"value": "300", "old_value": "60", "read_value": "300", "status": "done", "settled_at": now}
    street.Write.objects.create(rollout=rollout, charger=charger, path="HeartbeatInterval", **written)
    image = street.FirmwareImage.objects.create(
        vendor="Acme", model="*", version=identity, file_name="a.bin", name=new_name("firmware", "a.bin"),
        size_bytes=1, sha256="0" * 64, added_at=now,
    )  # fmt: skip
    campaign = street.Campaign.objects.create(
        title=f"To {identity}", image=image, status="cancelled", created_at=now, settled_at=now
    )
    street.Participant.objects.create(campaign=campaign, charger=charger, ring=1, state="cancelled", why="Cancelled.")
    name = new_name("diagnostics", "")
    storage().keep(name, [b"a line of a log\n" * 100])
    upload = street.Upload.objects.create(
        charger=charger, kind="diagnostics", name=name, state="received", content="text", size_bytes=1600,
        asked_at=now, expires_at=now, received_at=now,
    )  # fmt: skip
    channel = Channel.objects.create(name=f"Desk of {identity}", kind="mail", address="desk@example.com", is_on=False)
    issue = Issue.objects.create(
        rule="faulted", key=f"tour-{identity}", severity=2, charger=charger, title=f"{identity} had a fault.",
        opened_at=now, seen_at=now, closed_at=now,
    )  # fmt: skip
    draft = {"kind": "absolute", "purpose": "tx_default", "unit": "A", "stack_level": 1, "periods": [
        {"start_s": 0, "limit": 16}, {"start_s": 3600, "limit": 8}]}  # fmt: skip
    saved = power.SavedProfile.objects.create(name=f"Evening of {identity}", draft=draft)
    token = cable.IdToken.objects.create(value=identity, value_folded=identity.casefold(), status="blocked")
    table = "identity,name\nCP-NEW,North row\na/b,\n"
    kept = Import.objects.create(kind="chargers", name="chargers.csv", content=table, owner=owner)
    exchange = charger.exchanges.order_by("pk")[0]
    session = cable.ChargingSession.objects.filter(charger=charger).order_by("-pk")[0]
    rows = {
        "site_id": site, "job_id": job, "setting_id": setting, "template_id": template, "rollout_id": rollout,
        "image_id": image, "campaign_id": campaign, "upload_id": upload, "channel_id": channel, "issue_id": issue,
        "profile_id": saved, "token_id": token, "import_id": kept, "exchange_id": exchange, "session_id": session,
    }  # fmt: skip
    sys.stdout.write(json.dumps({key: row.pk for key, row in rows.items()}) + "\n")
