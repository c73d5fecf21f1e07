"""A connection that a gateway tells of twice, when it begins and when it ends, is one connection.

Which of the two lines a gateway writes is a setting of each rule. So either is read as the connection,
dated at its start, and of a file only the first is kept: what a later line adds is its translation.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.messages import Attempt, Contact, Translation

SLACK = 5.0  # seconds by which two lines of one device may differ about a start: both are rounded
LONGEST = 86_400.0  # seconds; where an end does not tell its start, it is of no connection older than this
KEPT = 50_000  # connections of each kind remembered, 15 MB; a client's port is not used again sooner


class Line(NamedTuple):
    """What a line tells, and of which moment of a connection."""

    made: Parsed
    within: float = SLACK  # seconds by which the connection's first line may be away from `made.at`
    end: float | None = None  # when the connection ended
    last: bool = False  # the same ports may serve another one


Read: TypeAlias = Callable[[str, float], Line | Parsed]


def alone(made: Line | Parsed) -> Parsed:
    """What a line made, read by itself."""
    return made.made if isinstance(made, Line) else made


class Told:
    """The connections of one file that were told already.

    Those of mail by themselves: the many others do not push them out.
    """

    def __init__(self) -> None:
        self._mail: dict[tuple[int, int, int, int], tuple[float, bool]] = {}
        self._others: dict[tuple[int, int, int, int], tuple[float, bool]] = {}

    def of(self, read: Read) -> Parse:
        """`read` for the lines of one file in their order."""

        def once(line: str, near: float) -> Parsed:
            made = read(line, near)
            return self.once(made if isinstance(made, Line) else Line(made))

        return once

    def once(self, told: Line) -> Parsed:
        """What the line made, unless the same connection was told with a start not too far away."""
        made = told.made
        if not isinstance(made, (Attempt, Contact)) or not made.sport:
            return made
        seen = self._mail if isinstance(made, Attempt) else self._others
        key = (int(made.src), made.sport, int(made.dst), made.dport)
        known = seen.pop(key, None)
        packet = made.action == "block" and told.within <= SLACK  # refused, and refused again when sent again
        if known is None or packet or abs(made.at - known[0]) > told.within:
            if not told.last:
                _remember(seen, key, (made.at, made.nat is not None))
            return made
        if not told.last:
            _remember(seen, key, (known[0], known[1] or made.nat is not None))
        if made.nat is None or not made.nat_port or (known[1] and told.end is None):
            return OTHER
        end, protocol = (None, "tcp") if isinstance(made, Attempt) else (made.end, made.protocol)
        return Translation(
            made.src, made.nat, min(made.at, known[0]), end if told.end is None else told.end, made.sport,
            made.nat_port, 1, protocol, made.dst, made.dport, made.account,
        )  # fmt: skip


def _remember(
    seen: dict[tuple[int, int, int, int], tuple[float, bool]],
    key: tuple[int, int, int, int],
    what: tuple[float, bool],
) -> None:
    """Keep it as the newest."""
    if len(seen) >= KEPT:
        for old in list(seen)[: KEPT // 2]:
            del seen[old]
    seen[key] = what
