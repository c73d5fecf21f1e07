"""Moments and spans that people type: one place for every way to write them."""

import argparse
import email.utils
import re
from datetime import timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from unlisted.evidence.framing import BOOT_LIMIT, offset, stamp

_MINUTE = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(?!:?\d)(.*)")
_NAMED = re.compile(r" ([A-Z]{3,4})$")
_SECOND = re.compile(r"\d:\d\d:\d\d")
_HOURS = re.compile(r"(?<=:\d\d)( ?[+-]\d\d)$")  # ISO 8601 allows a zone of whole hours
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}),? +(\d\d:\d\d.*)")  # as most of Europe writes it
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?(ms|s|sec|m|min|h|d)?")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?([0-5]\d)?")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_UNITS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "": 1.0}


class Moment(NamedTuple):
    """A time as it was typed."""

    at: float  # Unix seconds
    exact: float  # seconds by which it may be off by the way it is written: 1, or 60 without seconds
    zone: bool  # it says the zone; else UTC is assumed


def moment(text: str) -> Moment:
    """A date and a time: ISO 8601, a log's, a mail's, or Unix seconds. Without a zone it is UTC."""
    plain = _HOURS.sub(r"\1:00", text.strip())
    if (named := _NAMED.search(plain)) and (ahead := offset(named[1])):
        told = moment(f"{plain[: named.start()]}Z")
        return told._replace(at=told.at - ahead)
    if re.fullmatch(r"\d{9,11}(?:\.\d{1,6})?", plain):
        return Moment(float(plain), 1.0, zone=True)
    exact = 1.0
    if found := _DOTTED.fullmatch(plain):
        plain = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02} {found[4]}"
    if found := _MINUTE.fullmatch(plain):
        plain, exact = f"{found[1]}:00{found[2]}", 60.0
    made = stamp(plain + " ", 0.0)
    if made is not None and made.year and made.at > BOOT_LIMIT and not plain[made.end :].strip():
        return Moment(made.at, exact, made.zone)
    try:
        if not _YEAR.search(plain):
            raise ValueError
        parsed = email.utils.parsedate_to_datetime(plain)
        exact = 1.0 if _SECOND.search(plain) else 60.0
        return Moment(parsed.timestamp() if parsed.tzinfo else _utc(parsed), exact, zone=bool(parsed.tzinfo))
    except (ValueError, TypeError, OverflowError, IndexError):
        what = f'{text[:60]!r} is no date with its year and a time; write --at "2026-11-20 19:04:11Z"'
        raise argparse.ArgumentTypeError(what) from None


def _utc(parsed: object) -> float:
    from calendar import timegm

    return float(timegm(parsed.timetuple()))  # type: ignore[attr-defined]


def zone(text: str) -> tzinfo:
    """A time zone: Europe/Berlin, +01:00, UTC."""
    plain = text.strip()
    if found := _OFFSET.fullmatch(plain):
        shift = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        if shift <= timedelta(hours=14):
            return timezone(-shift if found[1] == "-" else shift)
    try:
        return ZoneInfo(plain)
    except (ValueError, OSError, KeyError):
        what = f"{text[:40]!r} is no time zone; write Europe/Berlin or +01:00"
        raise argparse.ArgumentTypeError(what) from None


def span(text: str) -> float:
    """A length of time in seconds: 30s, 2m, 1h; a bare number is seconds."""
    found = _SPAN.fullmatch(text.strip().lower())
    seconds = float(found[1]) * _UNITS[found[2] or ""] if found else -1.0
    if not 0 <= seconds <= 31_622_400:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no length of time; write 30s, 2m or 1h")
    return seconds
