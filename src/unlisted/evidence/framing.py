"""The front of a log line: when it was written. One place for every way in which syslog spells a time.

RFC 3164 §4.1.2 (no year, no zone), RFC 5424 §6.2.3 and RFC 3339, logread of OpenWrt
(`Mon Nov 23 13:48:21 2026`), `dmesg` (seconds since boot) and `dmesg -T`, journalctl's short-iso,
short-full and short-unix, Proxmox (`20/Jun/2022:13:09:14 +0200`), Cisco (`Nov 23 2026 13:48:21`), Sophos UTM
(`2026:11:23-13:48:21`),
RouterOS's `/log print` (`nov/23/2026 13:48:21`, `11-23 13:48:21`; `13:48:21` for what is of that day).

A time without a year is put into the year that brings it nearest to `near`; one without a zone is
taken as UTC. `Stamp` tells both, so that the reader can say aloud what was assumed.
"""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from unlisted.evidence import months

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_NAMES = {f"{number:02}": name for name, number in _MONTHS.items()}
# RFC 6587 octet count, RFC 3164 PRI, RFC 5424 version; some receivers take off the PRI alone.
_PRI = re.compile(r"(?:\d{1,6} )?<\d{1,3}>(?:1 )?\s?|1 (?=\d{4}-\d\d-\d\dT)")
_FRAMED = frozenset("<0123456789")
_CLOCK = r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
# RFC 5322 §4.3 gives North America's their meaning; of the others only Europe's mean one thing.
_ZONES = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
}  # fmt: skip
_NAMED = r"(?:[ECMP][SD]T|[CE]ES?T)(?![\w.-])"
_ISO = re.compile(
    rf"(?:{_DAY} )?(\d{{4}})[-/:](\d\d)[-/:](\d\d)[T -]{_CLOCK} ?(Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d)?"
)
_BSD = re.compile(
    rf"([A-Z][a-z]{{2}}) +(\d{{1,2}}) (?:(\d{{4}}) )?{_CLOCK}(?: ((?:Z|UTC|GMT|[+-]\d\d:?\d\d)\b|{_NAMED}))?"
)
_CTIME = re.compile(rf"{_DAY} ([A-Z][a-z]{{2}}) +(\d{{1,2}}) {_CLOCK}(?: (Z|UTC|GMT))? (\d{{4}})\b")
_CLF = re.compile(rf"\b(\d{{1,2}})/([A-Z][a-z]{{2}})/(\d{{4}}):{_CLOCK} ?([+-]\d\d:?\d\d)?")
_ROUTER = re.compile(rf" *(?:([A-Za-z]{{3}})/(\d\d)(?:/(\d{{4}}))?|(\d\d)-(\d\d)) {_CLOCK}(?= )")
_TODAY = re.compile(rf" *{_CLOCK}(?= )")
_EPOCH = re.compile(r"(\d{9,10})(?:\.(\d{1,9}))?(?=[\s\]:,])")
_LOCAL = re.compile(rf"({months.NAME}) +(\d{{1,2}}) {_CLOCK}(?= )")  # journalctl in the machine's language
_BOOT = re.compile(r"(?:kern(?:el)?\S*:? )?\[ *(\d{1,9})\.(\d{6})\]")
BOOT_LIMIT = 3e8  # seconds; a smaller time counts from boot, or midnight: no machine runs for ten years


class Stamp(NamedTuple):
    """When a line was written (Unix seconds) and what had to be assumed for that."""

    at: float
    end: int  # where the time ends in the line
    year: bool  # the line says the year
    zone: bool  # the line says the zone


class Near(float):
    """A moment near which a log's times lie, with the zone that a person says they are in."""

    zone: tzinfo

    def __new__(cls, at: float, zone: tzinfo) -> "Near":
        """`at`: Unix seconds."""
        made = super().__new__(cls, at)
        made.zone = zone
        return made


