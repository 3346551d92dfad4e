# SPDX-License-Identifier: EUPL-1.2
"""Was this key trusted for this on that day? For every day, against a model that paints days one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.registry import NOTHING, Period, Reason, RegistryHistory, Standing
from ledger.registry_events import NO_END, Action, Kind, MembersChanged, Role
from protocol.encoding import sha256
from protocol.errors import UnavailableError, VerificationError
from tests.fakes.registry_events import RegistryScribe

DAY = 86_400
FIRST = date(2026, 11, 1)
EPOCH = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
DEGREE, KEY = sha256(b"degree"), sha256(b"key")


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def at(day: int, seconds: int = 0) -> datetime:
    return datetime.fromtimestamp(EPOCH + day * DAY + seconds, UTC)


@pytest.fixture
def scribe() -> RegistryScribe:
    """The university joined on day 1, may issue degrees from day 2 and has its key from day 3; it is day 30."""
    made = RegistryScribe(EPOCH)
    made.now = EPOCH + DAY
    made.join("U1")
    made.give(Kind.RIGHT, Role.ISSUER, "U1", DEGREE, start=EPOCH + 2 * DAY)
    made.give(Kind.KEY, Role.ISSUER, "U1", KEY, start=EPOCH + 3 * DAY)
    made.now = EPOCH + 30 * DAY
    return made


def ask(scribe, day, *, key=KEY, role=Role.ISSUER, what=DEGREE):
    answer = scribe.history.trusted(key, role, what, on=day if isinstance(day, datetime) else on(day))
    return answer.standing, answer.reason


def test_key_is_trusted_from_the_day_that_all_conditions_hold(scribe):
    assert ask(scribe, 2) == (Standing.NOT_TRUSTED, Reason.KEY)
    assert ask(scribe, 3) == (Standing.TRUSTED, None)
    assert ask(scribe, 29) == (Standing.TRUSTED, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"what": sha256(b"census")}, Reason.RIGHT),
        ({"role": Role.VERIFIER}, Reason.UNKNOWN_KEY),
        ({"key": sha256(b"another")}, Reason.UNKNOWN_KEY),
    ],
)
def test_key_is_trusted_for_nothing_else(scribe, changes, reason):
    assert ask(scribe, 10, **changes) == (Standing.NOT_TRUSTED, reason)


def test_a_right_of_another_administration_does_not_help(scribe):
    scribe.join("U2")
    scribe.give(Kind.RIGHT, Role.ISSUER, "U2", sha256(b"census"))
    scribe.now += DAY
    assert ask(scribe, at(30, 60), what=sha256(b"census")) == (Standing.NOT_TRUSTED, Reason.RIGHT)


def test_key_reported_late_is_not_trusted_since_then(scribe):
    """Reported on day 30, compromised since noon of day 10: days before stay as they were."""
    noon = EPOCH + 10 * DAY + DAY // 2
    scribe.compromise(Role.ISSUER, "U1", KEY, start=noon)
    assert ask(scribe, 9) == (Standing.TRUSTED, None)
    assert ask(scribe, 10) == (Standing.PARTLY, Reason.COMPROMISED)
    assert ask(scribe, 11) == (Standing.NOT_TRUSTED, Reason.COMPROMISED)
    assert ask(scribe, at(10, DAY // 2 - 1)) == (Standing.TRUSTED, None)
    assert ask(scribe, at(10, DAY // 2)) == (Standing.NOT_TRUSTED, Reason.COMPROMISED)
    answer = scribe.history.trusted(KEY, Role.ISSUER, DEGREE, on=on(10))
    assert answer.periods == (Period(EPOCH + 10 * DAY, noon),)


def test_the_earliest_of_two_reports_counts_in_any_order(scribe):
    for day in (20, 10, 15):
        scribe.compromise(Role.ISSUER, "U1", KEY, start=EPOCH + day * DAY)
    assert ask(scribe, 9) == (Standing.TRUSTED, None)
    assert ask(scribe, 10) == (Standing.NOT_TRUSTED, Reason.COMPROMISED)


def test_what_ends_today_was_right_yesterday(scribe):
    for kind, role, what, reason in (
        (Kind.KEY, Role.ISSUER, KEY, Reason.KEY),
        (Kind.RIGHT, Role.ISSUER, DEGREE, Reason.RIGHT),
        (Kind.ADMINISTRATION, Role.NONE, NOTHING, Reason.ADMINISTRATION),
    ):
        other = RegistryScribe(EPOCH, list(scribe.events[:0]))
        other.events, other.now = list(scribe.events), scribe.now
        other.end(kind, role, "U1", what)
        other.now += 2 * DAY
        assert ask(other, 29) == (Standing.TRUSTED, None)
        assert ask(other, 31) == (Standing.NOT_TRUSTED, reason)


def test_an_administration_with_another_account_goes_on(scribe):
    scribe.join("U1", details=b"other name")
    scribe.now += 2 * DAY
    assert ask(scribe, 30) == (Standing.TRUSTED, None)
    assert ask(scribe, 31) == (Standing.TRUSTED, None)


def test_outside_of_what_was_read_could_not_tell(scribe):
    for day in (-1, 31, 5000):
        with pytest.raises(UnavailableError) as caught:
            ask(scribe, day)
        assert caught.value.code == "registry_not_known"
    # the block's own second is known, the next is not
    assert ask(scribe, at(30)) == (Standing.TRUSTED, None)
    with pytest.raises(UnavailableError):
        ask(scribe, at(30, 1))


def test_present_entries_leave_out_what_ended_is_compromised_or_rests(scribe):
    def keys():
        return [entry.what for entry in scribe.history.entries(Kind.KEY, at=at(30))]

    second, third = sha256(b"second"), sha256(b"third")
    for key in (second, third):
        scribe.give(Kind.KEY, Role.ISSUER, "U1", key)
    assert keys() == [KEY, second, third]
    scribe.compromise(Role.ISSUER, "U1", second, start=EPOCH + 29 * DAY)
    scribe.end(Kind.KEY, Role.ISSUER, "U1", third)
    assert keys() == [KEY]
    scribe.leave("U1")
    assert keys() == []


class TestWhole:
    """A history is folded whole or not at all."""

    def fold(self, scribe, events=None, **place):
        events = scribe.events if events is None else events
        return RegistryHistory.fold(events, replace(scribe.place, **place))

    def refused(self, *args, **kwargs):
        with pytest.raises(VerificationError) as caught:
            self.fold(*args, **kwargs)
        assert caught.value.code == "registry_history"

    def test_any_event_left_out_is_noticed(self, scribe):
        for number in range(len(scribe.events)):
            self.refused(scribe, [*scribe.events[:number], *scribe.events[number + 1 :]])

    def test_two_events_in_another_order_are_noticed(self, scribe):
        first, second, *rest = scribe.events
        self.refused(scribe, [second, first, *rest])

    def test_any_member_changed_is_noticed(self, scribe):
        event = scribe.events[-1]
        for name, value in (
            ("recorded_at", event.recorded_at + 1),
            ("action", Action.END),
            ("kind", Kind.PAGE_BUNDLE),
            ("role", Role.SEALER),
            ("administration", DEGREE),
            ("what", DEGREE),
            ("start", 0),
            ("end", 1),
            ("details", b"x"),
            ("sequence", 9),
        ):
            self.refused(scribe, [*scribe.events[:-1], replace(event, **{name: value})])
        members = scribe.events[0]
        for name, value in (("members", members.members[:1]), ("threshold", 1)):
            self.refused(scribe, [replace(members, **{name: value}), *scribe.events[1:]])

    def test_a_history_that_hides_the_newest_event_is_noticed(self, scribe):
        self.refused(scribe, scribe.events[:-1])
        self.refused(scribe, [])

    def test_the_history_of_another_registry_is_noticed(self, scribe):
        self.refused(scribe, chain_id=1)
        self.refused(scribe, contract="0x" + "5b" * 20)
        self.refused(scribe, running_hash=bytes(32))

    def test_a_history_ahead_of_its_block_is_refused(self, scribe):
        self.refused(scribe, block_time=scribe.events[-1].recorded_at - 1)

    def test_a_key_of_two_administrations_is_refused(self, scribe):
        scribe.give(Kind.KEY, Role.ISSUER, "U2", KEY)
        self.refused(scribe)

    def test_a_history_begins_with_its_members(self, scribe):
        made = RegistryScribe(EPOCH)
        made.events.clear()
        made.join("U1")
        self.refused(made)

    def test_members_of_the_newest_change_are_the_present_ones(self, scribe):
        scribe._append(MembersChanged(len(scribe.events) + 1, scribe.now, b"", ("0x" + "0c" * 20,), 1))
        folded = self.fold(scribe)
        assert (folded.members, folded.threshold) == (("0x" + "0c" * 20,), 1)


# what can happen on a day: kind, action, start and end of it in days from now
STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([Kind.ADMINISTRATION, Kind.RIGHT, Kind.KEY]),
        st.sampled_from(list(Action)),
        st.integers(-5, 5),
        st.integers(0, 8) | st.none(),
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(max_examples=150, deadline=None)
def test_every_day_is_what_a_model_that_paints_days_says(steps):
    """The model keeps a set of days for each of the three entries and refuses what the contract refuses."""
    scribe, today, horizon = RegistryScribe(EPOCH), 0, 200
    painted: dict[Kind, set[int]] = {Kind.ADMINISTRATION: set(), Kind.RIGHT: set(), Kind.KEY: set()}
    stolen = horizon
    names = {
        Kind.ADMINISTRATION: (Role.NONE, NOTHING),
        Kind.RIGHT: (Role.ISSUER, DEGREE),
        Kind.KEY: (Role.ISSUER, KEY),
    }
    has_key = False
    for days, kind, action, begin, length in steps:
        today += days
        scribe.now = EPOCH + today * DAY
        role, what = names[kind]
        start = max(today, today + begin)
        end = horizon if length is None else today + length
        present = {day for day in painted[kind] if day >= today}
        if action is Action.ADD and end > start and (kind is Kind.ADMINISTRATION or not present):
            if kind is Kind.KEY and stolen < horizon:
                continue
            chain_end = NO_END if length is None else EPOCH + end * DAY
            scribe.give(kind, role, "U1", what, start=EPOCH + start * DAY, end=chain_end)
            painted[kind] = {day for day in painted[kind] if day < start} | set(range(start, end))
            has_key = has_key or kind is Kind.KEY
        elif action is Action.END and present:
            scribe.end(kind, role, "U1", what, end=EPOCH + end * DAY)
            painted[kind] = {day for day in painted[kind] if day < end}
        elif action is Action.COMPROMISE and kind is Kind.KEY and has_key and begin <= 0:
            scribe.compromise(Role.ISSUER, "U1", KEY, start=EPOCH + (today + begin) * DAY)
            stolen = min(stolen, today + begin)
    last = today + 3
    scribe.now = EPOCH + last * DAY
    history = scribe.history
    for day in range(last):
        expected = day < stolen and all(day in days for days in painted.values())
        answer = history.trusted(KEY, Role.ISSUER, DEGREE, on=on(day))
        assert answer.standing is (Standing.TRUSTED if expected else Standing.NOT_TRUSTED)
        assert (answer.reason is None) == expected
        noon = history.trusted(KEY, Role.ISSUER, DEGREE, on=at(day, DAY // 2))
        assert noon.standing is answer.standing
