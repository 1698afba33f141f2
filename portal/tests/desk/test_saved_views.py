from __future__ import annotations

from portal.models import SavedView
from portal.tests.desk.conftest import part


def test_a_view_keeps_filters_columns_and_order_under_a_name(desk, cp1, cp2):
    query = "version=ocpp2.0.1&cols=serial_number&sort=-identity"
    answer = desk.post("/views/chargers/save/", {"name": " My  street ", "query": f"?{query}&page=3"})
    assert answer.url == f"/chargers/?{query}"
    page = desk.get(answer.url).content.decode()
    assert f'href="/chargers/?{query.replace("&", "&amp;")}" aria-current="page">My street' in page
    assert "Serial number</th>" in page
    assert "CP-1" not in part(desk, answer.url, "rows")


def test_saving_under_the_same_name_replaces_it(desk, cp1):
    desk.post("/views/tokens/save/", {"name": "Lost", "query": "status=blocked"})
    desk.post("/views/tokens/save/", {"name": "Lost", "query": "status=expired"})
    assert SavedView.objects.get().query == "status=expired"


def test_others_see_what_is_shared_and_only_staff_share(desk, onlooker, cp1):
    desk.post("/views/chargers/save/", {"name": "Mine", "query": "q=a"})
    desk.post("/views/chargers/save/", {"name": "Ours", "query": "q=b", "is_shared": "on"})
    page = onlooker.get("/chargers/").content.decode()
    assert "Ours" in page
    assert "Mine" not in page
    onlooker.post("/views/chargers/save/", {"name": "Bob's", "query": "q=c", "is_shared": "on"})
    assert not SavedView.objects.get(name="Bob's").is_shared
    own = SavedView.objects.get(name="Bob's")
    for view in SavedView.objects.exclude(pk=own.pk):
        assert onlooker.post(f"/views/{view.pk}/delete/").status_code == 404
    assert onlooker.post(f"/views/{own.pk}/delete/").status_code == 302


def test_columns_are_chosen_in_the_url_and_the_default_leaves_it_tidy(desk, cp1):
    rows = part(desk, "/chargers/?cols=serial_number,clock", "rows")
    assert "Serial number" in rows
    assert "Firmware" not in rows
    headers = {"HX-Request": "true", "HX-Target": "rows", "HX-Trigger": "filters"}
    default = "&".join(f"cols={key}" for key in ("connectors", "power", "model", "firmware", "version", "heard"))
    tidy = desk.get(f"/chargers/?q=CP&{default}", headers=headers).headers["HX-Push-Url"]
    assert tidy == "/chargers/?q=CP"
    fewer = desk.get("/chargers/?cols=power&cols=model", headers=headers).headers["HX-Push-Url"]
    assert fewer == "/chargers/?cols=power%2Cmodel"
