"""Lines of key=value, with quoted values: a field by its key, and the front of such a line.

What is wanted are a few fields of thirty, so they are looked up, not all taken apart. A field counts only
outside of quotes, and the first of a name: what strangers choose (hosts, URLs, user names) comes later.
"""

import re
from functools import lru_cache

from unlisted import net
from unlisted.evidence.framing import Stamp, stamp
from unlisted.net import Address

MOST = 64  # looks for one key; only a stranger's text holds more
# Behind the time the names of relays and of the device; in RFC 5424 host, program, process, message and data.
_AHEAD = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){0,3}\ufeff?[?]?")
_AHEAD_5424 = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){5}\ufeff?[?]?")
_BARE = re.compile(r"(?:\d{1,6} )?(?:<\d{1,3}>)?\s*(?:[\w.-]{1,255}[ \t]+)?\ufeff?")
_5424 = re.compile(r"(?:\d{1,6} )?<\d{1,3}>1 ")


def field(line: str, key: str, start: int = 0) -> str:
    """The value of ` key=` outside of quotes, "" where there is none or its quotes never close."""
    wanted = f"{key}="
    at, counted, quotes = start, start, 0
    for _ in range(MOST):
        at = line.find(wanted, at)
        if at < 0:
            return ""
        quotes += line.count('"', counted, at)
        counted = at
        if not quotes & 1 and (at == start or line[at - 1] in " \t"):
            return _value(line, at + len(wanted))
        at += len(wanted)
    return ""


def _value(line: str, at: int) -> str:
    mark = line[at : at + 1]
    if mark and mark in "\"'":
        end = line.find(mark, at + 1)
        return line[at + 1 : end] if end > 0 else ""
    end = line.find(" ", at)
    return line[at:] if end < 0 else line[at:end]


def whole(line: str, key: str, start: int = 0) -> bool:
    """True when the value of ` key=` ends before the line does: a line that was cut may end in a number."""
    at = line.find(f"{key}={field(line, key, start)}", start)
    return line.find(" ", at + len(key)) > 0 if at >= 0 else line.find(f'{key}="', start) >= 0


def front(line: str, start: int, near: float) -> tuple[bool, Stamp | None]:
    """Whether what stands before `start` is syslog's own, and the time that it tells.

    Behind another program's tag or message a stranger may have spelled the rest.
    """
    when = stamp(line, near)
    if when is None or when.end > start:
        return _BARE.fullmatch(line, 0, start) is not None, None
    if _5424.match(line):
        return _AHEAD_5424.fullmatch(line, when.end, start) is not None, when
    return _AHEAD.fullmatch(line, when.end, start) is not None, when


def moment(text: str, near: float) -> Stamp | None:
    """A time that stands alone in a field."""
    return stamp(f"{text} ", near) if text else None


@lru_cache(maxsize=65536)
def end_point(text: str) -> tuple[Address | None, int]:
    """`192.0.2.5:25:X1:name`, `[2001:db8::5]:25`, `:25:X1`: an address and a port, 0 for none."""
    if text.startswith("["):
        inside, _, rest = text[1:].partition("]")
        return net.ip(inside), _number(rest.lstrip(":").partition(":")[0])
    if text.count(":") > 1 and (address := net.ip(text)):
        return address, 0
    parts = text.split(":", 2)
    return net.ip(parts[0]) if parts[0] else None, _number(parts[1]) if len(parts) > 1 else 0


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535 else 0


def seconds(text: str) -> float:
    """A length of time in seconds, with a fraction; 0 for what is none."""
    bare = text.replace(".", "", 1)
    return float(text) if bare.isascii() and bare.isdigit() and len(text) <= 16 else 0.0
