"""A decision to hold a device, and the states it may pass through.

    proposed -> applied -> verified -> expired | released
       |           |          +------> failed   (traffic got past the hold)
       +-----------+-----------------> failed, expired, released

Applied is not held: `verified` is said only after the device's traffic was seen to stop. PacketFence
reports an accepted call as success and its users are misled (PacketFence #7344, #4749, #7450).
Every function returns a new value; a step that the picture does not have is a bug and raises ValueError.
"""

from hashlib import blake2b

from msgspec import structs

from unlisted.messages import Attempt, Decision, Device, Suspect

HOUR = 3600.0  # seconds
# A packet that passed before the hold may be read after it: the queue holds it back for at most this long.
GRACE = 1.0  # seconds

STANDING = ("applied", "verified")  # states in which the device is being held
OPEN = ("proposed", *STANDING)  # states that can still end in another


def identity(device: Device, made_at: float) -> str:
    """The decision's name: the same device at the same moment always gets the same eight characters."""
    return blake2b(f"{device.key}|{made_at!r}".encode(), digest_size=4).hexdigest()


def by_hand(device: Device, reason: str, by: str, now: float, hours: float) -> Decision:
    """A hold that a person asks for. `hours` > 0: a hold without an end is a bug."""
    if not hours > 0:
        raise ValueError(f"a hold of {hours} hours has no end")
    return Decision(
        id=identity(device, now),
        device=device,
        reason=reason,
        by=by,
        made_at=now,
        expires_at=now + hours * HOUR,
        state="proposed",
        undo=f"unlisted release {device.key}",
    )


def propose(
    suspect: Suspect, policy: str, now: float, hours: float, *, refused: str = "", waits: str = ""
) -> Decision:
    """The hold that the suspect's score asks for; `policy` is who answers for it, and it is only proposed.

    `refused`: why the guard will not have it. `waits`: why it is not held at once, though it may be.

    Whether it is applied is the caller's: at once ("hold"), after a person's word ("approve"), never
    ("observe"). `guard.refuse` is asked first in every case.
    """
    by = "policy" if policy == "hold" else f"policy, {policy} only"
    made = by_hand(suspect.device, suspect.because, by, now, hours)
    return structs.replace(made, refused=refused, waits=waits)


def standing(decision: Decision, now: float) -> bool:
    """True while the device is being held."""
    return decision.state in STANDING and now < decision.expires_at


def _move(decision: Decision, state: str, allowed: tuple[str, ...]) -> Decision:
    if decision.state not in allowed:
        raise ValueError(f"decision {decision.id}: {decision.state} cannot become {state}")
    return structs.replace(decision, state=state)


def applied(decision: Decision, at: float, ok: bool) -> Decision:
    """The enforcer answered: it took the hold, or failed. An answer after the hold's end is its end."""
    if not ok:
        return _move(decision, "failed", ("proposed",))
    done = _move(decision, "applied" if at < decision.expires_at else "expired", ("proposed",))
    return structs.replace(done, applied_at=at)


def verified(decision: Decision, at: float) -> Decision:
    """The device's traffic was seen to stop. After the hold's end that proves nothing any more."""
    return _move(decision, "verified" if at < decision.expires_at else "expired", STANDING)


def failed(decision: Decision) -> Decision:
    """The device's traffic was seen to pass although it should be held."""
    return _move(decision, "failed", OPEN)


def expire(decision: Decision, now: float) -> Decision:
    """The same decision, or its end when its time is over."""
    if now < decision.expires_at and decision.state in OPEN:
        return decision
    return _move(decision, "expired", OPEN)


def release(decision: Decision, by: str, at: float) -> Decision:
    """Taken back by a person or by the guard; when its time was already over, it had expired before."""
    if at >= decision.expires_at:
        return _move(decision, "expired", OPEN)
    done = _move(decision, "released", OPEN)
    return structs.replace(done, reason=f"{done.reason}; released by {by}", undo="")


def names(decision: Decision) -> frozenset[str]:
    """The MAC and the address that the decision is about, as far as they are known."""
    return frozenset({decision.device.mac, str(decision.device.address or "")} - {""})


def concerns(decision: Decision, attempt: Attempt) -> bool:
    """True when the decision's device made the attempt: by MAC where both are known, else by address."""
    if decision.device.mac and attempt.mac:
        return decision.device.mac == attempt.mac
    return decision.device.address is not None and decision.device.address == attempt.src


def witness(decision: Decision, attempt: Attempt) -> Decision:
    """What one more attempt proves about a standing hold.

    "held" was dropped by the hold itself: verified. "pass", later than the hold by more than GRACE, got
    out: failed, and somebody must be told. Anything else, and other devices' attempts, prove nothing.
    """
    if decision.state not in STANDING or not concerns(decision, attempt):
        return decision
    if attempt.action == "held" and decision.state == "applied":
        return verified(decision, attempt.at)
    since = decision.made_at if decision.applied_at is None else decision.applied_at
    if attempt.action == "pass" and since + GRACE < attempt.at < decision.expires_at:
        return failed(decision)
    return decision
