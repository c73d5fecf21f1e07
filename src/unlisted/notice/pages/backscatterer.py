"""Backscatterer.org: the event to the minute, how often, and the earliest day on which the entry goes.

Source: the page as quoted at https://www.scribd.com/doc/51118986/Pesat-on-Backscatterer (2011);
http://www.backscatterer.org/index.php; read 2026-11-25.
"""

import re

from msgspec import structs

from unlisted.messages import Sighting
from unlisted.notice import pages
from unlisted.notice.pages import _text, _times
from unlisted.notice.pages._text import ADDR

HINTS = ("backscatter", "backscatterer")
SIGNS = ("listed in our database", "listed in the database", "backscatter detected")
_LISTED = re.compile(
    rf"(?:(?:\bIP(?: address)?:? ?{ADDR}[^\[\]:]{{0,40}}?)?\bThis IP|{ADDR}) "
    r"(?:IS )?(?:CURRENTLY )?(?P<not>NOT )?(?:CURRENTLY )?LISTED in (?:our|the) Database",
    re.IGNORECASE,
)
STARTS = re.compile(rf"(?P<page>{_LISTED.pattern})|(?P<more>\bbackscatter detected at )", re.IGNORECASE)
_WHOSE = re.compile(
    rf"\b(?:IP|Address|Host|IP address)(?: is)?:? {ADDR}|[?&]ip=([0-9.]{{7,15}})", re.IGNORECASE
)
_OURS = re.compile(r"\bbackscatter|\bcallouts?\b|\bMisdirected\b", re.IGNORECASE)
_LAST = re.compile(
    r"\bLast (?:was|impact(?: was)?|seen)(?: at)?:? |\bbackscatter detected at |\bsmtplogs? near ",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\btotal of (\d{1,7}) Impacts?\b", re.IGNORECASE)
_EXPIRES = re.compile(r"\bcan expire (?:is|on|at) ", re.IGNORECASE)


def read(text: str) -> Sighting | None:
    """The page that begins here."""
    flat = _text.flat(text)
    said = _LISTED.search(flat)
    last, count, expires = _LAST.search(flat), _COUNT.search(flat), _EXPIRES.search(flat)
    if not (said or last) or not (_OURS.search(flat) or (said and "CURRENTLY" in said[0].upper())):
        return None
    whose = _WHOSE.search(flat)
    one = Sighting(
        list="backscatterer",
        kind="backscatterer",
        address=_text.address((said and (said[1] or said[2])) or (whose and (whose[1] or whose[2])) or None),
        listed=not said["not"] if said else None,
        incidents=int(count[1]) if count else 0,
        dport=25,
        protocol="tcp",
    )
    if last:
        one = _times.put(one, _times.after(flat, last.end()))
    if expires:
        until = _times.after(flat, expires.end())
        one = structs.replace(one, expires_at=until.at, notes=(*one.notes, *until.notes))
    return pages.made(one, flat[last.start() : last.start() + 80] if last else said[0] if said else "")
