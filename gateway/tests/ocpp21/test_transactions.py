"""A session as 2.1 tells it: paid at the terminal, priced by the station."""

from __future__ import annotations

from chargers.models import Boot, Notice
from gateway.testing import frames
from gateway.tests.post import frame, post
from sessions.models import ChargingSession, MeterValue, SessionEvent

STEPS = ("started_payment", "updated_cost", "ended_cost")


def tell(three, step, **changes):
    return three.call("TransactionEvent", **frames.load(f"ocpp21/transaction_{step}.json", **changes))


def test_a_session_is_followed_and_its_energy_counted(three):
    answers = [tell(three, step) for step in STEPS]
    session = ChargingSession.objects.get()
    assert (session.energy_wh, session.stop_reason) == (67200, "ReqEnergyTransferRejected")
    assert session.token_value == "PSP-7f3a90c2"
    assert answers[0]["idTokenInfo"]["status"] == "Invalid"  # nobody registered the terminal's token
    assert answers[1:] == [{}, {}]


def test_what_2_1_adds_to_an_event_is_kept_as_sent(three):
    for step in STEPS:
        tell(three, step)
    first, second, _ = (event.payload["as_sent"] for event in SessionEvent.objects.order_by("seq_no"))
    assert first["transactionInfo"]["tariffId"] == "ADHOC-2026"
    assert first["transactionInfo"]["transactionLimit"] == {"maxCost": 40.0}
    assert (first["preconditioningStatus"], second["evseSleep"]) == ("Ready", False)


def test_what_the_station_computed_as_cost_is_kept_beside_the_session(three):
    for step in STEPS:
        tell(three, step)
    costs = Notice.objects.filter(kind="session_cost", key=ChargingSession.objects.get().transaction_id)
    assert [cost.payload["totalCost"]["total"]["inclTax"] for cost in costs.order_by("id")] == [8.57, 40.0]


def test_an_event_that_comes_again_is_one_event_and_one_cost(three):
    for step in (*STEPS, "ended_cost"):
        tell(three, step)
    assert SessionEvent.objects.count() == 3
    assert Notice.objects.filter(kind="session_cost").count() == 2


def test_an_event_twice_in_a_batch_is_one_event_and_one_cost(three):
    """The gateway has sent it again before the first was answered, and both were collected."""
    told = frame("TransactionEvent", frames.load("ocpp21/transaction_ended_cost.json"))
    assert len(post(three.charger, told, told).answers) == 2
    assert SessionEvent.objects.count() == 1
    assert Notice.objects.filter(kind="session_cost").count() == 1


def test_measurands_and_signatures_of_2_1_are_kept(three):
    tell(three, "started_payment")
    tell(three, "updated_cost")
    samples = {s["measurand"]: s for value in MeterValue.objects.all() for s in value.samples}
    assert samples["Display.PresentSOC"]["value"] == 71
    assert samples["Energy.Active.Import.Register"]["signed"]["encodingMethod"] == "OCMF"


def test_a_token_may_be_of_any_kind(three, card):
    told = frames.load("ocpp21/transaction_started_payment.json", idToken={"idToken": card.value, "type": "VIN"})
    assert three.call("TransactionEvent", **told)["idTokenInfo"]["status"] == "Accepted"
    assert (
        three.call("Authorize", idToken={"idToken": card.value, "type": "eMAID"})["idTokenInfo"]["status"] == "Accepted"
    )


def test_a_boot_is_stored_and_accepted(three):
    assert three.call("BootNotification", **frames.load("ocpp21/boot_acme.json"))["status"] == "Accepted"
    assert Boot.objects.get().model == "Plaza 300"
