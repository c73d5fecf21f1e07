"""Lines of key=value, with quoted values: the fields by their keys, and the front of such a line.

A field counts only outside of quotes, and the first of a name: what strangers choose (hosts, URLs, user
names) stands in quotes, or comes later. A quote in quotes is escaped with a backslash.
"""

import re
from functools import lru_cache

from unlisted import net
from unlisted.evidence.framing import Stamp, stamp
from unlisted.net import Address

LONGEST = 400  # characters ahead of a line's own; no relays have longer names
# Behind the time the names of relays and of the device; in RFC 5424 host, program, process, message, data.
_AHEAD = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){0,3}\ufeff?[?]?")
_AHEAD_5424 = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){4}(?:-|\[[^\]\r\n]{0,200}\])[ \t]+\ufeff?[?]?")
_BARE = re.compile(r"(?:\d{1,6} )?(?:<\d{1,3}>)?\s*(?:[\w.-]{1,255}[ \t]+)?\ufeff?")
_5424 = re.compile(r"(?:\d{1,6} )?<\d{1,3}>1 ")


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


def front(line: str, start: int, near: float) -> tuple[bool, Stamp | None]:
    """Whether what stands before `start` is syslog's own, and the time that it tells.

    Behind another program's tag or message a stranger may have spelled the rest.
    """
    return _front(line[:start], near) if start <= LONGEST else (False, None)


@lru_cache(maxsize=4096)  # the lines of one second begin alike
def _front(ahead: str, near: float) -> tuple[bool, Stamp | None]:
    when = stamp(ahead, near)
    if when is None:
        return _BARE.fullmatch(ahead) is not None, None
    pattern = _AHEAD_5424 if _5424.match(ahead) else _AHEAD
    return pattern.fullmatch(ahead, when.end) is not None, when


@lru_cache(maxsize=4096)
def moment(text: str, near: float) -> Stamp | None:
    """A time that stands alone in a field."""
    return stamp(f"{text} ", near) if text else None


@lru_cache(maxsize=65536)
def end_point(text: str) -> tuple[Address | None, int]:
    """`192.0.2.5:25:X1:name`, `[2001:db8::5]:25`, `:25:X1`: an address and a port, 0 for none."""
    if text.startswith("["):
        inside, _, rest = text[1:].partition("]")
        return net.ip(inside), number(rest.lstrip(":").partition(":")[0])
    if text.count(":") > 1 and (address := net.ip(text)):
        return address, 0
    parts = text.split(":", 2)
    return net.ip(parts[0]) if parts[0] else None, number(parts[1]) if len(parts) > 1 else 0


def number(text: str) -> int:
    """A port, 0 for what is none."""
    return int(text) if len(text) <= 5 and text.isdigit() and text.isascii() and int(text) <= 65535 else 0


def seconds(text: str) -> float:
    """A length of time in seconds, with a fraction; 0 for what is none."""
    bare = text.replace(".", "", 1)
    return float(text) if bare.isascii() and bare.isdigit() and len(text) <= 16 else 0.0
