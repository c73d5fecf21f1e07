"""Lines of key=value, with quoted values: a field by its key, and the front of such a line.

What is wanted are a few fields of thirty, so they are looked up, not all taken apart. A field counts only
outside of quotes, and the first of a name: what strangers choose (hosts, URLs, user names) comes later.
"""

import re
from functools import lru_cache

from unlisted import net
from unlisted.evidence.framing import Stamp, remembered, stamp
from unlisted.net import Address

MOST = 64  # looks for one key inside of quotes; only a stranger's text holds more
LONGEST = 400  # characters ahead of a line's own; no relays have longer names
# Behind the time the names of relays and of the device; in RFC 5424 host, program, process, message, data.
_AHEAD = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){0,3}\ufeff?[?]?")
_AHEAD_5424 = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){4}(?:-|\[[^\]\r\n]{0,200}\])[ \t]+\ufeff?[?]?")
_BARE = re.compile(r"(?:\d{1,6} )?(?:<\d{1,3}>)?\s*(?:[\w.-]{1,255}[ \t]+)?\ufeff?")
_5424 = re.compile(r"(?:\d{1,6} )?<\d{1,3}>1 ")


def field(line: str, key: str, start: int) -> str:
    """The value behind ` key=` (written so, with the blank) outside of quotes; "" where there is none.

    Nothing may be open at `start`. A value whose quotes never close is none.
    """
    at = line.find(key, start)
    if at < 0:
        return ""
    if line.count('"', start, at) & 1 and (at := _outside(line, key, start, at)) < 0:
        return ""
    at += len(key)
    if line.startswith('"', at):
        end = line.find('"', at + 1)
        return line[at + 1 : end] if end > 0 else ""
    end = line.find(" ", at)
    return line[at:] if end < 0 else line[at:end]


def _outside(line: str, key: str, start: int, at: int) -> int:
    """Where the key stands outside of quotes, when it stands at `at` inside of them."""
    counted, quotes = start, 0
    for _ in range(MOST):
        quotes += line.count('"', counted, at)
        if not quotes & 1:
            return at
        counted, at = at, line.find(key, at + 1)
        if at < 0:
            break
    return -1


def whole(line: str, key: str, start: int) -> bool:
    """True when the value behind ` key=` ends before the line does: one that was cut may end in a number."""
    at = line.find(key, start) + len(key)
    return line.startswith('"', at) or line.find(" ", at) > 0


def front(line: str, start: int, near: float) -> tuple[bool, Stamp | None]:
    """Whether what stands before `start` is syslog's own, and the time that it tells.

    Behind another program's tag or message a stranger may have spelled the rest.
    """
    return _front(line[:start], near) if start <= LONGEST else (False, None)


@remembered(4096)  # the lines of one second begin alike
def _front(ahead: str, near: float) -> tuple[bool, Stamp | None]:
    when = stamp(ahead, near)
    if when is None:
        return _BARE.fullmatch(ahead) is not None, None
    pattern = _AHEAD_5424 if _5424.match(ahead) else _AHEAD
    return pattern.fullmatch(ahead, when.end) is not None, when


@remembered(4096)
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
