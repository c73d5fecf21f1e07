"""PSBL's listing and evidence pages: listed or not, a history in UTC, and the headers of the spam.

Source: what its program writes, https://github.com/rikvanriel/spamikaze cgi-bin/listing.cgi and
scripts/Spamikaze/PgSQL_3.pm (the times are PostgreSQL's); http://psbl.org/faq/; read 2026-11-25.
"""

import re
from itertools import islice

from msgspec import structs

from unlisted.messages import Sighting
from unlisted.notice import pages
from unlisted.notice.pages import _text, _times
from unlisted.notice.pages._text import ADDR
from unlisted.notice.parts import Part
from unlisted.notice.reports import _facts

HINTS = ("psbl", "spamikaze")
SIGNS = ("currently listed in", "history for ", "info for ", "evidence f", "received f", "never been listed")
ROWS = 200  # of one history
_LISTED = re.compile(r"\bCurrently listed in [\w -]{1,40}\? ?(Yes|No)\b", re.IGNORECASE)
_WHOSE = re.compile(
    rf"\bremoval history for {ADDR}|\b(?:listing info|evidence|spam received) (?:for|from) {ADDR}",
    re.IGNORECASE,
)
_NEVER = re.compile(rf"\bThe host {ADDR}(?:/64)? has never been listed in ", re.IGNORECASE)
STARTS = re.compile(
    rf"(?P<event>{_LISTED.pattern})|(?P<more>{_WHOSE.pattern}|{_NEVER.pattern})", re.IGNORECASE
)
_ROW = re.compile(
    r"(?<!\S)(?=\d{4}-\d{2}-\d{2} \d{2}:)(\S{10} \S{5,25}) ((?!removed|expired|delisted)[a-z][a-z ]{2,60})",
    re.IGNORECASE,
)
_HEADERS = re.compile(r"^[ \t]{0,8}Received:[ \t]", re.MULTILINE)
_HELO = re.compile(r"\bHELO[ =]([\w.:\[\]-]{1,255})", re.IGNORECASE)
_FROM = re.compile(r"\bfrom ([\w.-]{1,255}) \(", re.IGNORECASE)


def read(text: str) -> Sighting | None:
    """The page that begins here."""
    flat = _text.flat(text)
    never, said, whose = _NEVER.search(flat), _LISTED.search(flat), _WHOSE.search(flat)
    one = Sighting(list="psbl", kind="psbl")
    if never:
        return pages.made(structs.replace(one, address=_text.address(never[1]), listed=False), never[0])
    if said is None and whose is None:
        return None
    one = structs.replace(
        one,
        address=_text.address(whose[1] or whose[2]) if whose else None,
        listed=said[1].lower() == "yes" if said else None,
    )
    rows = [(m[0], _times.after(m[1], 0, "UTC")) for m in islice(_ROW.finditer(flat), ROWS)]
    told = [(row, when) for row, when in rows if when.at is not None]
    quote = said[0] if said else whose[0] if whose else ""
    if told:
        row, when = max(told, key=lambda each: each[1].at or 0.0)
        one, quote = structs.replace(_times.put(one, when), incidents=len(told)), row
        if len(told) > 1:
            every = [each.at for _, each in told if each.at is not None]
            one = structs.replace(one, since=min(every), until=max(every))
    if head := _HEADERS.search(text):
        one = _spam(one, _facts.headers(text[head.start() :].lstrip()))
    return pages.made(one, quote)


def _spam(one: Sighting, inner: Part) -> Sighting:
    """What the headers of the spam tell: who handed it in and when, its HELO, its Message-ID."""
    source, at, accuracy = _facts.received(inner)
    hop = next(
        (value for value in inner.all("received") if one.address is None or str(one.address) in value), ""
    )
    says = _HELO.search(hop[:1000]) or _FROM.search(hop[:1000])
    if at is not None and (one.address is None or source == one.address):
        one = _times.put(one, _times.Moment(at, accuracy))
        one = structs.replace(one, address=one.address or source)
    return structs.replace(
        one,
        helo=says[1].strip("[]") if says else "",
        message_id=_facts.line(inner.get("message-id"), 255),
        subject=_facts.line(inner.get("subject")),
        dport=25,  # SMTP: a spam trap is an address that takes mail
        protocol="tcp",
    )
