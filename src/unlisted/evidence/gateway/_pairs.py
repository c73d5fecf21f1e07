"""Lines of key=value: one value found without taking the whole line apart.

The first key outside quotes counts: what a stranger wrote stands in quotes, or behind.
"""

import re

_PAIR = re.compile(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|[^\s,]*)')


def pairs(line: str, start: int = 0) -> dict[str, str]:
    """All of them, quotes taken off; of a key that stands there twice, the first."""
    found: dict[str, str] = {}
    for key, value in _PAIR.findall(line, start):
        found.setdefault(key, value[1:-1] if value[:1] == '"' else value)
    return found


class Pairs:
    """The pairs behind `start`, looked up one by one; taken apart whole only where quotes hide quotes."""

    __slots__ = ("_all", "_line", "_separator", "_start")

    def __init__(self, line: str, start: int, separator: str = " ") -> None:
        self._line, self._start, self._separator = line, start, separator
        self._all = pairs(line, start) if '\\"' in line else None

    def get(self, key: str, *, last: bool = False) -> str:
        """The value of `key`; "" when there is none, or when the line ends in it and may have been cut off.

        `last`: it may well be the last one.
        """
        if self._all is not None:
            return self._all.get(key, "")
        line, start = self._line, self._start
        at = start
        if not line.startswith(f"{key}=", start):
            at = line.find(f"{self._separator}{key}=", start) + 1
            if not at:
                return ""
        if line.count('"', start, at) & 1:  # within quotes: somebody's text
            self._all = pairs(line, start)
            return self._all.get(key, "")
        at += len(key) + 1
        if line[at : at + 1] == '"':
            end = line.find('"', at + 1)
            return line[at + 1 : end] if end >= 0 else ""
        end = line.find(self._separator, at)
        return line[at:end] if end >= 0 else line[at:] if last else ""
