r"""The Common Event Format and the Log Event Extended Format: a header with bars, then key=value.

Source: ArcSight, "Implementing ArcSight Common Event Format" (version 25): in a header `|` and `\` are
escaped, in a value `=` and `\`; a value goes on until the next ` key=`. IBM, "QRadar LEEF" (1.0 and 2.0):
values are separated by a tab, in 2.0 by what the sixth field of the header names, which may be absent; Palo
Alto Networks separates them by bars. Of a key that stands there twice the first counts.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_LAST = ("src=", "act=", "action=")  # Check Point sorts by name
_BEGIN = re.compile(r"CEF: ?[01]\||LEEF: ?[12]\.0\|")
_FIELD = r"([^|\\]{0,255}(?:\\.[^|\\]{0,255}){0,8})\|"
_HEADERS = {4: re.compile(_FIELD * 4), 6: re.compile(_FIELD * 6)}  # of LEEF, of CEF
_NEXT = re.compile(r" [\w.\[\]-]{1,64}=")
_HEX = re.compile(r"(?:0x|x|\\x)([0-9a-fA-F]{1,4})")


class Event(NamedTuple):
    """One event: where it begins in the line, its header, and the place and separator of its values."""

    begin: int
    vendor: str
    product: str
    id: str  # CEF: the class; LEEF: the event
    name: str  # CEF only
    line: str
    start: int
    separator: str  # "": CEF

    def words(self, keys: str) -> dict[str, str]:
        """The values of `keys` (`src|dst`) that hold no blank; of the last one only where it is such a word.

        Check Point sorts by name: src stands last.
        """
        separator = self.separator or " "
        text = separator + self.line[self.start :]
        if text.startswith(_LAST, text.rfind(separator) + 1):
            text += separator
        found = _words(keys, separator).findall(text)
        found.reverse()  # the first of each counts
        return dict(found)

    def text(self, *keys: str) -> str:
        """The value of the first of `keys` that there is, which may hold blanks."""
        for key in keys:
            if (at := self._find(key)) < 0:
                continue
            if self.separator:
                end = self.line.find(self.separator, at)
            else:
                after = _NEXT.search(self.line, at - 1)
                end = after.start() if after else -1
            value = (self.line[at:end] if end >= 0 else self.line[at:]).strip()
            if value:
                return value if self.separator else value.replace("\\=", "=").replace("\\\\", "\\")
        return ""

    def whole(self, key: str) -> bool:
        """True when another value follows that of `key`: the line was not cut off within it."""
        at = self._find(key)
        return at >= 0 and self.line.find(self.separator or " ", at) >= 0

    def _find(self, key: str) -> int:
        """Where the value of the first `key` begins; -1 for none."""
        line, start = self.line, self.start
        if line.startswith(f"{key}=", start):
            return start + len(key) + 1
        at = line.find(f"{self.separator or ' '}{key}=", start)
        return at + len(key) + 2 if at >= 0 else -1


@lru_cache(maxsize=64)
def _words(keys: str, separator: str) -> re.Pattern[str]:
    gap = re.escape(separator)
    return re.compile(rf"{gap}({keys})=([^{gap}]*)(?={gap})")


def event(line: str) -> Event | None:
    """The event in a line; None when there is none, or when its header was cut off."""
    m = _BEGIN.search(line, 0, 512)
    if m is None:
        return None
    wanted = 6 if m[0].startswith("C") else 4
    header = _HEADERS[wanted].match(line, m.end())
    if header is None:
        return None
    fields, at = [field.strip() for field in header.groups()], header.end()
    if wanted == 6:
        return Event(m.start(), fields[0], fields[1], fields[3], fields[4], line, _skip(line, at), "")
    separator, at = _separator(line, at, two="2" in m[0])
    return Event(m.start(), fields[0], fields[1], fields[3], "", line, _skip(line, at), separator)


def _skip(line: str, at: int) -> int:
    while line.startswith(" ", at):
        at += 1
    return at


def _separator(line: str, at: int, *, two: bool) -> tuple[str, int]:
    """What stands between LEEF's values, and where they begin."""
    bar = line.find("|", at, at + 8)
    if two and bar >= 0 and "=" not in line[at:bar]:
        named = line[at:bar]
        if m := _HEX.fullmatch(named):
            return chr(int(m[1], 16)), bar + 1
        return (named if len(named) == 1 else "\t"), bar + 1
    if line.find("\t", at) >= 0:
        return "\t", at
    return ("|" if line.find("|", at) >= 0 else " "), at
