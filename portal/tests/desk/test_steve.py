"""What SteVe has kept comes in. `steve.sql` is what mariadb-dump 10.11 wrote of a database of ours with its columns."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from chargers import credentials
from chargers.models import Charger, Site
from portal.imports.steve import books
from portal.models import Import
from portal.views import imports
from sessions import energy
from sessions.models import ChargingSession, IdToken

DUMP = Path(__file__).with_name("steve.sql")
# As a younger version keeps it: EVSEs, coordinates and time zone of the address, security, tags of people in between.
YOUNG = """
SET time_zone = "+00:00";
CREATE TABLE address (address_pk int, street varchar(9), city varchar(9), latitude decimal, longitude decimal,
  time_zone varchar(255));
CREATE TABLE charge_box (charge_box_pk int, charge_box_id varchar(9), address_pk int, security_profile int,
  auth_password varchar(500));
CREATE TABLE evse (evse_pk int, charge_box_id varchar(9), evse_id int, topology_source enum('ocpp1','ocpp2'));
CREATE TABLE ocpp_tag (ocpp_tag_pk int, id_tag varchar(9), max_active_transaction_count int, note text);
CREATE TABLE user (user_pk int, first_name text, last_name text);
CREATE TABLE user_ocpp_tag (user_pk int, ocpp_tag_pk int);
CREATE TABLE transaction_start (transaction_pk int, event_timestamp timestamp, evse_pk int, id_tag text,
  start_timestamp timestamp, start_value text);
CREATE TABLE transaction_stop (transaction_pk int, event_timestamp timestamp, stop_timestamp timestamp, stop_value text,
  stop_reason text);
INSERT INTO address VALUES (1,'Kai 1','Kiel',54.3,10.1,'Europe/Berlin'),(2,NULL,NULL,1.5,2.5,'Mars/Base');
INSERT INTO charge_box VALUES (1,'CP-1',1,2,'{bcrypt}$2a$10$hash-of-steve'),(2,'CP-2',2,0,'$2a$10$hash'),
  (3,'CP-3',NULL,3,NULL);