def stamp(line: str, near: float) -> Stamp | None:
    """The time at the front of `line`, or None."""
    made = _stamp(line, near)
    if made is None or made.zone or not isinstance(near, Near) or made.at < BOOT_LIMIT:
        return made
    return made._replace(at=made.at - _ahead(near.zone, made.at // 900), zone=True)


@lru_cache(maxsize=4096)
def _ahead(zone: tzinfo, quarter: float) -> float:
    """Seconds east of UTC of a local time, told in quarters of an hour: no zone changes within one."""
    try:
        local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=quarter * 900)
    except OverflowError:  # 9999-12-31 23:59:60
        return 0.0
    east = local.replace(tzinfo=zone).utcoffset()
    return east.total_seconds() if east is not None else 0.0


def _stamp(line: str, near: float) -> Stamp | None:
    start = m.end() if line[:1] in _FRAMED and (m := _PRI.match(line)) else 0
    place = start + 15
    if found := _short(line[start:place], near):  # nearly every syslog file; cached by the second
        plain = line[place : place + 1] == " " and line[place + 1 : place + 2] not in "ZUGECMP+-"  # a host
        if plain or not (line[place : place + 1] in ".," or _zone_follows(line[place : place + 8])):
            return Stamp(found.at, place, year=False, zone=False) if start else found
    return _long(line[start : start + 90], start, near)


@lru_cache(maxsize=8192)
def _short(text: str, near: float) -> Stamp | None:
    """`Nov 23 13:48:21` and nothing more."""
    m = _BSD.fullmatch(text)
    if not m or m[3]:
        return None
    at = _place(m[1], m[2], m.group(4, 5, 6), None, near)
    return None if at is None else Stamp(at, len(text), year=False, zone=False)


_AHEAD = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){0,2}")


def tagged(line: str, when: Stamp, start: int) -> bool:
    """True when a program's tag at `start` is where syslog puts it: behind the time, host and facility alone.

    Further behind it may stand in any program's message, where a stranger has spelled it.
    """
    return _AHEAD.fullmatch(line, when.end, start) is not None


# A relay that does not look into what it passes on: its own time and name, by RFC 5424 no process either,
# and then another priority, another time, or JSON. A program's tag stands in front of a stranger's text.
_RELAY = re.compile(r" +[\w.@+-]{1,255} +(?=<\d{1,3}>|[A-Z][a-z]{2} |\d{4}[-/:]\d\d|\d{9,10}[.\s]|\{)")
_RELAY_5424 = re.compile(
    r" [\w.@+-]{1,255} [\w.@+/-]{1,48} - \S{1,32} (?:-|\[[^\]\r\n]{0,200}\]) \ufeff?"
    r"(?=<\d{1,3}>|[A-Z][a-z]{2} |\d{4}[-/:]\d\d|\d{9,10}[.\s]|\{)"
)


def relayed(line: str, near: float) -> str:
    """The line that stands whole behind a relay's header; "" where none does."""
    when = stamp(line, near)
    found = (_RELAY_5424.match(line, when.end) or _RELAY.match(line, when.end)) if when else None
    if found is None:
        return ""
    inner = line[found.end() :]
    return inner if inner[0] in "<{" or stamp(inner[:120], near) else ""


def _zone_follows(text: str) -> bool:
    return text.startswith((" Z ", " UTC ", " GMT ", " +0", " -0", " +1", " -1")) or text[1:4] in _ZONED


_ZONED = frozenset(name[:3] for name in _ZONES)


