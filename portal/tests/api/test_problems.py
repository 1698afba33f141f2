"""Bad input gets an answer that names it, never a 5xx. PROTOCOL row 46: unknown, stray, unsortable, too many."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import urlencode

import pytest

from chargers.models import Charger

pytestmark = pytest.mark.django_db
LISTS = [
    "chargers/",
    "commands/",
    "sessions/",
    "id-tokens/",
    "sites/",
    "chargers/CP-1/commands/",
    "chargers/CP-1/messages/",
]


def test_a_problem_is_told_as_rfc_9457_wants_it(api):
    answer = api.post("/api/v1/sites/", {"name": "", "timezone": "Mars"})
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "validation_error",
        "detail": "name: This field may not be blank. timezone: 'Mars' is no IANA time zone such as Europe/Berlin.",
        "errors": [
            {"code": "blank", "detail": "This field may not be blank.", "attr": "name"},
            {"code": "invalid", "detail": "'Mars' is no IANA time zone such as Europe/Berlin.", "attr": "timezone"},
        ],
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b'{"name": "\xc3\x28"}',
        b'{"name": "\\ud800"}',
        b'{"latitude": NaN}',
        b'{"latitude": 1e999}',
        b'{"latitude": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"[" * 1100 + b"]" * 1100,
        b'{"a":' * 1000 + b"1" + b"}" * 1000,
        b"null",
        b"[]",
        b'"text"',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_json_object_is_400(api, body):
    answer = api.generic("POST", "/api/v1/sites/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_body_that_is_too_long_is_413(api):
    answer = api.generic("POST", "/api/v1/sites/", b'"' + b"x" * 2**20 + b'"', content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
)
def test_a_body_of_another_kind_is_415(api, content_type):
    answer = api.generic("POST", "/api/v1/sites/", b"name=A", content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_wrong_method_is_405(api, cp1):
    for method, path in [("DELETE", "sessions/"), ("PUT", "chargers/CP-1/"), ("POST", "chargers/CP-1/messages/")]:
        answer = api.generic(method, f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_an_answer_that_only_json_can_give_is_406_otherwise(api):
    assert api.get("/api/v1/chargers/", headers={"Accept": "text/csv"}).status_code == 406


@pytest.mark.parametrize("path", ["nothing/", "chargers/a/b/", "sessions/abc/", "%00", "chargers/CP-1/nothing/", "../"])
def test_an_unknown_path_is_404_in_json(api, path):
    answer = api.get(f"/api/v1/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_forgotten_slash_loses_neither_method_nor_body(api):
    answer = api.post("/api/v1/sites?x=1", {"name": "Harbour"})
    assert (answer.status_code, answer["Location"]) == (308, "/api/v1/sites/?x=1")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "ordering", ["password", "password_hash", "-", "?", "identity_folded", "charger__password_hash", "\0"]
)
def test_what_a_list_cannot_be_sorted_by_is_400(api, cp1, path, ordering):
    answer = api.get(f"/api/v1/{path}", {"ordering": ordering})
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "ordering")


@pytest.mark.parametrize("size", ["1000000000", "9" * 5000])
def test_a_page_has_500_rows_at_most(api, size):
    Charger.objects.bulk_create(Charger(identity=f"CP-{n}", identity_folded=f"cp-{n:04}") for n in range(501))
    assert len(api.get("/api/v1/chargers/", {"page_size": size}).json()["results"]) in (500, 50)


@pytest.mark.parametrize("size", ["0", "-1", "many", "\0", "1.5"])
def test_a_page_size_that_is_none_means_the_usual(api, size):
    Charger.objects.bulk_create(Charger(identity=f"CP-{n}", identity_folded=f"cp-{n:04}") for n in range(51))
    assert len(api.get("/api/v1/chargers/", {"page_size": size}).json()["results"]) == 50


@pytest.mark.parametrize("ordering", ["identity", "-identity", "created_at", "-created_at"])
def test_pages_together_hold_each_row_once(api, ordering):
    Charger.objects.bulk_create(Charger(identity=f"CP-{n}", identity_folded=f"cp-{n:04}") for n in range(25))
    page = api.get("/api/v1/chargers/", {"page_size": 7, "ordering": ordering}).json()
    seen = page["results"]
    while page["next"]:
        page = api.get(page["next"]).json()
        seen += page["results"]
    assert sorted(row["identity"] for row in seen) == sorted(f"CP-{n}" for n in range(25))
    assert len(api.get(page["previous"]).json()["results"]) == 7


def cursor(**parts: str) -> str:
    return b64encode(urlencode(parts).encode()).decode()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "text",
    [
        "x",
        "ü",
        "%%%",
        "====",
        "\0",
        cursor(p="\0"),
        cursor(p="nonsense"),
        cursor(o="-5", p="x"),
        cursor(o="9" * 30),
        cursor(r="2"),
    ],
)
def test_a_cursor_that_we_did_not_give_breaks_nothing(api, cp1, path, text):
    assert api.get(f"/api/v1/{path}", {"cursor": text}).status_code in (200, 400)


@pytest.mark.parametrize(
    "query",
    [
        "is_online=perhaps",
        "is_online=100%25",
        "updated_since=%25s%25(a)d",
        "site=abc",
        "site=0",
        "site=" + "9" * 25,
        "site=" + "9" * 5000,
        "site=1.5",
        "site=%00",
        "registration=maybe",
        "search=%00",
        "search=" + "x" * 256,
        "vendor=%00",
        "ocpp_version=%00",
        "updated_since=yesterday",
        "updated_since=2026-02-30T00:00:00Z",
        "updated_since=9999-12-31T23:59:59-14:00",
        "updated_since=0001-01-01T00:00:00%2B14:00",
        "updated_since=2026-11-20T12:00:00Z%00",
    ],
)
def test_a_filter_that_makes_no_sense_is_named(api, query):
    answer = api.get(f"/api/v1/chargers/?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, query.partition("=")[0])


@pytest.mark.parametrize(
    "query", ["charger=%00", "open=perhaps", "since=x", "until=x", "token=%00", "site=x", "transaction_id=%00"]
)
def test_a_filter_of_sessions_that_makes_no_sense_is_named(api, query):
    answer = api.get(f"/api/v1/sessions/?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, query.partition("=")[0])
