"""Has it been quiet: is the cause held, and has nothing left since?

A removal is spent only after both. What counts as proof is a hold that was seen to work, or the word of
the person; nothing that strangers can write.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from unlisted import net
from unlisted.messages import Attempt, Decision


class Containment(Struct, frozen=True):
    """The cause is held since `at`; None with the reason why not."""

    at: float | None = None
    why: str = ""
    what: str = ""  # what was done, in words for a form


def contained(decisions: Sequence[Decision], now: float) -> Containment:
    """What the decisions say. Every device that was ever to be held must be, for one leak feeds the list."""
    if not decisions:
        return Containment(why="no device has been found and held yet")
    latest: dict[str, Decision] = {}
    for decision in sorted(decisions, key=lambda one: one.made_at):
        latest[decision.device.key] = decision
    for key, decision in latest.items():
        if decision.state == "applied":
            return Containment(why=f"the hold on {key} is not yet seen to work")
        if decision.state in ("proposed", "failed"):
            return Containment(why=f"the hold on {key} is {decision.state}, not in force")
        if decision.state in ("expired", "released") or decision.expires_at <= now:
            return Containment(why=f"the hold on {key} has ended; if it is clean: --contained TIME")
    at = max(decision.made_at for decision in latest.values())
    many = "One device" if len(latest) == 1 else f"{len(latest)} devices"
    return Containment(
        at, what=f"{many} in our network sent mail directly; we have taken it off the mail ports"
    )


def last_leak(attempts: Iterable[Attempt], senders: Sequence[str] = ()) -> float | None:
    """When something last left by port 25 that should not have: passed, and from no declared sender."""
    declared = {net.mac(text) or net.ip(text) for text in senders}
    times = (
        attempt.at
        for attempt in attempts
        if attempt.dport == 25
        and attempt.action not in ("block", "held")
        and attempt.src not in declared
        and attempt.mac not in declared
    )
    return max(times, default=None)


def quiet_until(contained_at: float, last_attempt: float | None, hours: float) -> float:
    """The moment at which it will have been quiet for so long. Unix seconds."""
    since = contained_at if last_attempt is None else max(contained_at, last_attempt)
    return since + hours * 3600
