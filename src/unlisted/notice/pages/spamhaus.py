"""check.spamhaus.org: which of its lists, and a table below "(IP, UTC timestamp, HELO value)".

The head names the columns, so that others than these are read too. A time on the full hour may be rounded:
the page does not say so. The older page said "... is listed in the XBL, because it appears in: CBL".
Source: the page as quoted at https://github.com/reacherhq/check-if-email-exists/issues/1065 (2022);
"has no issues" at https://github.com/mail-in-a-box/mailinabox/issues/2127 (2022); read 2026-11-25.
"""

import re
from itertools import islice

from msgspec import structs

from unlisted.messages import Sighting
from unlisted.notice import pages
from unlisted.notice.pages import _text, _times
from unlisted.notice.pages._text import ADDR
from unlisted.notice.reports import _facts

HINTS = ("spamhaus", "blocklist", "xbl", "timestamp")
SIGNS = (
    "listed in",
    "has no ",
    " has ",
    " using ",
    "smtp connections",
    "(ip, ",
    "(ip address, ",
    "(source ip, ",
)
ROWS = 100  # of one table

_PARTS = (
    r"(?:the )?\[?(?:Spamhaus |eXploits |CSS |Policy |Combined Spam Sources |Block ?list ?){0,4}"
    r"\(?\[?(SBL|XBL|PBL|CSS|DROP|BCL)\b"
)
_LISTED = re.compile(
    rf"(?:{ADDR}|\bthis IP(?: address)?) is (?P<not>not )?(?:currently )?listed in {_PARTS}", re.IGNORECASE
)
_CLEAR = re.compile(rf"{ADDR} has no (?:issues?|listings?)\b", re.IGNORECASE)
_COUNTED = re.compile(rf"{ADDR} has (?:been listed|[1-9][0-9]? (?:listing|issue)s?)\b", re.IGNORECASE)
_SAID = re.compile(
    rf"\b(?:device|machine|host) using {ADDR} is |{ADDR} is making SMTP connections", re.IGNORECASE
)
_HEAD = re.compile(
    r"\((?P<head>(?:IP|Source IP|IP address)(?:, ?[A-Za-z][\w /-]{1,30}){1,8})\)", re.IGNORECASE
)
STARTS = re.compile(
    rf"(?P<more>{_LISTED.pattern}|{_CLEAR.pattern}|{_COUNTED.pattern}|{_SAID.pattern})|(?P<event>{_HEAD.pattern})",
    re.IGNORECASE,
)
# A person, or a checker, says "... is listed in the XBL" as well: the page says one of these besides.
_PAGE = re.compile(
    r"\bBlock ?list \(|\bbecause it appears in\b|\bWhy was this IP listed\b|\bSMTP connections\b|"
    r"\bdevice using\b|\bTechnical information\b|\bSpamhaus\b.{0,80}\b(?:lookup|checker|removal|results?)\b|"
    r"\bcheck\.spamhaus\.org\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"[Bb]lock ?list \(?\[?(SBL|XBL|PBL|CSS)\b|\((SBL|XBL|PBL|CSS)\)")
_MALWARE = re.compile(r"\binfected with (?:the )?([A-Z][\w./-]{1,40})(?= (?:botnet|malware|trojan|bot)\b)")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?(?:UTC|GMT|Z)\b)?")
_ORDER = ("XBL", "CSS", "SBL", "BCL", "DROP", "PBL")  # what tells most of a device first


def read(text: str) -> Sighting | None:
    """The page that begins here."""
    flat = _text.flat(text)
    said, clear = _LISTED.search(flat), _CLEAR.search(flat)
    counted, spoken = _COUNTED.search(flat), _SAID.search(flat)
    first = said or clear or counted or spoken
    head = _HEAD.search(flat)
    if first is None and head is None:
        return None
    if head is None and clear is None and counted is None and not _PAGE.search(flat):
        return None
    groups = [found[1] for found in (said, clear, counted) if found] + (
        list(spoken.groups()) if spoken else []
    )
    whose = next((made for one in groups if one and (made := _text.address(one))), None)
    listed = (not said["not"]) if said else False if clear else True if counted else None
    names = [one[1] or one[2] for one in islice(_NAMED.finditer(flat), 20)]
    names += [said[3].upper()] if said and said[3] else []
    malware = _MALWARE.search(flat)
    one = Sighting(
        list="spamhaus-zen",
        kind="spamhaus",
        sublist=next((name for name in _ORDER if name in names), "") if listed is not False else "",
        address=whose,
        listed=listed,
        malware=malware[1] if malware else "",
    )
    quote = first[0] if first else ""
    if head:
        one, row = _table(one, head["head"], flat[head.end() : head.end() + 8000])
        quote = row or quote
    return pages.made(one, quote)


def _table(one: Sighting, head: str, flat: str) -> tuple[Sighting, str]:
    """The newest row below the head, and how many there are from when to when."""
    columns = [name.strip().lower() for name in head.split(",")]
    rows = [
        (m[1], m.end(), m.start())
        for m in islice(re.finditer(rf"{ADDR}[ ,;|]{{1,4}}(?=\d{{4}}-)", flat), ROWS)
    ]
    told: list[tuple[_times.Moment, dict[str, str], str]] = []
    for number, (spelled, begins, place) in enumerate(rows):
        whose = _text.address(spelled)
        if whose is None or (one.address is not None and whose != one.address):
            continue
        one = structs.replace(one, address=whose)
        stamp = _TIME.match(flat, begins)
        if stamp is None:
            continue
        end = rows[number + 1][2] if number + 1 < len(rows) else len(flat)
        values = flat[stamp.end() : min(end, stamp.end() + 400)].replace(",", " ").replace("|", " ").split()
        when = _times.after(stamp[0], 0, "UTC")
        if when.at is not None:
            told.append((when, dict(zip(columns[2:], values, strict=False)), flat[place : stamp.end() + 60]))
    if not told:
        return one, ""
    when, named, row = max(told, key=lambda each: each[0].at or 0.0)
    every = [each.at for each, _, _ in told if each.at is not None]
    if when.at is not None and when.at % _times.HOUR == 0:
        note = "the time is a full hour and may be rounded: an hour to either side is meant"
        when = structs.replace(when, accuracy=_times.HOUR, note=note)
    one = structs.replace(_columns(_times.put(one, when), named), incidents=len(told))
    if len(told) > 1:
        one = structs.replace(one, since=min(every), until=max(every))
    return one, row


def _columns(one: Sighting, values: dict[str, str]) -> Sighting:
    """What the columns behind the time say, by the names that the head gives them."""
    for name, value in values.items():
        target = name.startswith(("dest", "dst", "target", "remote", "c2", "c&c", "sinkhole"))
        if "helo" in name or "ehlo" in name:
            one = structs.replace(one, helo=value[:255])
        elif "port" in name:
            one = structs.replace(one, **{"dport" if target else "source_port": _facts.port(value)})
        elif target and (made := _text.address(value)):
            one = structs.replace(one, dst=made)
        elif target or "domain" in name:
            one = structs.replace(one, host=value[:255].lower())
        elif "proto" in name:
            one = structs.replace(one, protocol=value[:8].lower())
        elif any(word in name for word in ("malware", "bot", "family", "infection")):
            one = structs.replace(one, malware=value[:60])
    return one
