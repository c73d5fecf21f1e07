"""A decision passes only through the states of the picture, and says by what it is proven."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from unlisted.messages import Attempt, Decision, Device, Suspect
from unlisted.net import ip
from unlisted.stop import decide

ROGUE, VICTIM, MX = ip("192.168.1.50"), ip("192.168.1.51"), ip("198.51.100.1")
assert ROGUE
assert VICTIM
assert MX
DEVICE = Device(ROGUE, "3c:5a:b4:00:00:01", hostname="laptop")
SUSPECT = Suspect(DEVICE, "rogue", 18.0, 3, 3, 100.0, 3, "", "3 new servers in 1 ms")


def made(state: str = "proposed") -> Decision:
    applied_at = 1001.0 if state in decide.STANDING else None
    return structs.replace(decide.propose(SUSPECT, "hold", 1000.0, 8), state=state, applied_at=applied_at)


def attempt(action: str, at: float = 2000.0, mac: str = DEVICE.mac) -> Attempt:
    assert ROGUE
    assert MX
    return Attempt(at, ROGUE, MX, 25, mac=mac, action=action)


def test_a_proposal_has_reason_end_and_undo() -> None:
    decision = made()
    assert decision.state == "proposed"
    assert decision.expires_at - decision.made_at == 8 * 3600
    assert decision.undo == "unlisted release 3c:5a:b4:00:00:01"
    assert decision.reason == "3 new servers in 1 ms"
    assert decision.by == "policy"
    assert decide.propose(SUSPECT, "observe", 1000.0, 8).by == "policy, observe only"


def test_the_name_follows_from_device_and_moment() -> None:
    assert made().id == made().id
    assert decide.identity(DEVICE, 1000.0) != decide.identity(DEVICE, 1000.1)
    assert decide.identity(DEVICE, 1000.0) != decide.identity(Device(ROGUE), 1000.0)


def test_a_hold_without_an_end_is_a_bug() -> None:
    for hours in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="no end"):
            decide.by_hand(DEVICE, "", "me", 0.0, hours)


def test_the_way_from_proposal_to_release() -> None:
    applied = decide.applied(made(), 1001.0, ok=True)
    verified = decide.verified(applied, 1002.0)
    released = decide.release(verified, "anna", 1003.0)
    assert [one.state for one in (applied, verified, released)] == ["applied", "verified", "released"]
    assert released.reason.endswith("released by anna")
    assert released.undo == ""
    assert decide.applied(made(), 1001.0, ok=False).state == "failed"


@pytest.mark.parametrize("state", ["failed", "expired", "released"])
def test_what_has_ended_stays_ended(state: str) -> None:
    over = made(state)
    steps: tuple[Callable[[], Decision], ...] = (
        lambda: decide.applied(over, 1001.0, ok=True),
        lambda: decide.verified(over, 1001.0),
        lambda: decide.expire(over, 1001.0),
        lambda: decide.release(over, "me", 1001.0),
        lambda: decide.failed(over),
    )
    for step in steps:
        with pytest.raises(ValueError, match="cannot become"):
            step()


def test_verified_needs_applied_first() -> None:
    with pytest.raises(ValueError, match="proposed cannot become verified"):
        decide.verified(made(), 1001.0)


@given(st.floats(0, 1e6), st.sampled_from(decide.OPEN))
def test_time_ends_every_open_decision_once(now: float, state: str) -> None:
    decision = made(state)
    after = decide.expire(decision, now)
    assert (after.state == "expired") == (now >= decision.expires_at)
    assert not decide.standing(after, max(now, decision.expires_at))


def test_only_the_devices_own_stopped_traffic_verifies() -> None:
    applied = made("applied")
    assert decide.witness(applied, attempt("held")).state == "verified"
    assert decide.witness(applied, attempt("block")) is applied
    assert decide.witness(applied, attempt("held", mac="02:00:00:00:00:99")) is applied
    assert decide.witness(made(), attempt("held")).state == "proposed"


def test_traffic_past_the_hold_is_a_failure_but_late_news_is_not() -> None:
    verified = made("verified")
    assert decide.witness(verified, attempt("pass")).state == "failed"
    assert decide.witness(verified, attempt("pass", at=1001.5)) is verified
    assert decide.witness(verified, attempt("pass", at=1e6)) is verified  # after its end


def test_a_source_without_macs_is_compared_by_address() -> None:
    assert decide.concerns(made(), attempt("held", mac=""))
    assert VICTIM
    assert not decide.concerns(made(), structs.replace(attempt("held", mac=""), src=VICTIM))
