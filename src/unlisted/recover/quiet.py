"""Has it been quiet: is the cause held, and has nothing left since?

A removal is spent only after both. What counts as proof is a hold that was seen to work, or the word of
the person; nothing that strangers can write.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from unlisted import net
from unlisted.messages import Attempt, Decision
from unlisted.net import Network


class Containment(Struct, frozen=True):
    """The cause is held since `at`; None with the reason why not."""

    at: float | None = None
    why: str = ""
    what: str = ""  # what was done, in words for a form


def contained(decisions: Sequence[Decision], now: float) -> Containment:
    """What the decisions say. Every device that was ever to be held must be, for one leak feeds the list.

    A proposal that the guard refused, a person dismissed or time ended is no device to be held: one that
    goes on is proposed anew.
    """
    latest: dict[str, Decision] = {}
    for decision in sorted(decisions, key=lambda one: one.made_at):
        if not _dismissed(decision):
            latest[decision.device.key] = decision
    if not latest:
        never = next((f"; {one.device.key} was found and never held" for one in decisions), "")
        return Containment(why="no device has been found and held yet" + never)
    for key, decision in latest.items():
        if why := _open(key, decision, now):
            return Containment(why=why)
    at = max(decision.made_at for decision in latest.values())
    many = "One device" if len(latest) == 1 else f"{len(latest)} devices"
    return Containment(
        at, what=f"{many} in our network sent mail directly; we have taken it off the mail ports"
    )


def _dismissed(decision: Decision) -> bool:
    """True when it was never carried out and nobody means to any more."""
    over = decision.state in ("expired", "released")
    return decision.applied_at is None and (over or (decision.state == "proposed" and bool(decision.refused)))


def _open(key: str, decision: Decision, now: float) -> str:
    """Why the device is not held and seen to be; "" when it is."""
    if decision.state == "applied":
        return f"the hold on {key} is not yet seen to work"
    if decision.state == "failed":
        return f"the hold on {key} failed"
    if decision.state == "proposed":
        return f"{key} is to be held and is not (not the one? unlisted release {key})"
    if decision.state in ("expired", "released") or decision.expires_at <= now:
        return f"the hold on {key} has ended; if it is clean: --contained TIME"
    return ""


def last_leak(
    attempts: Iterable[Attempt], senders: Sequence[str] = (), inside: tuple[Network, ...] = net.INSIDE
) -> float | None:
    """When something last left by port 25 that should not have: passed, and from no declared sender.

    Mail that comes in, or stays inside, leaves nothing. A machine inside has a public IPv6 address too.
    """
    declared = {net.mac(text) or net.ip(text) for text in senders}
    times = (
        attempt.at
        for attempt in attempts
        if attempt.dport == 25
        and attempt.action not in ("block", "held")
        and attempt.src not in declared
        and attempt.mac not in declared
        and not net.inside(attempt.dst, inside)
        and (net.inside(attempt.src, inside) or attempt.src.version == 6)
    )
    return max(times, default=None)


def quiet_until(contained_at: float, last_attempt: float | None, hours: float) -> float:
    """The moment at which it will have been quiet for so long. Unix seconds."""
    since = contained_at if last_attempt is None else max(contained_at, last_attempt)
    return since + hours * 3600
