"""The front of a log line: when it was written. One place for every way in which syslog spells a time.

RFC 3164 §4.1.2 (no year, no zone), RFC 5424 §6.2.3 and RFC 3339, logread of OpenWrt
(`Mon Nov 23 13:48:21 2026`), `dmesg` (seconds since boot) and `dmesg -T`, journalctl's short-iso,
short-full and short-unix, Proxmox (`20/Jun/2022:13:09:14 +0200`), Cisco (`Nov 23 2026 13:48:21`), Sophos UTM
(`2026:11:23-13:48:21`),
RouterOS's `/log print` (`nov/23/2026 13:48:21`, `11-23 13:48:21`; `13:48:21` for what is of that day).

A time without a year is put into the year that brings it nearest to `near`; one without a zone is
taken as UTC, or in the zone that the person names (`assuming`). `Stamp` tells both, so that the reader can
say aloud what was assumed.
"""

import re
from calendar import timegm
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple, ParamSpec, TypeVar

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_NAMES = {f"{number:02}": name for name, number in _MONTHS.items()}
# RFC 6587 octet count, RFC 3164 PRI, RFC 5424 version; some receivers take off the PRI alone.
_PRI = re.compile(r"(?:\d{1,6} )?<\d{1,3}>(?:1 )?\s?|1 (?=\d{4}-\d\d-\d\dT)")
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
_BOOT = re.compile(r"(?:kern(?:el)?\S*:? )?\[ *(\d{1,9})\.(\d{6})\]")
BOOT_LIMIT = 3e8  # seconds; a smaller time counts from boot, or midnight: no machine runs for ten years


_P = ParamSpec("_P")
_R = TypeVar("_R")
_CACHES: list[Any] = []


def remembered(size: int) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """A cache for what depends on a time as it is spelled: emptied when another zone is assumed."""

    def wrap(function: Callable[_P, _R]) -> Callable[_P, _R]:
        cached = lru_cache(maxsize=size)(function)
        _CACHES.append(cached)
        return cached  # type: ignore[return-value]

    return wrap


class Stamp(NamedTuple):
    """When a line was written (Unix seconds) and what had to be assumed for that."""

    at: float
    end: int  # where the time ends in the line
    year: bool  # the line says the year
    zone: bool  # the line says the zone


_assumed: list[
    tzinfo
] = []  # the zone of times that say none, as long as `assuming` lasts; workers inherit it


@contextmanager
def assuming(zone: tzinfo | None) -> Iterator[None]:
    """Take times that say no zone as of this one; None: as UTC. What was read before is not remembered."""
    if zone is None:
        yield
        return
    _assumed.append(zone)
    _forget()
    try:
        yield
    finally:
        _assumed.pop()
        _forget()


def _forget() -> None:
    for cached in _CACHES:
        cached.cache_clear()


def east(clock: float) -> float:
    """Seconds by which a clock that shows this, as if it were UTC, is ahead of UTC in the zone assumed."""
    if not _assumed or clock < BOOT_LIMIT:
        return 0.0
    try:
        shown = datetime(1970, 1, 1) + timedelta(seconds=int(clock))
        ahead = shown.replace(tzinfo=_assumed[-1]).utcoffset()
    except (OverflowError, ValueError):
        return 0.0
    return ahead.total_seconds() if ahead is not None else 0.0


def zone_said() -> str:
    """What was assumed of times that say no zone, as a sentence."""
    return f"no time zone in the times: taken as {_assumed[-1] if _assumed else 'UTC'}"


def stamp(line: str, near: float) -> Stamp | None:
    """The time at the front of `line`, or None."""
    if found := _short(line[:15], near):  # nearly every syslog file; cached by the second
        if line[15:16] == " " and line[16:17] not in "ZUGECMP+-":  # a host's name
            return found
        later = line[15:23]
        if not (later[:1] in ".," or _zone_follows(later)):
            return found
    start = m.end() if (m := _PRI.match(line)) else 0
    return _long(line[start : start + 90], start, near)


@remembered(8192)
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


def _zone_follows(text: str) -> bool:
    return (
        text.startswith((" Z ", " UTC ", " GMT ", " UTC:", " GMT:", " +0", " -0", " +1", " -1"))
        or text[1:4] in _ZONED
    )


_ZONES_SAID = (" Z ", " UTC ", " GMT ", " UTC:", " GMT:", " +0", " -0", " +1", " -1")
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
    number = _MONTHS.get(month)
    if number is None:
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


@remembered(8192)
def _seconds(
    year: int, month: int, day: int, clock: tuple[str | None, ...], part: str | None, zone: str | None
) -> float | None:
    hour, minute, second = (int(part or 0) for part in clock)
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and hour < 24 and minute < 60 and second <= 60):
        return None
    if not 1 <= day <= _days(year, month):
        return None
    clock_shows = timegm((year, month, day, hour, minute, second))
    ahead = offset(zone) if zone else east(clock_shows)
    return clock_shows + _fraction(part) - ahead


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
        said.append(zone_said())
    return tuple(said)