INSERT INTO evse VALUES (7,'CP-3',1,'ocpp1');
INSERT INTO ocpp_tag VALUES (1,'04A',5000,'no holder'),(2,'04B',1,'a note');
INSERT INTO user VALUES (5,'Ada','Lovelace');
INSERT INTO user_ocpp_tag VALUES (5,1);
INSERT INTO transaction_start VALUES (1,'2026-05-01 10:00:00',7,'04A','2026-05-01 10:00:00','0');
INSERT INTO transaction_stop VALUES (1,'2026-05-01 11:00:00','2026-05-01 11:00:00','7000','EVDisconnected');
"""


def ordered(path: Any, *more: str) -> str:
    out = StringIO()
    call_command("import_steve", str(path), *more, stdout=out)
    return out.getvalue()


@pytest.fixture
def young(tmp_path: Path) -> Path:
    path = tmp_path / "steve.sql"
    path.write_text(YOUNG)
    return path


def test_a_dump_is_told_first_and_nothing_is_written(db):
    told = ordered(DUMP)
    for line in (
        "charge_box: 3 new, 0 changed, 0 as they are already, 1 left out.",
        "ocpp_tag: 4 new, 0 changed, 0 as they are already, 0 left out.",
        "transaction_start: 3 new, 0 changed, 0 as they are already, 1 left out.",
        "3 new sites: 53.0000, 10.0000, Am Kai 7, 20457 Hamburg, O'Brien Street 1, Dublin.",
        "1 transaction has no end in SteVe's books and is left out.",
        "3 new chargers come in without a password",
        "charge_box.charge_box_id of row 3, 'bad/one':",
        "transaction_start.charge_box_id of row 5, 'bad/one': Its charger is not brought in.",
        "10 rows can be brought in. Nothing is written yet; add --write.",
    ):
        assert line in told
    assert not (Charger.objects.exists() or IdToken.objects.exists() or Site.objects.exists())


def test_chargers_come_with_names_and_places_and_as_they_were_let_in(db):
    ordered(DUMP, "--write")
    first = Charger.objects.select_related("site").get(identity="CP-1")
    assert first.name == 'Row 1, left; "by the door" Second line \\ with -- and # and /* in it'
    assert (first.serial_number, first.security_profile, first.registration) == ("SN-1", 0, "accepted")
    assert first.site is not None
    assert (first.site.name, first.site.address) == ("Am Kai 7, 20457 Hamburg", "Am Kai 7, 20457 Hamburg, DE")
    assert (first.site.latitude, first.site.longitude) == (53.5416, 9.9844)
    second = Charger.objects.select_related("site").get(identity="CP-2")
    assert (second.serial_number, second.registration, str(second.site)) == (
        "BOX-2",
        "quarantined",
        "O'Brien Street 1, Dublin",
    )
    third = Charger.objects.select_related("site").get(identity="SÜD 4 (it's)")
    assert (third.name, third.registration) == ("); DROP TABLE chargers_charger; --", "rejected")
    assert str(third.site) == "53.0000, 10.0000"


def test_tags_come_with_holder_group_end_and_limit(db):
    ordered(DUMP, "--write")
    tags = {token.value: token for token in IdToken.objects.all()}
    van, lost, two = tags["04A2B3"], tags["04LOST"], tags["04TWO"]
    assert (van.group, van.holder, van.session_limit, van.status) == ("FLEET", "Van 7", 1, "accepted")
    assert van.expires_at == datetime(2027, 6, 1, 12, tzinfo=UTC)
    assert (lost.status, lost.holder) == ("blocked", "lost; 'blocked'")
    assert (two.holder, two.session_limit) == ("Mária Kowalska", 2)
    assert (tags["FLEET"].session_limit, tags["FLEET"].status) == (None, "accepted")
    assert not any(value.startswith("NEVER-READ") for value in tags)


def test_transactions_are_sessions_that_are_over_and_doubt_is_not_billed(db):
    ordered(DUMP, "--write")
    sessions = {session.transaction_id: session for session in ChargingSession.objects.select_related("id_token")}
    assert sessions.keys() == {"steve-1", "steve-2", "steve-3"}
    first, backwards, no_number = (sessions[f"steve-{number}"] for number in (1, 2, 3))
    assert (first.evse_id, str(first.id_token), first.energy_wh) == (1, "04A2B3", 7000)
    assert first.stopped_at == datetime(2026, 5, 1, 11, 30, tzinfo=UTC)  # SteVe believes the last stop it was told
    assert first.started_received_at == datetime(2026, 5, 1, 10, 0, 1, 250_000, tzinfo=UTC)
    assert (first.stop_reason, first.needs_review, first.stale_from) == ("EVDisconnected", False, first.started_at)
    assert (backwards.energy_wh, backwards.review_reasons) == (None, [energy.BACKWARDS])
    assert (no_number.energy_wh, no_number.meter_stop_wh, no_number.id_token, no_number.token_value) == (
        None,
        None,
        None,
        "GONE",
    )


def test_the_same_dump_changes_nothing_and_what_staff_have_set_stays(db):
    ordered(DUMP, "--write")
    Charger.objects.filter(identity="CP-1").update(name="Ours", site=None, security_profile=1, registration="rejected")
    IdToken.objects.filter(value="04A2B3").update(status="blocked")
    told = ordered(DUMP, "--write")
    assert "charge_box: 0 new, 1 changed, 2 as they are already, 1 left out." in told
    assert "ocpp_tag: 0 new, 0 changed, 4 as they are already, 0 left out." in told
    assert "transaction_start: 0 new, 0 changed, 3 as they are already, 1 left out." in told
    charger = Charger.objects.get(identity="CP-1")
    assert (charger.name, charger.security_profile, charger.registration) == ("Ours", 1, "rejected")
    assert charger.site is not None  # it had none
    assert IdToken.objects.get(value="04A2B3").status == "blocked"
    assert ChargingSession.objects.count() == 3


def test_a_younger_version_is_read_as_well(db, young):
    told = ordered(young, "--write")
    assert "2 new chargers have passwords, of which SteVe has kept nothing that can be read." in told
    made = dict(re.findall(r"^(CP-\d),(\w+)$", told, re.MULTILINE))
    assert made.keys() == {"CP-1", "CP-2"}
    chargers = {charger.identity: charger for charger in Charger.objects.select_related("site")}
    assert {name: charger.security_profile for name, charger in chargers.items()} == {"CP-1": 2, "CP-2": 1, "CP-3": 3}
    assert credentials.matches(chargers["CP-1"].password_hash, made["CP-1"].encode())
    first, second = chargers["CP-1"].site, chargers["CP-2"].site
    assert first is not None
    assert second is not None
    assert (first.name, first.timezone, first.latitude) == ("Kai 1, Kiel", "Europe/Berlin", 54.3)
    assert (second.name, second.timezone) == ("1.5000, 2.5000", "UTC")
    tag = IdToken.objects.get(value="04A")
    assert (tag.holder, tag.session_limit) == ("Ada Lovelace", 1000)
    session = ChargingSession.objects.get()
    assert (session.evse_id, session.energy_wh) == (1, 7000)


def test_times_that_are_not_said_to_be_utc_are_read_in_the_zone_that_is_named(db, young):
    young.write_text(YOUNG.replace('SET time_zone = "+00:00";', ""))
    assert "read as those of Europe/Berlin" in ordered(young, "--write", "--timezone", "Europe/Berlin")
    assert ChargingSession.objects.get().started_at == datetime(2026, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("identity,name\nCP-1,North\n", "ends in the middle of a statement: 'identity,name"),
        ("CREATE TABLE wp_posts (id int);", "neither charge_box nor ocpp_tag in it, but wp_posts"),
        ("", "but no table at all"),
        (YOUNG.replace("(1,'CP-1',1,2,", "(1,'CP-1',1,'high',"), "security_profile holds 'high'"),
        (YOUNG.replace("(7,'CP-3'", "(SLEEP(9),'CP-3'"), "SLEEP"),
    ],
)
def test_what_is_no_dump_of_steve_is_refused_with_the_reason(db, young, text, why):
    young.write_text(text)
    with pytest.raises(CommandError, match=re.escape(why)):
        ordered(young, "--write")
    assert not Charger.objects.exists()


def test_the_page_tells_and_writes_the_same_and_keeps_no_secret(desk, db):
    def sent(content: bytes) -> Any:
        return desk.post("/import/steve/", {"file": SimpleUploadedFile("steve.sql", content)})

    assert "ends in the middle" in sent(b"no dump").content.decode()
    assert "mysqldump stevedb address charge_box" in desk.get("/import/steve/").content.decode()
    report = sent(DUMP.read_bytes()).url
    kept = Import.objects.get()
    assert "mail-password-of-steve" not in kept.content
    page = desk.get(report).content.decode()
    assert "10 rows can be brought in." in page
    assert '<td class="num">3</td><td class="mono">charge_box.charge_box_id</td><td class="break">bad/one</td>' in page
    assert not Charger.objects.exists()
    done = desk.post(report).content.decode()
    assert "10 rows brought in." in done
    assert (Charger.objects.count(), IdToken.objects.count(), ChargingSession.objects.count()) == (3, 4, 3)
    kept.refresh_from_db()
    assert kept.content == ""


def test_no_hash_of_a_password_is_kept(young):
    with young.open() as stream:
        assert "bcrypt" not in books.kept(books.read(stream))


def test_a_dump_with_more_than_one_request_can_write_is_sent_to_the_command(desk, db, monkeypatch):
    monkeypatch.setattr(imports, "MOST_DUMP_ROWS", 2)
    page = desk.post("/import/steve/", {"file": SimpleUploadedFile("steve.sql", DUMP.read_bytes())})
    assert "more than 2 rows. Give it to the command import_steve" in page.content.decode()


def test_a_thousand_transactions_take_a_few_statements(db, young, django_assert_max_num_queries):
    starts = ",".join(f"({n},'2026-05-01 10:00:00',7,'04A','2026-05-01 10:00:00','0')" for n in range(2, 1000))
    stops = ",".join(f"({n},'2026-05-01 11:00:00','2026-05-01 11:00:00','7','Local')" for n in range(2, 1000))
    more = f"INSERT INTO transaction_start VALUES {starts};\nINSERT INTO transaction_stop VALUES {stops};\n"
    young.write_text(YOUNG + more)
    with django_assert_max_num_queries(60):
        ordered(young, "--write")
    assert ChargingSession.objects.count() == 999
