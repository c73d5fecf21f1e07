"""A connection that a log tells twice, when it opens and when it ends, counts once.

Which of the two a device logs is its owner's choice: the first line of a connection makes the fact, what
comes of the same addresses and ports until it ends makes none. A log that holds only the ends tells them
all.
"""

from collections.abc import Hashable

from unlisted.evidence import OTHER, Other
from unlisted.messages import Attempt, Contact, Translation

OPEN = 100_000  # connections at once; what was opened before is forgotten
SLACK = 5.0  # seconds by which the start that an end tells may differ from the start that was logged
LONGEST = 86_400.0  # seconds; where an end does not tell its start, it is of no connection older than this


class Once:
    """The connections whose beginning was told."""

    def __init__(self) -> None:
        self._open: dict[Hashable, float] = {}

    def begin(self, key: Hashable, at: float) -> None:
        """One is told."""
        self._open.pop(key, None)  # the newest stand last
        while len(self._open) >= OPEN:
            del self._open[next(iter(self._open))]
        self._open[key] = at

    def told(self, key: Hashable, at: float, *, dated: bool) -> bool:
        """True when a line has told of this connection. `dated`: `at` is its start, not a later moment."""
        begun = self._open.get(key)
        return begun is not None and abs(at - begun) <= (SLACK if dated else LONGEST)

    def forget(self, key: Hashable) -> None:
        """It has ended; the same ports may serve another one."""
        self._open.pop(key, None)


def ended(made: Attempt | Contact | Other | None, end: float) -> Translation | Other:
    """What the end of a connection tells that was told before: until when it had its outside port.

    `made` is what the line would be, were it the first.
    """
    if not isinstance(made, Attempt | Contact) or made.nat is None or not made.nat_port:
        return OTHER
    protocol = made.protocol if isinstance(made, Contact) else "tcp"
    start = made.at if made.at < end else None
    return Translation(
        made.src,
        made.nat,
        start,
        end,
        made.sport,
        made.nat_port,
        1,
        protocol,
        made.dst,
        made.dport,
        made.account,
    )
