r"""The Common Event Format and the Log Event Extended Format: a header with bars, then key=value.

Source: ArcSight, "Implementing ArcSight Common Event Format" (version 25): in a header `|` and `\` are
escaped, in a value `=` and `\`; a value goes on until the next ` key=`. IBM, "QRadar LEEF" (1.0 and 2.0):
values are separated by a tab, in 2.0 by what the sixth field of the header names, which may be absent; Palo
Alto Networks separates them by bars. Of a key that stands there twice the first counts.
"""

import re
from typing import NamedTuple

from unlisted.evidence.gateway._pairs import Pairs

_BEGIN = re.compile(r"CEF: ?[01]\||LEEF: ?[12]\.0\|")
_FIELD = r"([^|\\]{0,255}(?:\\.[^|\\]{0,255}){0,8})\|"
_HEADERS = {4: re.compile(_FIELD * 4), 6: re.compile(_FIELD * 6)}  # of LEEF, of CEF
_NEXT = re.compile(r" ([\w.\[\]-]{1,64}+)=")
_LAST = ("src", "act", "action", "msg")  # Check Point sorts by name: src may stand last; a text may be cut
_HEX = re.compile(r"(?:0x|x|\\x)([0-9a-fA-F]{1,4})")


class Event(NamedTuple):
    """One event: where it begins in the line, its header, and its values."""

    begin: int
    vendor: str
    product: str
    id: str  # CEF: the class; LEEF: the event
    name: str  # CEF only
    values: Pairs  # whole ones: the last in a line may be cut off

    def text(self, *keys: str) -> str:
        """The value of the first of `keys` that there is."""
        for key in keys:
            if value := self.values[key].strip():
                return value if "\\" not in value else value.replace("\\=", "=").replace("\\\\", "\\")
        return ""


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
        parts = _NEXT.split(" " + line[at:].lstrip(" "))
        values = _first(parts[1::2], parts[2::2])
        return Event(m.start(), fields[0], fields[1], fields[3], fields[4], values)
    separator, at = _separator(line, at, two="2" in m[0])
    pairs = [one.partition("=") for one in line[at:].lstrip(" ").split(separator)]
    values = _first([one[0] for one in pairs], [one[2] for one in pairs])
    return Event(m.start(), fields[0], fields[1], fields[3], "", values)


def _first(keys: list[str], values: list[str]) -> Pairs:
    """The first value of each key."""
    if keys and keys[-1] not in _LAST:
        keys = keys[:-1]
    made = Pairs(zip(keys, values, strict=False))
    if len(made) != len(keys):
        made.update(zip(reversed(keys), reversed(values[: len(keys)]), strict=True))
    return made


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
