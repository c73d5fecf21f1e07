"""When it happened, as people write it: "2026-11-16 23:11 GMT (+/- 30 minutes)", "16.11.2026 23:11 CET".

What can be read in two ways is not read: the reason is said instead. A time without its zone is taken for UTC
and may be off by half a day; "3 hours ago" counts from when the page was opened, which nobody knows here.
"""

import re
from datetime import UTC, datetime, timedelta

from msgspec import Struct, structs

from unlisted.messages import Sighting
from unlisted.notice.reports._facts import SECOND, ZONE, ZONES

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0  # seconds
ROOM = 60  # characters between the words that announce a time and the time
_LONG = 90  # characters of the longest time with what stands behind it

_CLOCK = (
    r"(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\b\.?)?(?: Uhr)?"
)
_ZONE = r"(?: ?\(?(?P<z>[A-Z]{1,5}\b|[+-]\d{2}(?::?\d{2})?(?!\d)))?"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = rf"(?P<mo>{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_WHEN = r"(?:,|T| at| um)?[ ,]{0,2}"
_FORMS = tuple(
    re.compile(rf"(?<![\w.:/-]){form}")
    for form in (
        rf"(?P<y>\d{{4}})-(?P<mo>\d{{2}})-(?P<d>\d{{2}})(?:{_WHEN}{_CLOCK}{_ZONE})?(?!\d)",
        rf"(?P<d>\d{{1,2}})\.(?P<mo>\d{{1,2}})\.(?P<y>\d{{4}}){_WHEN}{_CLOCK}{_ZONE}",
        rf"{_DAY}[ -]{_MONTH}[ ,-]{{1,2}}(?P<y>\d{{4}}){_WHEN}{_CLOCK}{_ZONE}",
        rf"{_MONTH} {{1,2}}{_DAY}(?:,? (?P<y>\d{{4}}))?{_WHEN}{_CLOCK}{_ZONE}"
        r"(?: (?P<y2>\d{4})(?: \(?(?P<z2>[A-Z]{1,5})\b)?)?",
        rf"(?P<d>\d{{1,2}})/(?P<mo>\d{{1,2}})/(?P<y>\d{{4}}){_WHEN}{_CLOCK}{_ZONE}",
    )
)
_SLASHES = _FORMS[-1]
_OFF = re.compile(
    r"\W{0,4}\(?(?:\+ ?/? ?-|\u00b1|plus or minus) ?(\d{1,4}) ?(sec|min|hour|h\b|day)[a-z]{0,6}"
)
_AGO = re.compile(
    r"(?:about |approximately |approx\.? |~ ?)?\d{1,6} (?:second|minute|hour|day|week|month)s?"
    r"(?:(?:,| and|, and)? \d{1,4} (?:second|minute|hour|day|week)s?){0,3} ago\b"
)
_UNIT = {"sec": SECOND, "min": MINUTE, "hour": HOUR, "h": HOUR, "day": DAY}


class Moment(Struct, frozen=True, gc=False):
    """A time, the seconds by which it may be off, and what is odd about it."""

    at: float | None = None
    accuracy: float | None = None
    note: str = ""

    @property
    def since(self) -> float | None:
        """The start of the window in which it was."""
        return None if self.at is None or self.accuracy is None else self.at - self.accuracy

    @property
    def until(self) -> float | None:
        """Its end."""
        return None if self.at is None or self.accuracy is None else self.at + self.accuracy

    @property
    def notes(self) -> tuple[str, ...]:
        """The note, where there is one."""
        return (self.note,) if self.note else ()


def after(flat: str, start: int, zone: str = "") -> Moment:
    """The first time within ROOM characters behind `start`. `zone`: what holds where it names none itself."""
    text = flat[start : start + ROOM + _LONG]
    found = [m for form in _FORMS if (m := form.search(text)) and m.start() <= ROOM]
    if not found:
        ago = _AGO.search(text)
        if ago is None or ago.start() > ROOM:
            return Moment()
        return Moment(note=f'"{ago[0]}" counts from when the page was opened: no time can be told from it')
    first = min(found, key=lambda m: (m.start(), -m.end()))
    return _read(first, text[first.end() : first.end() + 40], zone)


def put(one: Sighting, when: Moment) -> Sighting:
    """The page with its time, and what is odd about that."""
    return structs.replace(
        one,
        at=when.at,
        accuracy=when.accuracy,
        since=when.since,
        until=when.until,
        notes=(*one.notes, *when.notes),
    )


def _read(found: re.Match[str], behind: str, zone: str) -> Moment:
    part = found.groupdict()
    year, said = part["y"] or part.get("y2"), found[0].strip(" (")
    if year is None:
        return Moment(note=f'"{said}" names no year')
    month = _MONTHS.index(part["mo"]) + 1 if part["mo"] in _MONTHS else int(part["mo"])
    day = int(part["d"])
    if found.re is _SLASHES:
        if month <= 12 and day <= 12 and month != day:
            return Moment(note=f'"{said}" may be a day in two months: write it as YYYY-MM-DD')
        month, day = (day, month) if month > 12 else (month, day)
    offset, note = _offset(part["z"] or part.get("z2") or "", zone, said) if part["h"] else (0.0, "")
    hour = int(part["h"] or 0)
    if part["half"]:
        hour = hour % 12 + (12 if part["half"] in "pP" else 0) if 1 <= hour <= 12 else 99
    try:
        there = datetime(
            int(year), month, day, hour, int(part["mi"] or 0), min(int(part["s"] or 0), 59), tzinfo=UTC
        )
        at = (there - timedelta(seconds=offset or 0.0)).timestamp()
    except (ValueError, OverflowError):
        return Moment(note=f'"{said}" is no time of any calendar')
    exact = SECOND if part["s"] else MINUTE if part["h"] else DAY
    off = _OFF.match(behind)
    stated = int(off[1]) * _UNIT[off[2]] if off else exact
    accuracy = max(exact, stated)
    return Moment(at, accuracy if offset is not None else max(accuracy, ZONE), note)


def _offset(named: str, zone: str, said: str) -> tuple[float | None, str]:
    """Seconds east of Greenwich, None where nobody says; and what is to be said of it."""
    spelled = named if named[:1] in ("+", "-") else ZONES.get(named, "") or ZONES.get(zone, "")
    if not spelled:
        why = f'zone "{named}" is not known' if named else "names no zone"
        return None, f'"{said}" {why}: it may be off by half a day'
    digits = spelled[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * HOUR + int(digits[2:4]) * MINUTE
    return (-seconds if spelled[0] == "-" else seconds), ""
