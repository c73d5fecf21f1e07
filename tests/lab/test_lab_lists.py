"""The lab's lists: each takes up and lets go by its own rule, in list time that is handed in."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.lab.lists import DAY, HOUR, RULES, ZONES, Register

US = "203.0.113.5"
XBL, SPAMCOP, PSBL, UCE, BRBL = ZONES


def listed(register: Register) -> set[str]:
    return {
        zone
        for zone, records in register.records.items()
        for record in records.values()
        if record.listed is not None
    }


@pytest.fixture
def register() -> Register:
    """Everybody lists us since time 0."""
    register = Register()
    for _ in range(3):
        register.report(US, 0.0)
    assert listed(register) == set(ZONES)
    return register


def test_each_lists_after_its_own_number_of_reports() -> None:
    register = Register()
    new = [register.report(US, float(second)) for second in range(4)]
    assert new == [{XBL, PSBL, UCE}, {SPAMCOP}, {BRBL}, set()]


def test_spamcop_goes_a_day_after_the_last_report_and_cannot_be_asked(register: Register) -> None:
    register.report(US, 5 * HOUR)
    assert not register.ask(SPAMCOP, US, 6 * HOUR).granted
    assert register.advance(5 * HOUR + DAY - 1) == set()
    assert register.advance(5 * HOUR + DAY) == {SPAMCOP}


def test_uceprotect_goes_after_seven_days(register: Register) -> None:
    assert not register.ask(UCE, US, HOUR).granted
    register.advance(7 * DAY - 1)
    assert UCE in listed(register)
    register.advance(7 * DAY)
    assert UCE not in listed(register)


def test_anyone_may_remove_from_psbl(register: Register) -> None:
    assert register.ask(PSBL, US, HOUR).granted
    assert PSBL not in register.advance(1.4 * HOUR)
    assert PSBL in register.advance(1.5 * HOUR)


def test_xbl_refuses_while_the_problem_goes_on(register: Register) -> None:
    refused = register.ask(XBL, US, 3 * HOUR)
    assert not refused.granted
    assert "3.0 h ago" in refused.why
    assert XBL not in register.advance(365 * DAY)  # never by itself
    assert register.ask(XBL, US, 365 * DAY).granted
    assert XBL in register.advance(365 * DAY)


def test_barracuda_takes_one_request_and_its_time(register: Register) -> None:
    assert register.ask(BRBL, US, HOUR).granted
    again = register.ask(BRBL, US, 2 * HOUR)
    assert not again.granted
    assert "do not resubmit" in again.why
    assert BRBL not in register.advance(18 * HOUR)
    assert BRBL in register.advance(19 * HOUR)


def test_new_spam_voids_what_was_granted(register: Register) -> None:
    assert register.ask(BRBL, US, HOUR).granted
    register.report(US, 2 * HOUR)
    register.advance(40 * HOUR)
    assert BRBL in listed(register)


def test_asking_for_the_unlisted_or_the_unknown_is_refused() -> None:
    register = Register()
    assert not register.ask(XBL, US, 0.0).granted
    assert not register.ask("no.such.list", US, 0.0).granted


def test_the_zone_file_has_test_points_and_the_listed(register: Register) -> None:
    for zone, rule in RULES.items():
        lines = register.zone_file(zone).splitlines()
        assert f":{rule.code}:{rule.text}" in lines
        assert any(line.split()[0] == "127.0.0.2" for line in lines)
        assert US in lines
        assert "127.0.0.1" not in lines


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["report", "ask", "wait"]),
            st.sampled_from(ZONES),
            st.floats(0, 3 * DAY),
        ),
        max_size=30,
    )
)
def test_no_listing_outlives_its_end(steps: list[tuple[str, str, float]]) -> None:
    register, now = Register(), 0.0
    for what, zone, seconds in steps:
        now += seconds
        if what == "report":
            register.report(str(IPv4Address(US)), now)
        elif what == "ask":
            register.ask(zone, US, now)
        register.advance(now)
        for name, records in register.records.items():
            for record in records.values():
                ends = register.ends(name, record)
                assert record.listed is None or ends is None or ends > now
                assert record.listed is None or record.hits >= RULES[name].hits
