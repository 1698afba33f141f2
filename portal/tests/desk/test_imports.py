from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from chargers import credentials
from chargers.models import Charger, Site
from portal.models import Import
from sessions.models import IdToken


@pytest.fixture
def bring(desk: Any) -> Any:
    """Upload a table; the page that says what it would do, and what doing it answers."""

    def upload(kind: str, text: str, *, agree: bool = False, **more: Any) -> str:
        file = SimpleUploadedFile("table.csv", text.encode())
        answer = desk.post(f"/import/{kind}/", {"file": file, **more})
        if answer.status_code == 200:
            return str(answer.content.decode())
        report = desk.post(answer.url) if agree else desk.get(answer.url)
        return str(report.content.decode())

    return upload


def exported(client: Any, url: str) -> list[dict[str, str]]:
    with pytest.warns(Warning, match="asynchronous iterators"):  # the test client is no ASGI server
        text = b"".join(client.get(url)).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_a_table_says_what_is_wrong_with_which_cell_and_writes_nothing(bring, cp1):
    Site.objects.create(name="Rathaus")
    page = bring(
        "chargers",
        "identity,name,site,security_profile,password,colour\n"
        "CP-7,North,rathaus,1,,red\n"
        "a/b,,,,,\n"
        "CP-8,,Nowhere,,,\n"
        "cp-7,,,,,\n"
        "CP-9,,,7,,\n"
        "CP-1,Left,,3,,\n",
    )
    assert "1 new, 0 changed, 0 as they are already, 5 rows left out" in page
    for row, column, value, remedy in (
        (3, "identity", "a/b", "it has to be one segment of a URL"),
        (4, "site", "Nowhere", "let the import make missing sites"),
        (5, "identity", "cp-7", "Row 2 names it already"),
        (6, "security_profile", "7", "It can be 0, 1, 2 or 3"),
        (7, "security_profile", "3", "Change it on the charger"),
    ):
        told = f'<td class="num">{row}</td><td class="mono">{column}</td><td class="break">{value}</td>'
        assert told in page
        assert remedy in page
    assert "Not read: colour." in page
    assert Charger.objects.count() == 1


def test_agreeing_registers_moves_and_tells_passwords_once(desk, bring, cp1):
    table = (
        "identity;name;site;security_profile;password\nCP-7;=Süd;Depot;1;\nCP-8;;Depot;0;\n"
        "CP-10;;;2;my-own-password-of-20\nCP-1;Left;Depot;;\n"
    )
    page = bring("chargers", table, agree=True, makes_sites="on")
    assert "4 chargers brought in" in page
    charger = Charger.objects.select_related("site").get(identity="CP-7")
    assert (charger.name, str(charger.site)) == ("=Süd", "Depot")
    told = dict(line.split(",") for line in page.split('id="made"')[1].split(">")[1].split("<")[0].split())
    assert told.keys() == {"identity", "CP-7"}
    assert credentials.matches(charger.password_hash, told["CP-7"].encode())
    own = Charger.objects.get(identity="CP-10")
    assert credentials.matches(own.password_hash, b"my-own-password-of-20")
    cp1.refresh_from_db()
    assert (cp1.name, str(cp1.site)) == ("Left", "Depot")
    kept = Import.objects.get()
    assert kept.content == ""
    assert told["CP-7"] not in desk.post(f"/import/{kept.pk}/report/", follow=True).content.decode()
    assert Charger.objects.count() == 4


def test_what_is_exported_comes_back_unchanged(desk, bring, cp1, cp2):
    Charger.objects.filter(pk=cp1.pk).update(name="=1+1", site=Site.objects.create(name="@home"))
    rows = exported(desk, "/chargers.csv?sort=-identity")
    assert [row["identity"] for row in rows] == ["CP-2", "CP-1"]
    assert rows[1]["name"] == "'=1+1"
    written = io.StringIO()
    writer = csv.DictWriter(written, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    assert "0 new, 0 changed, 2 as they are already" in bring("chargers", written.getvalue())


def test_an_export_has_the_rows_and_columns_of_the_view(desk, cp1, cp2):
    rows = exported(desk, "/chargers.csv?version=ocpp2.0.1&cols=model")
    assert rows == [{"state": "unknown", "identity": "CP-2", "model": "Street 50"}]


def test_sessions_and_tokens_are_exported(desk, cp1, start):
    token = IdToken.objects.create(value="+04A2", holder="M. Kowalska", session_limit=2)
    start(cp1, id_token=token, token_value="+04A2", energy_wh=5600)
    assert exported(desk, "/tokens.csv")[0]["value"] == "'+04A2"
    session = exported(desk, "/sessions.csv")[0]
    assert (session["token"], session["holder"], session["energy_wh"]) == ("'+04A2", "M. Kowalska", "5600")


def test_tokens_come_in_with_what_is_wrong_named(bring, db):
    IdToken.objects.create(value="04a2", holder="Old")
    rows = ("04A2,New,2027-12-31,,3", "04B,,soon,,", "04C,,,maybe,", "04D,,,,0", ",x,,,")
    table = "\n".join(["value,holder,expires_at,status,session_limit", *rows])
    page = bring("tokens", table)
    assert "0 new, 1 changed, 0 as they are already, 4 rows left out" in page
    for remedy in ("No day or time like", "accepted or blocked", "A number from 1 to", "The token is missing"):
        assert remedy in page
    bring("tokens", table, agree=True)
    token = IdToken.objects.get()
    assert (token.holder, token.session_limit) == ("New", 3)
    assert token.expires_at == datetime(2028, 1, 1, tzinfo=UTC)  # until the end of that day


def test_tags_of_steve_are_understood(bring, db):
    table = (
        '"ocpp_tag_pk","id_tag","parent_id_tag","expiry_date","max_active_transaction_count","note"\n'
        '"1","04A2B3","fleet-7","2027-06-01 12:00:00.000000","1","Van 7"\n'
        '"2","04LOST",NULL,NULL,"0",\\N\n'
        '"3","04BOSS",NULL,NULL,"-1",\\N\n'
    )
    page = bring("tokens", table, agree=True)
    assert "3 tokens brought in" in page
    van, lost, boss = (IdToken.objects.get(value=value) for value in ("04A2B3", "04LOST", "04BOSS"))
    assert (van.group, van.holder, van.session_limit) == ("fleet-7", "Van 7", 1)
    assert van.expires_at == datetime(2027, 6, 1, 12, tzinfo=UTC)
    assert (lost.status, lost.holder) == ("blocked", "")
    assert (boss.status, boss.session_limit) == ("accepted", None)


def test_a_thousand_chargers_take_a_few_statements(bring, db, django_assert_max_num_queries):
    table = "identity,site\n" + "".join(f"CP-{number},Depot\n" for number in range(1000))
    with django_assert_max_num_queries(60):
        bring("chargers", table, agree=True, makes_sites="on")
    assert Charger.objects.filter(site__name="Depot").count() == 1000


def test_somebody_elses_file_is_not_shown_and_bob_brings_in_nothing(desk, onlooker, bring, django_user_model):
    bring("chargers", "identity\nCP-7\n")
    kept = Import.objects.get()
    assert onlooker.post(f"/import/{kept.pk}/report/").status_code == 403
    eve = django_user_model.objects.create_superuser("eve", "eve@example.com", "eve-is-staff-as-well")
    onlooker.force_login(eve)
    assert onlooker.get(f"/import/{kept.pk}/report/").status_code == 404
    assert not Charger.objects.exists()
