"""Lines of key=value, with quoted values: the fields by their keys.

A field counts only outside of quotes, and the first of a name: what strangers choose (hosts, URLs, user
names) stands in quotes, or comes later. A quote in quotes is escaped with a backslash.
"""

import re
from functools import lru_cache

from unlisted import net
from unlisted.evidence.contact import port
from unlisted.evidence.framing import Stamp, stamp
from unlisted.net import Address

LONGEST = 400  # characters ahead of a line's own; no relays have longer names


class Pairs(dict[str, str]):
    """The values by their keys, without quotes; "" for what is not there."""

    def __missing__(self, key: str) -> str:
        return ""


def pairs(line: str, start: int, separator: str = " ", last: tuple[str, ...] | None = None) -> Pairs:
    """What stands from `start` on, outside of quotes. A value whose quotes never close is none.

    `last`: what may stand at the end (`src=`). Any other bare value there may be cut off, and is none.
    """
    text = separator + line[start:]
    if last is None or text.startswith(last, text.rfind(separator) + len(separator)):
        text += separator
    found = _pattern(separator).findall(text)
    made = Pairs(found)
    if len(made) != len(found):
        found.reverse()
        made = Pairs(found)
    made.pop("", None)
    return made


@lru_cache(maxsize=8)
def _pattern(separator: str) -> re.Pattern[str]:
    gap, first = re.escape(separator), re.escape(separator[0])
    return re.compile(
        rf'{gap}([^\s="{first}]++)="?+((?<=")[^"\\]*+(?:\\.[^"\\]*+)*+(?=")|(?<!")[^"{first}]*+(?={gap}))"?+'
        r'|"[^"\\]*+(?:\\.[^"\\]*+)*+"?'  # a quote elsewhere: what stands in it is passed over
    )


@lru_cache(maxsize=4096)
def moment(text: str, near: float) -> Stamp | None:
    """A time that stands alone in a field."""
    return stamp(f"{text} ", near) if text else None


@lru_cache(maxsize=65536)
def end_point(text: str) -> tuple[Address | None, int]:
    """`192.0.2.5:25:X1:name`, `[2001:db8::5]:25`, `:25:X1`: an address and a port, 0 for none."""
    if text.startswith("["):
        inside, _, rest = text[1:].partition("]")
        return net.ip(inside), port(rest.lstrip(":").partition(":")[0])
    if text.count(":") > 1 and (address := net.ip(text)):
        return address, 0
    parts = text.split(":", 2)
    return net.ip(parts[0]) if parts[0] else None, port(parts[1]) if len(parts) > 1 else 0


def seconds(text: str) -> float:
    """A length of time in seconds, with a fraction; 0 for what is none."""
    bare = text.replace(".", "", 1)
    return float(text) if bare.isascii() and bare.isdigit() and len(text) <= 16 else 0.0
