"""What a list's own page shows its victim, as a person pasted it: one file a page's kind.

A kind has `HINTS`, single words of which one stands in each such page, `STARTS`, where one begins, `SIGNS`,
words of which one stands in each start, and `read(text) -> Sighting | None`. A new kind is one new file: this
package walks its own folder. Nothing is ever fetched: scripted look-ups are forbidden there and may
themselves cause a listing. Anybody can write such a text: it may open a case and never moves a hold.
"""

import re
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from msgspec import Struct, structs

from unlisted.messages import Sighting
from unlisted.net import Address
from unlisted.notice import parts
from unlisted.notice.pages import _text

LENGTH = 1_000_000  # characters of a text that are read
LONGEST = 20_000  # characters of one page: the words of the longest have 8,000
MOST = 100  # pages of one text
SIGNED = 1500  # places of a text that are looked at: pages have a dozen
AROUND = 200  # characters around a sign: the longest start has fewer
QUOTE = 300  # characters of the span that is quoted

# A server's reply, and what stands around one in a bounce or a log: there a page ends, or never was.
_CODE = re.compile(
    r"(?:^|[\s:;\"'<(\[])[245][0-9]{2}[ -](?:#?[245]\.[0-9]{1,3}\.[0-9]{1,3}\b|[A-Za-z\[<(#]|\d{1,3}\.\d)"
)
_REPLY = re.compile(
    r"^\W{0,8}[45][0-9]{2}[ -](?:#?[45]\.[0-9]{1,3}\.[0-9]{1,3}\b|[A-Za-z\[<(#]|\d{1,3}\.\d)|"
    r"\b[45][0-9]{2}[ -]#?[45]\.[0-9]{1,3}\.[0-9]{1,3}\b|"
    r"\b(?:said|error|response|reply|reason|returned)[ \t]{0,2}[:=][ \t]{0,4}[\"']?[45][0-9]{2}[ -]|"
    r"^(?:Final-Recipient|Diagnostic-Code|Reporting-MTA):",
    re.IGNORECASE,
)
_ARCHIVE = re.compile(
    rb"^(?:From:[ \t]{0,4}<?Saved by |Snapshot-Content-Location:)", re.MULTILINE | re.IGNORECASE
)
_WITHIN = re.compile(r"\b[45][0-9]{2}[ -]#?[45]\.[0-9]{1,3}\.[0-9]{1,3}\b")
_FOLDED = 3  # lines into which a reply is folded before it says what a page would say


class Kind(Protocol):
    HINTS: tuple[str, ...]  # single words in lower case: pages are wrapped anywhere
    # Where one begins, on one line. Group "page": each time anew; "event": where it was not told yet; else
    # where no page of the kind goes on. An address in it that is another's begins another page, but for group
    # "facts": there it is whom the listed one spoke to.
    STARTS: re.Pattern[str]
    SIGNS: tuple[str, ...]  # in lower case, one space between words

    def read(self, text: str) -> Sighting | None: ...


class _Start(Struct, frozen=True, gc=False):
    place: int  # in the text on one line
    kind: str
    name: str
    address: Address | None


@lru_cache(maxsize=1)  # loaded when first asked: each of them imports from here
def known() -> dict[str, Kind]:
    """Every kind of page by name."""
    names = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    return {name: import_module(f"{__name__}.{name}") for name in names}


def read(text: str) -> list[Sighting]:
    """Every page in a text, in its order. Never raises."""
    return split(text)[0]


def tells(text: str) -> bool:
    """True when there is a page in it."""
    return bool(read(text))


def is_saved(text: str) -> bool:
    """True for a page as a browser saves it."""
    return _text.is_html(text)


def words(text: str) -> str:
    """What such a page shows; any other text as it is."""
    return _text.plain(text) if is_saved(text) else text


def archived(raw: bytes) -> str:
    """The page in a web archive, which browsers save as a mail (RFC 2557); "" when it is another mail."""
    if not _ARCHIVE.search(raw[:4096]):
        return ""
    leaves = parts.split(raw)[1]
    return next((leaf.text for leaf in leaves if leaf.kind == "text/html" and leaf.text.strip()), "")


