"""A connection that a log tells twice, when it opens and when it ends, counts once.

Which of the two a device logs is its owner's choice: the first line of a connection makes the fact, what
comes of the same addresses and ports until it ends makes none. A log that holds only the ends tells them
all.
"""

from collections.abc import Hashable

OPEN = 100_000  # connections at once; what was opened before is forgotten
SLACK = 5.0  # seconds by which the start that an end tells may differ from the start that was logged
LONGEST = 86_400.0  # seconds; where an end does not tell its start, it is of no connection older than this


class Once:
    """The connections that were told and have not ended."""

    def __init__(self) -> None:
        self._open: dict[Hashable, float] = {}

    def first(self, key: Hashable, at: float, dated: bool) -> bool:
        """True when no line has told of this connection yet. `dated`: `at` is its start, not its end."""
        told = self._open.get(key)
        if told is not None and abs(at - told) <= (SLACK if dated else LONGEST):
            return False
        self.begin(key, at)
        return True

    def begin(self, key: Hashable, at: float) -> None:
        """One was told."""
        self._open.pop(key, None)  # the newest stand last
        while len(self._open) >= OPEN:
            del self._open[next(iter(self._open))]
        self._open[key] = at
