"""UCEPROTECT's rblcheck page: which level, the last abuse, and the earliest day on which the entry goes.

Levels 2 and 3 name the provider's range and system, not the address.
Source: https://www.uceprotect.net/en/index.php?m=3&s=3 and https://www.uceprotect.net/de/index.php?m=7&s=6;
the page as retold at https://github.com/dragokas/hijackthis/issues/190 (2022) and, for level 2, at
https://community.plus.net/t5/Tech-Help-Software-Hardware-etc/RBL-Blacklisting-by-UCEPROTECT/td-p/1925592;
its times as on Backscatterer's, the same operator's page; read 2026-11-25. No whole page of level 1 was seen.
"""

import re

from msgspec import structs

from unlisted.messages import Sighting
from unlisted.notice import pages
from unlisted.notice.pages import _text, _times
from unlisted.notice.pages._text import ADDR

HINTS = ("uceprotect",)
SIGNS = ("uceprotect", "come to our attention")

_LEVEL = r"UCEPROTECT(?:-Network)?[ -]{0,3}(?:Level|L)[ -]?([123])\b"
_STATE = (
    r"(?:is |was |ist |are )?(?:currently |derzeit |zur Zeit )?"
    r"(?:not |nicht )?(?:currently )?(?:black)?(?:listed|gelistet)"
)
_LISTED = re.compile(
    rf"{ADDR} {_STATE}(?: at| in| by| on| bei| im)?(?: the)? {_LEVEL}|"
    rf"(?:\bIP(?: address)?:? ?{ADDR}.{{0,40}}?)?{_LEVEL}:? {{0,3}}{_STATE}",
    re.IGNORECASE,
)
_ATTENTION = re.compile(rf"\bThe IP {ADDR} has come to our attention\b", re.IGNORECASE)
STARTS = re.compile(rf"(?P<more>{_LISTED.pattern})|(?P<event>{_ATTENTION.pattern})", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|nicht)\b", re.IGNORECASE)
_LAST = re.compile(
    r"\b(?:last|latest|letzte[rs]?) (?:abuse|impact|attack|spam|hit|Missbrauch|Angriff)[a-z :]{0,40}(?=\d)",
    re.IGNORECASE,
)
_EXPIRES = re.compile(r"\b(?:earliest|fr\u00fchest)[a-z]{0,4} [^.\d]{0,80}(?=\d)", re.IGNORECASE)
_COUNT = re.compile(r"\b(?:total of )?(\d{1,7}) (?:Impacts?|spamtrap hits?)\b", re.IGNORECASE)
_PAGE = re.compile(
    r"\blast 7 days\b|\bletzten 7 Tage|\bescalation list\b|\bexpire[sd]?\b|"
    r"\bWhat does it mean to be listed\b|\bexpress ?delisting\b",
    re.IGNORECASE,
)


def read(text: str) -> Sighting | None:
    """The page that begins here."""
    flat = _text.flat(text)
    last, expires, attention = _LAST.search(flat), _EXPIRES.search(flat), _ATTENTION.search(flat)
    states = [
        (int(m[2] or m[4]), not _NOT.search(m[0]), m[0], m[1] or m[3]) for m in _LISTED.finditer(flat[:8000])
    ]
    told = last or expires or _PAGE.search(flat) or any(not on for _, on, _, _ in states)
    if not (states or attention) or not told:
        return None
    on = sorted((state for state in states if state[1]), key=lambda state: state[0])
    level = on[0][0] if on else 1 if attention or not states else states[0][0]
    spelled = next((state[3] for state in states if state[3]), None) or (attention[1] if attention else None)
    one = Sighting(
        list=f"uceprotect-{level}",
        kind="uceprotect",
        sublist=f"L{level}",
        address=_text.address(spelled),
        listed=bool(on) or attention is not None,
    )
    if last and level == 1:
        one = _times.put(one, _times.after(flat, last.end()))
    if expires:
        until = _times.after(flat, expires.end())
        one = structs.replace(one, expires_at=until.at, notes=(*one.notes, *until.notes))
    count = _COUNT.search(flat)
    one = structs.replace(one, incidents=int(count[1]) if count and level == 1 else 0)
    quote = flat[last.start() : last.start() + 80] if last else on[0][2] if on else flat[:80]
    return pages.made(one, quote)