def split(text: str) -> tuple[list[Sighting], str]:
    """The pages in a text, and the text without them; as it stood where there is none."""
    low = _text.shown(text[:LENGTH]).lower()
    kinds = {name: kind for name, kind in known().items() if any(hint in low for hint in kind.HINTS)}
    if not kinds:
        return [], text
    lines = _text.plain(text[:LENGTH]).split("\n")
    flat, places = _joined(lines)
    starts = _starts(kinds, flat, lines, places)
    found: list[Sighting] = []
    gone: set[int] = set()
    behind: list[str] = []
    for number, start in enumerate(starts[:MOST]):
        first = _line(places, start.place)
        next_start = starts[number + 1].place if number + 1 < len(starts) else len(flat)
        last = _last(lines, places, first, next_start)
        ends = min(next_start, places[first + 1] if first + 1 < len(places) else len(flat))
        head = flat[start.place : min(ends, start.place + LONGEST)]
        reply = _WITHIN.search(head)
        if reply:  # all of it stands on one line
            head, last = head[: reply.start()], first + 1
        words = "\n".join([head, *lines[first + 1 : last]])
        one = kinds[start.kind].read(words[:LONGEST])
        if one is None or not _enough(one):
            continue
        gone.update(range(first, last))
        behind += [flat[start.place + reply.start() : ends]] if reply else []
        if one not in found:
            found.append(one)
    if not found:
        return [], text
    rest = [line for number, line in enumerate(lines) if number not in gone]
    return found, "\n".join([*rest, *behind]) + text[LENGTH:]


def made(one: Sighting, quote: str) -> Sighting:
    """`one` with its quote, bounded, and its notes told once each."""
    return structs.replace(one, quote=_text.flat(quote)[:QUOTE], notes=tuple(dict.fromkeys(one.notes)))


def _enough(one: Sighting) -> bool:
    """True when it says whom it means, or what to look for: the rest is an article."""
    if one.address is not None:
        return one.listed is not None or one.at is not None
    if one.at is None:
        return bool(one.helo) or (one.dst is not None and bool(one.source_port or one.malware))
    return one.dst is not None or bool(one.source_port) or one.listed is not None


def _joined(lines: list[str]) -> tuple[str, list[int]]:
    """All lines as one, and where each begins in it."""
    places: list[int] = []
    words: list[str] = []
    at = 0
    for line in lines:
        places.append(at)
        if one := " ".join(line.split()):
            words.append(one)
            at += len(one) + 1
    return " ".join(words), places


def _line(places: list[int], place: int) -> int:
    """The number of the line on which a place of the joined text lies: the last that begins by then."""
    low, high = 0, len(places)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if places[middle] <= place else (low, middle)
    return low


def _starts(kinds: dict[str, Kind], flat: str, lines: list[str], places: list[int]) -> list[_Start]:
    """Where the pages begin, in order."""
    low = _text.lower(flat)
    every = [
        _Start(
            found.start(),
            name,
            found.lastgroup or "",
            None if found.lastgroup == "facts" else _first(found.groups()),
        )
        for name, kind in kinds.items()
        for begins, ends in _signed(low, kind.SIGNS)
        for found in kind.STARTS.finditer(flat, begins, ends)
    ]
    kept: list[_Start] = []
    kind, whose, told = "", None, set[str]()
    for one in sorted(every, key=lambda start: start.place):
        other = one.address is not None and whose is not None and one.address != whose
        anew = one.name == "page" or (one.name == "event" and one.name in told)
        if one.kind == kind and not other and not anew:
            whose = whose or one.address
            told.add(one.name)
            continue
        if len(kept) > MOST:
            break
        if _replied(flat, lines, places, one.place):
            continue
        kept.append(one)
        kind, whose, told = one.kind, one.address, {one.name}
    return kept


def _signed(low: str, signs: tuple[str, ...]) -> list[tuple[int, int]]:
    """The parts of a text around the signs: a pattern that begins with an address would try every letter."""
    places: list[int] = []
    for sign in signs:
        at = low.find(sign)
        while at >= 0 and len(places) < SIGNED:
            places.append(at)
            at = low.find(sign, at + len(sign))
    near: list[tuple[int, int]] = []
    for at in sorted(places):
        begins, ends = max(0, at - AROUND), at + AROUND
        if near and begins <= near[-1][1]:
            near[-1] = (near[-1][0], ends)
        else:
            near.append((begins, ends))
    return near


def _first(groups: tuple[str | None, ...]) -> Address | None:
    return next((made for one in groups if one and len(one) < 60 and (made := _text.address(one))), None)


def _replied(flat: str, lines: list[str], places: list[int], place: int) -> bool:
    """True when a server says it: a reply code stands before it on its line, or above a folded one."""
    number = _line(places, place)
    before = flat[max(places[number], place - 400) : place + 8]  # with what follows a code
    for above in range(_FOLDED + 1):
        if _CODE.search(before[-408:]):
            return True
        if number - above < 1 or not lines[number - above][:1].isspace():
            return False
        before = " ".join(lines[number - above - 1][:2000].split())
    return False


def _last(lines: list[str], places: list[int], first: int, end: int) -> int:
    """The line behind the page's last: where the next page begins, or a reply."""
    number = first + 1
    while number < len(lines) and places[number] < end and places[number] - places[first] < LONGEST:
        if _REPLY.search(lines[number][:2000]):
            break
        number += 1
    return number
