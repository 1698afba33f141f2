"""People decide what a session has drawn, and end one that its charger forgot."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from sessions import reviewing, truth
from sessions.events import Message
from sessions.models import ChargingSession, MeterValue, Review
from sessions.readings import Reading, ReadingBook
from sessions.starting import Start, start_all
from sessions.stopping import Stop, stop_all
from sessions.units import sample


def begin(charger, *, meter=0, ago=timedelta(hours=1)) -> ChargingSession:
    at = timezone.now() - ago
    told = Start(1, "04A2", meter, at.isoformat(), {"meterStart": meter, "timestamp": at.isoformat()})
    (begun,) = start_all([Message(charger, told, at)])
    return begun.session


def read(session, *registers, power_w=7400) -> None:
    for index, wh in enumerate(registers):
        at = session.started_at + timedelta(minutes=index + 1)
        samples = [sample(str(wh)), sample(str(power_w), measurand="Power.Active.Import")]
        tell(session, at, samples)


def tell(session, at, samples) -> None:
    book = ReadingBook()
    book.add(Reading(session.charger_id, 1, samples, at, device_time=at.isoformat(), session_id=session.pk))
    book.write()


def end(session, meter) -> ChargingSession:
    at = session.started_at + timedelta(minutes=59)
    as_sent = {"meterStop": meter, "timestamp": at.isoformat()}
    told = Stop(int(session.transaction_id), meter, at.isoformat(), "Local", as_sent)
    stop_all([Message(session.charger, told, at)])
    return ChargingSession.objects.get(pk=session.pk)


def later():
    return timezone.now() + timedelta(minutes=5)


@pytest.fixture
def doubtful(cp1) -> ChargingSession:
    """It says that it began at 0, and its register is 910 kWh."""
    session = begin(cp1)
    read(session, 910_250, 914_000)
    return end(session, 917_500)


def test_a_lifetime_register_behind_a_start_of_0_bills_nothing_and_gets_a_proposal(doubtful):
    assert (doubtful.energy_wh, doubtful.review_reasons) == (None, [truth.START_IS_ZERO])
    assert reviewing.propose_lately(at=later()) == 1
    doubtful.refresh_from_db()
    assert (doubtful.energy_wh, doubtful.proposed_wh) == (None, 7250)
    assert doubtful.proposal.startswith("From the first reading")
    assert reviewing.propose_lately(at=later()) == 0


def test_readings_that_come_late_change_the_proposal(doubtful):
    reviewing.propose_lately(at=later())
    at = doubtful.started_at + timedelta(seconds=20)
    book = ReadingBook()
    book.add(
        Reading(doubtful.charger_id, 1, [sample("910100")], at, device_time=at.isoformat(), session_id=doubtful.pk)
    )
    book.write()
    reviewing.propose_lately(at=later())
    doubtful.refresh_from_db()
    assert doubtful.proposed_wh == 7400


def test_without_readings_the_sessions_before_tell(cp1):
    end(begin(cp1, ago=timedelta(hours=4)), 903_000)
    session = end(begin(cp1), 910_000)
    assert truth.NEVER_FROM_ZERO in session.review_reasons and session.energy_wh is None
    reviewing.propose_lately(at=later())
    session.refresh_from_db()
    assert session.proposed_wh == 7000


def test_a_register_that_fell_on_the_way_is_not_billed_from_end_to_end(cp1):
    session = begin(cp1, meter=1000)
    read(session, 3000, 5000, 200)
    session = end(session, 3000)
    assert (session.energy_wh, session.review_reasons) == (None, [truth.DROPPED])
    reviewing.propose_lately(at=later())
    session.refresh_from_db()
    assert session.proposed_wh == 7000


def queued(session, register, *, minute, told_as=None) -> None:
    """A reading that lay in a queue until 40 minutes after the start, told one second after the other."""
    at = session.started_at + timedelta(minutes=minute)
    received_at = session.started_at + timedelta(minutes=40, seconds=minute)
    told = Reading(
        session.charger_id, 1, [sample(str(register))], received_at,
        device_time=told_as or at.isoformat(), session_id=session.pk,
    )  # fmt: skip
    book = ReadingBook()
    book.add(told)
    book.write()


def test_a_clock_that_is_put_right_while_readings_are_queued_makes_no_register_fall(cp1):
    session = begin(cp1, meter=1000)
    queued(session, 2000, minute=1, told_as="1970-01-01T00:00:05Z")
    queued(session, 3000, minute=2)
    queued(session, 4000, minute=3)
    session = end(session, 5000)
    assert (session.energy_wh, session.needs_review) == (4000, False)


def test_a_clock_that_goes_back_an_hour_makes_no_register_fall(cp1):
    session = begin(cp1, meter=1000)
    for minute, register in ((1, 2000), (-57, 3000), (5, 4000)):
        queued(session, register, minute=minute) if minute > 0 else hour_back(session, register)
    session = end(session, 5000)
    assert (session.energy_wh, session.needs_review) == (4000, False)


def hour_back(session, register) -> None:
    """A reading of the third minute, by a clock that has gone back to winter."""
    at, received_at = (session.started_at + timedelta(minutes=minute, seconds=2) for minute in (-57, 40))
    book = ReadingBook()
    book.add(
        Reading(
            session.charger_id, 1, [sample(str(register))], received_at, device_time=at.isoformat(),
            session_id=session.pk,
        )
    )  # fmt: skip
    book.write()


def test_a_register_that_falls_by_a_clock_that_is_always_wrong_has_fallen(cp1):
    session = begin(cp1, meter=1000)
    for minute, register in enumerate((3000, 5000, 200), 1):
        queued(session, register, minute=minute, told_as=f"1970-01-01T00:0{minute}:00Z")
    session = end(session, 3000)
    assert (session.energy_wh, session.review_reasons) == (None, [truth.DROPPED])


def test_a_register_below_the_start_is_a_fall_in_whatever_order_the_readings_come(cp1, cp2):
    """Left out, but not forgotten: neither by what comes with it nor by what comes late."""
    together, apart = begin(cp1, meter=1000), begin(cp2, meter=1000)
    tell_at_once(together, (5, 2000), (10, 500), (15, 3000))
    for told in ((10, 500), (15, 3000), (5, 2000)):
        tell_at_once(apart, told)
    for session in (end(together, 4000), end(apart, 4000)):
        assert (session.energy_wh, session.review_reasons) == (None, [truth.DROPPED])


def tell_at_once(session, *told) -> None:
    """Readings of one batch, by minute and register."""
    book = ReadingBook()
    for minute, register in told:
        at = session.started_at + timedelta(minutes=minute)
        book.add(
            Reading(
                session.charger_id, 1, [sample(str(register))], at, device_time=at.isoformat(), session_id=session.pk
            )
        )
    book.write()


def test_without_a_stop_energy_counts_to_the_register_that_was_told_last(cp1):
    session = begin(cp1, meter=1000)
    queued(session, 2000, minute=1)
    hour_back(session, 3000)
    session.refresh_from_db()
    assert (session.energy_wh, session.needs_review) == (2000, False)


def test_a_sample_of_0_on_the_way_is_no_register(cp1):
    session = begin(cp1, meter=1000)
    read(session, 3000, 0, 5000)
    session = end(session, 7000)
    assert (session.energy_wh, session.needs_review) == (6000, False)


def test_what_somebody_decides_is_kept_with_its_reason(doubtful, alice):
    reviewing.propose_lately(at=later())
    reviewing.decide(doubtful.pk, 7250, reason="As proposed.", by=alice)
    doubtful.refresh_from_db()
    assert (doubtful.energy_wh, doubtful.needs_review) == (7250, False)
    review = Review.objects.get()
    assert (review.by, review.before_wh, review.after_wh, review.proposed_wh) == (alice, None, 7250, 7250)
    assert review.doubts == [truth.START_IS_ZERO]


def test_a_decision_stands_whatever_comes_afterwards(doubtful, alice):
    reviewing.decide(doubtful.pk, 7250, reason="As proposed.", by=alice)
    at = doubtful.started_at + timedelta(minutes=40)
    book = ReadingBook()
    book.add(
        Reading(doubtful.charger_id, 1, [sample("916000")], at, device_time=at.isoformat(), session_id=doubtful.pk)
    )
    book.write()
    doubtful.refresh_from_db()
    assert (doubtful.energy_wh, doubtful.needs_review) == (7250, True)
    assert doubtful.review_reasons == [
        "It was told more about it after it was reviewed; look whether the decision still holds."
    ]


@pytest.mark.parametrize(
    ("energy_wh", "reason", "why"),
    [(-1, "x", "nothing that one session draws"), (10**9, "x", "nothing"), (5, " ", "Say why")],
)
def test_a_decision_needs_a_reason_and_a_possible_value(doubtful, alice, energy_wh, reason, why):
    with pytest.raises(reviewing.CannotDecide, match=why):
        reviewing.decide(doubtful.pk, energy_wh, reason=reason, by=alice)
    assert not Review.objects.exists()


def test_a_running_session_is_not_decided(cp1, alice):
    with pytest.raises(reviewing.CannotDecide, match="still running"):
        reviewing.decide(begin(cp1).pk, 5, reason="x", by=alice)


def test_a_stuck_session_is_closed_at_its_last_sign_of_life(cp1, alice):
    session = begin(cp1, meter=1000)
    read(session, 3000, 5000)
    reviewing.close(session.pk, reason="The car has gone.", by=alice)
    session.refresh_from_db()
    assert session.stopped_at == session.started_at + timedelta(minutes=2)
    assert (session.stop_reason, session.energy_wh, session.needs_review) == ("ClosedByStaff", 4000, True)
    with pytest.raises(reviewing.CannotDecide, match="ended already"):
        reviewing.close(session.pk, reason="Again.", by=alice)


def test_who_closes_a_session_of_which_nothing_was_read_is_told_that_its_energy_is_not_known(cp1, alice):
    session = begin(cp1, meter=1000)
    reviewing.close(session.pk, reason="The car has gone.", by=alice)
    session.refresh_from_db()
    assert (session.energy_wh, session.review_reasons) == (None, [reviewing.NOTHING_READ])


def test_a_stop_that_comes_after_all_is_taken(cp1, alice):
    session = begin(cp1, meter=1000)
    read(session, 3000, 5000)
    reviewing.close(session.pk, reason="The car has gone.", by=alice)
    session = end(session, 8000)
    assert (session.energy_wh, session.stop_reason) == (7000, "Local")
    assert MeterValue.objects.filter(session=session).count() == 2
