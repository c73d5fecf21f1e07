"""SpamCop's blcheck page: "... listed in bl.spamcop.net (127.0.0.2)", and how many hours are left.

It tells no time of any mail, and its hours count from when the page was opened.
Source: the page as quoted in a blog of 2006 about an outgoing relay ("it will be delisted automatically in
approximately 15 hours"), "... not listed in bl.spamcop.net" in a list's archive of 2002;
https://www.spamcop.net/fom-serve/cache/298.html; read 2026-11-25.
"""

import re

from unlisted.messages import Sighting
from unlisted.notice import pages
from unlisted.notice.pages import _text
from unlisted.notice.pages._text import ADDR

HINTS = ("spamcop",)
SIGNS = ("listed in bl.spamcop.net",)

_LISTED = re.compile(rf"{ADDR} (?:is )?(?P<not>not )?listed in bl\.spamcop\.net\b", re.IGNORECASE)
STARTS = re.compile(rf"(?P<page>{_LISTED.pattern})", re.IGNORECASE)
# A checker prints "listed in bl.spamcop.net" as well: the page has one of these below it.
_PAGE = re.compile(
    r"\bdelisted automatically\b|\bCauses of listing\b|\bListing History\b|\bspam traps? in the past\b|"
    r"\bdispute\b|\bDelisting\b|\(127\.0\.0\.2\)",
    re.IGNORECASE,
)
_LEFT = re.compile(
    r"\bdelisted automatically in (?:approximately |about )?"
    r"(?:(?P<no>\d{1,3}) (?P<unit>hour|minute|day)s?|less than an hour)",
    re.IGNORECASE,
)
_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}
_COUNT = re.compile(
    r"\breported (?:as a source of spam|system as a source of spam) (?:about |less than )?(\d{1,6}) times",
    re.IGNORECASE,
)


def read(text: str) -> Sighting | None:
    """The page that begins here."""
    flat = _text.flat(text)
    said = _LISTED.search(flat)
    if said is None or not (said["not"] or _PAGE.search(flat)):
        return None
    left, count = _LEFT.search(flat), _COUNT.search(flat)
    hours = (float(left["no"]) * _HOURS[left["unit"].lower()] if left["no"] else 1.0) if left else None
    notes = ["SpamCop tells no time of any mail"] if not said["not"] else []
    if left:
        notes.append(f'"{left[0]}" counts from when the page was opened')
    one = Sighting(
        list="spamcop",
        kind="spamcop",
        address=_text.address(said[1]),
        listed=not said["not"],
        hours_left=hours,
        incidents=int(count[1]) if count else 0,
        notes=tuple(notes),
    )
    return pages.made(one, said[0])
