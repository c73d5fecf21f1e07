"""A connection that a gateway tells of twice, when it begins and when it ends, is one connection.

Which of the two lines a gateway writes is a setting of each rule. So either is read as the connection,
dated at its start, and of a file only the first is kept: what a later line adds is its translation.
"""

from unlisted.evidence import OTHER, Parsed
from unlisted.messages import Attempt, Contact, Translation

SLACK = (
    5.0  # seconds by which two lines of one device may differ about a connection's start: both are rounded
)
KEPT = 50_000  # connections remembered, some 15 MB; a client's port is not used again sooner


class Told:
    """The connections of one file that were told already."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int, int, int], tuple[float, bool]] = {}

    def once(self, made: Parsed, within: float = SLACK) -> Parsed:
        """`made`, unless the same connection was told with a start no farther away than `within` seconds."""
        if not isinstance(made, (Attempt, Contact)) or not made.sport:
            return made
        key = (int(made.src), made.sport, int(made.dst), made.dport)
        known = self._seen.get(key)
        if known is None or abs(made.at - known[0]) > within:
            self._remember(key, made.at, made.nat is not None)
            return made
        if made.nat is None or known[1]:
            return OTHER
        self._remember(key, known[0], translated=True)
        protocol = "tcp" if isinstance(made, Attempt) else made.protocol
        return Translation(
            made.src, made.nat, made.at, None if isinstance(made, Attempt) else made.end, made.sport,
            made.nat_port, 1, protocol, made.dst, made.dport, made.account,
        )  # fmt: skip

    def _remember(self, key: tuple[int, int, int, int], at: float, translated: bool) -> None:
        if len(self._seen) >= KEPT:
            for old in list(self._seen)[: KEPT // 2]:
                del self._seen[old]
        self._seen.pop(key, None)
        self._seen[key] = (at, translated)
