"""InterServer's look-up: the date of the listing and the subject of the spam, nothing else.

Source: http://rbl.interserver.net/about.php ("We only provide the date listed and Subject line in an IP
lookup"; 5 days, 30 more after four listings in a month); read 2026-11-25. No page itself was seen.
"""

import re

from unlisted.messages import Sighting
from unlisted.notice import pages
from unlisted.notice.pages import _text, _times
from unlisted.notice.pages._text import ADDR

HINTS = ("interserver",)
SIGNS = ("interserver",)

_LISTED = re.compile(
    rf"{ADDR} (?:is |was )?(?:currently )?(?P<not>not )?(?:currently )?(?:black)?listed (?:in|on|by) "
    r"(?:the )?(?:rbl\.)?InterServer",
    re.IGNORECASE,
)
STARTS = re.compile(rf"(?P<page>{_LISTED.pattern})", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:date listed|listed (?:on|at|since)|date|time|added)\b:? ?(?=.{0,20}\d)", re.IGNORECASE
)
_SUBJECT = re.compile(
    r"^[ \t]{0,20}Subject(?: line)?:?[ \t]{1,20}(\S.{0,200})$", re.MULTILINE | re.IGNORECASE
)


def read(text: str) -> Sighting | None:
    """The page that begins here."""
    flat = _text.flat(text)
    said = _LISTED.search(flat)
    if said is None:
        return None
    date, subject = _DATE.search(flat, said.end()), _SUBJECT.search(text)
    if not (said["not"] or date or subject):
        return None
    one = Sighting(
        list="interserver",
        kind="interserver",
        address=_text.address(said[1]),
        listed=not said["not"],
        subject=_text.flat(subject[1]) if subject else "",
        dport=25,
        protocol="tcp",
    )
    if date:
        one = _times.put(one, _times.after(flat, date.end()))
    return pages.made(one, said[0])
