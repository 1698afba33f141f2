"""News of issues on their way to channels. The row is the outbox: written with the issue, sent after the commit.

A mailbox gets one mail for all that is due, a webhook one signed call for each (Standard Webhooks). What fails is tried
again, later and later, for a day; then it is given up, and can be sent again by hand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from standardwebhooks.webhooks import Webhook

from chargers import outward
from chargers.outward import Hosts
from chargers.sentences import read
from portal.issues.models import Channel, Issue, Telling
from portal.issues.signals import telling_due

log = structlog.get_logger(__name__)

# What Standard Webhooks recommends, cut to a day: who has not heard by then looks at the desk.
AGAIN_AFTER = [timedelta(seconds=5), *(timedelta(minutes=m) for m in (5, 30, 120, 300, 600))]
IN_WORK = timedelta(minutes=2)  # nobody else takes it meanwhile
TURN_S = 25.0  # beat rings every 30 s: a receiver that is slow holds up one worker, not all of them
AT_ONCE = 200
TEST = "test"


def tell(issues: Sequence[Issue], event: str, *, at: datetime) -> None:
    """Put news into the outbox of each channel that wants issues of this severity; in the caller's transaction."""
    if not issues:
        return
    channels = list(Channel.objects.filter(is_on=True))
    rows = [
        Telling(channel=channel, issue=issue, event=event, created_at=at, due_at=at)
        for channel in channels
        for issue in issues
        if issue.severity <= channel.worst_only
    ]
    if rows:
        Telling.objects.bulk_create(rows)
        _ring()


def test(channel: Channel) -> Telling:
    """Send a channel something harmless."""
    now = timezone.now()
    row = Telling.objects.create(channel=channel, event=TEST, created_at=now, due_at=now)
    _ring()
    return row


def again(telling_id: UUID) -> None:
    """Try once more what was given up."""
    waiting = {"status": Telling.Status.PENDING, "due_at": timezone.now(), "tries": 0}
    if Telling.objects.filter(pk=telling_id, status=Telling.Status.FAILED).update(**waiting):
        _ring()


def _ring() -> None:
    transaction.on_commit(lambda: telling_due.send_robust(sender=Telling))


def deliver(*, at: datetime) -> int:
    """Send what is due, until a turn is over; how many rows that were. Two workers never send the same row."""
    ends_at, count = monotonic() + TURN_S, 0
    for keys in _due(at):
        if count and monotonic() >= ends_at:
            break  # beat rings again
        if rows := _claim(keys, at):
            count += len(rows)
            is_mail = rows[0].channel.kind == Channel.Kind.MAIL
            _settle(rows, _mail(rows) if is_mail else _call(rows[0]), at)
    return count


def _due(at: datetime) -> list[list[UUID]]:
    """Keys of what goes out together: all news for a mailbox, each for a webhook.

    The first of every channel goes before the second of any, so that nobody waits for a receiver that is slow.
    """
    due = Telling.objects.filter(status=Telling.Status.PENDING, due_at__lte=at).order_by("due_at")
    of_channel: defaultdict[int, list[list[UUID]]] = defaultdict(list)
    for pk, channel_id, kind in due.values_list("pk", "channel", "channel__kind")[:AT_ONCE]:
        portions = of_channel[channel_id]
        if portions and kind == Channel.Kind.MAIL:
            portions[0].append(pk)
        else:
            portions.append([pk])
    return [keys for nth in zip_longest(*of_channel.values()) for keys in nth if keys]


def _claim(keys: Sequence[UUID], at: datetime) -> list[Telling]:
    mine = [
        pk
        for pk in keys
        # Each under its own condition once more: another worker reads the same list.
        if Telling.objects.filter(pk=pk, status=Telling.Status.PENDING, due_at__lte=at).update(
            due_at=at + IN_WORK, tries=F("tries") + 1
        )
    ]
    rows = Telling.objects.filter(pk__in=mine).select_related("channel", "issue__charger__site", "issue__site")
    return list(rows.order_by("created_at"))


