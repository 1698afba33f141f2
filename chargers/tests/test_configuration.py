from __future__ import annotations

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chargers import configuration
from chargers.configuration import Place, Reported, place_of
from chargers.models import Setting

word = st.text("abcXYZ019", min_size=1, max_size=8)
places = st.builds(
    Place,
    name=word,
    component=word,
    component_instance=st.one_of(st.just(""), word),
    evse_id=st.integers(0, 9),
    instance=st.one_of(st.just(""), word),
    attribute=st.sampled_from(["Actual", "Target", "MinSet", "MaxSet"]),
)


@given(places)
def test_a_path_leads_back_to_its_place(place):
    setting = Setting(**{column: getattr(place, column) for column in Place.__dataclass_fields__})
    assert place_of(setting.path) == place


def test_what_a_report_leaves_out_stays(cp1):
    place = Place("HeartbeatInterval")
    configuration.record(cp1, [Reported(place, value="300", unit="s", is_readonly=True)], at=timezone.now())
    configuration.record(cp1, [Reported(place, value="60")], at=timezone.now())
    setting = Setting.objects.get()
    assert (setting.value, setting.unit, setting.is_readonly) == ("60", "s", True)


@pytest.mark.parametrize("name", ["AuthorizationKey", "BasicAuthPassword", "authorizationkey", "WiFi_Passphrase"])
def test_a_password_is_never_stored(cp1, name):
    configuration.record(cp1, [Reported(Place(name), value="hunter2-hunter2-h")], at=timezone.now())
    setting = Setting.objects.get()
    assert (setting.value, setting.is_writeonly) == ("", True)


def test_a_large_inventory_is_one_statement_more(cp1, django_assert_max_num_queries):
    reports = [Reported(Place(f"Variable{n}", component="Ctrlr"), value=str(n)) for n in range(400)]
    with django_assert_max_num_queries(20):
        assert configuration.record(cp1, reports, at=timezone.now()) == 400
    assert Setting.objects.count() == 400


def test_a_charger_that_makes_up_settings_is_believed_only_so_many(cp1, monkeypatch):
    monkeypatch.setattr(configuration, "MOST", 3)

    def told(*names: str, value: str) -> None:
        configuration.record(cp1, [Reported(Place(name), value=value) for name in names], at=timezone.now())

    told("A", "B", value="1")
    told("C", "D", "A", value="2")
    assert list(Setting.objects.order_by("name").values_list("name", "value")) == [("A", "2"), ("B", "1"), ("C", "2")]