def _long(text: str, start: int, near: float) -> Stamp | None:
    if m := _ISO.match(text):
        at = _seconds(int(m[1]), int(m[2]), int(m[3]), m.group(4, 5, 6), m[7], m[8])
        return None if at is None else Stamp(at, start + m.end(), year=True, zone=bool(m[8]))
    bare = text.removeprefix("[")
    inset = start + len(text) - len(bare)
    if m := _CTIME.match(bare):
        at = _place(m[1], m[2], m.group(3, 4, 5), m[8], near, m[6], m[7])
        return None if at is None else Stamp(at, inset + m.end(), year=True, zone=bool(m[7]))
    if m := _BSD.match(bare):
        at = _place(m[1], m[2], m.group(4, 5, 6), m[3], near, m[7], m[8])
        return None if at is None else Stamp(at, inset + m.end(), year=bool(m[3]), zone=bool(m[8]))
    if m := _EPOCH.match(bare):
        return Stamp(int(m[1]) + _fraction(m[2]), inset + m.end(), year=True, zone=True)
    if m := _BOOT.match(text):
        return Stamp(int(m[1]) + _fraction(m[2]), start + m.end(), year=True, zone=True)
    if m := _ROUTER.match(text):
        month = m[1].capitalize() if m[1] else _NAMES.get(m[4], "")
        at = _place(month, m[2] or m[5], m.group(6, 7, 8), m[3], near, m[9])
        return None if at is None else Stamp(at, start + m.end(), year=bool(m[3]), zone=False)
    if m := _TODAY.match(text):
        at = _seconds(1970, 1, 1, m.group(1, 2, 3), m[4], None)
        return None if at is None else Stamp(at, start + m.end(), year=True, zone=True)
    if m := _CLF.search(text):
        month = _MONTHS.get(m[2])
        at = _seconds(int(m[3]), month, int(m[1]), m.group(4, 5, 6), m[7], m[8]) if month else None
        return None if at is None else Stamp(at, start + m.end(), year=True, zone=bool(m[8]))
    if m := _LOCAL.match(text):
        at = _place(m[1], m[2], m.group(3, 4, 5), None, near, m[6])
        return None if at is None else Stamp(at, start + m.end(), year=False, zone=False)
    return None


def _place(
    month: str,
    day: str,
    clock: tuple[str | None, ...],
    year: str | None,
    near: float,
    part: str = "",
    zone: str = "",
) -> float | None:
    """A month and a day, in the year given or the one that brings them nearest to `near`."""
    number = _MONTHS.get(month) or months.number(month)
    if not number:
        return None
    if year:
        return _seconds(int(year), number, int(day), clock, part, zone)
    middle = year_of(near)
    around = (
        _seconds(middle + step, number, int(day), clock, part, zone) for step in (0, -1, 1, -2, 2, -3, 3)
    )
    return min((at for at in around if at is not None), key=lambda at: abs(at - near), default=None)


@lru_cache(maxsize=16)
def year_of(at: float) -> int:
    """The year (UTC) of a moment; exact enough at its ends for choosing the nearest year."""
    return 1970 + int(max(0.0, min(at, 2.5e11)) / 31_556_952)


@lru_cache(maxsize=8192)
def _seconds(
    year: int, month: int, day: int, clock: tuple[str | None, ...], part: str | None, zone: str | None
) -> float | None:
    hour, minute, second = (int(part or 0) for part in clock)
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and hour < 24 and minute < 60 and second <= 60):
        return None
    if not 1 <= day <= _days(year, month):
        return None
    return timegm((year, month, day, hour, minute, second)) + _fraction(part) - offset(zone or "")


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _fraction(digits: str | None) -> float:
    return float(f"0.{digits}") if digits else 0.0


def offset(zone: str) -> int:
    """Seconds east of UTC that `+0200`, `-03:30`, `EDT` or `Z` say; 0 for none."""
    if zone in _ZONES:
        return _ZONES[zone] * 3600
    if len(zone) < 5:
        return 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60
    return -seconds if zone[0] == "-" else seconds


def assumptions(stamps: list[Stamp]) -> tuple[str, ...]:
    """What had to be assumed about the times of a file, as sentences."""
    said = []
    if any(one.at < BOOT_LIMIT for one in stamps):
        said.append("times count from the machine's start, or tell no day: order and gaps hold, dates do not")
    if years := sorted({year_of(one.at) for one in stamps if not one.year}):
        span = f"{years[0]}" + (f" to {years[-1]}" if len(years) > 1 else "")
        said.append(f"no year in the times: taken as {span}")
    if any(not one.zone for one in stamps):
        said.append("no time zone in the times: taken as UTC")
    return tuple(said)