def _settle(rows: Sequence[Telling], trouble: str, at: datetime) -> None:
    for row in rows:
        row.trouble = trouble[:255]
        if not trouble:
            row.status, row.sent_at = Telling.Status.SENT, at
        elif row.tries > len(AGAIN_AFTER):
            row.status = Telling.Status.FAILED
        else:
            row.due_at = at + AGAIN_AFTER[row.tries - 1]
        row.save(update_fields=["status", "sent_at", "due_at", "trouble"])
    if trouble:
        log.warning("telling_failed", channel=rows[0].channel.name, news=len(rows), trouble=trouble[:200])


# -- mail ------------------------------------------------------------------------------------------------------------


def _mail(rows: Sequence[Telling]) -> str:
    """One mail with all news; what went wrong in words, empty if nothing did."""
    if not settings.EMAIL_URL:
        return "There is no mail server: set EMAIL_URL."
    with translation.override(rows[0].channel.language):
        lines = [_line(row) for row in rows]
        opened = sum(row.event == "issue.opened" for row in rows)
        several = _("{opened} opened, {closed} closed").format(opened=opened, closed=len(rows) - opened)
    subject = lines[0] if len(rows) == 1 else several
    body = "\n\n".join(f"{line}\n{_link(row)}" for line, row in zip(lines, rows, strict=True))
    mail = EmailMessage(f"[Chargeyard] {_one_line(subject)}"[:200], body, settings.MAIL_FROM, [rows[0].channel.address])
    try:
        mail.send()
    except Exception as error:  # whatever the mail server and its library think of
        return f"{type(error).__name__}: {error}"
    return ""


def _line(row: Telling) -> str:
    """The news in a sentence, in the language that is active."""
    if row.issue is None:
        return _("This is a test. Mails about issues will come to this address.")
    title = read(row.issue.title)
    if row.event == "issue.closed":
        return _("Closed: {title} {reason}").format(title=title, reason=read(row.issue.close_reason))
    return f"{capfirst(row.issue.get_severity_display())}: {title}"


def _one_line(text: str) -> str:
    """What a charger says may hold line ends; in a subject they would begin another header."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _link(row: Telling) -> str:
    path = reverse("issue", args=[row.issue_id]) if row.issue_id else reverse("channels")
    return f"{settings.PUBLIC_URL}{path}"


# -- webhooks --------------------------------------------------------------------------------------------------------


def webhook_hosts() -> Hosts:
    return Hosts(settings.WEBHOOK_HOSTS, "WEBHOOK_HOSTS")


def _call(row: Telling) -> str:
    """One signed call; what went wrong in words, empty if nothing did."""
    sent_at = timezone.now()
    text = json.dumps({"type": row.event, "timestamp": sent_at.isoformat(), "data": body_of(row)})
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Chargeyard",
        "webhook-id": str(row.pk),
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": Webhook(row.channel.secret).sign(str(row.pk), sent_at, text),
    }
    try:
        status, answer = outward.post(row.channel.address, text.encode(), headers, webhook_hosts())
    except (outward.Forbidden, OSError) as error:
        return str(error)
    return "" if 200 <= status < 300 else f"It answered {status}: {answer.decode('utf-8', 'replace')[:150]}"


def body_of(row: Telling) -> dict[str, Any]:
    """What a webhook says of an issue."""
    issue = row.issue
    if issue is None:
        return {"text": "This is a test of the channel."}
    return {
        "id": issue.pk,
        "rule": issue.rule,
        "severity": issue.get_severity_display(),
        "title": issue.title,
        "charger": issue.charger.identity if issue.charger else None,
        "site": issue.site.name
        if issue.site
        else issue.charger.site.name
        if issue.charger and issue.charger.site
        else None,
        "evse_id": issue.evse_id or None,
        "session": issue.session_id,
        "opened_at": issue.opened_at.isoformat(),
        "closed_at": issue.closed_at.isoformat() if issue.closed_at else None,
        "close_reason": issue.close_reason or None,
        "url": _link(row),
    }
