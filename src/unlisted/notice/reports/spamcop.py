"""SpamCop's own shapes: summary, alert, and the report of one mail. (Its fourth shape is ARF.)

Sources: SpamCop FAQ, "Introduction" and "How do I know that a report is from SpamCop" (subjects, sender,
the line "Email from ADDRESS / DATE"), and for the summary its own key to the columns (start with the hour,
length in days, messages at traps, of users, of moles, simple ones). The hour names no zone.
"""

import re
from datetime import UTC, datetime

from msgspec import structs

from unlisted.messages import Report
from unlisted.notice.parts import Part, words
from unlisted.notice.reports import _facts

_MARK = re.compile(r"^[> ]{0,4}[\[-] ?SpamCop V[0-9]", re.MULTILINE | re.IGNORECASE)
_ORIGINAL = re.compile(
    r"^[> ]{0,4}(?:\[ )?Offending message(?: \]|:)[ \t]{0,8}$", re.MULTILINE | re.IGNORECASE
)
_COUNT = r"[ \t]{1,20}([0-9]{1,9})"
EACH = re.compile(
    r"^[ \t>]{0,20}([0-9A-Fa-f:.]{3,45})[ \t]{1,8}([A-Z][a-z]{2})[ \t]{1,4}([0-9]{1,2})[ \t]{1,4}"
    r"([0-9]{1,2})h/([0-9]{1,4})" + 4 * _COUNT,
    re.MULTILINE,
)
_ALONE = re.compile(r"^[ \t>]{0,20}([0-9A-Fa-f:.]{3,45})[ \t]{0,20}$", re.MULTILINE)
_FROM = re.compile(
    r"^[> ]{0,4}(?:e-?mail|unsolicited bounce|virus) from:?[ \t]{1,8}\[?([0-9A-Fa-f:.]{3,45})\]?"
    r"(?:[ \t]{0,8}/[ \t]{0,8}(.{0,80}))?",
    re.MULTILINE | re.IGNORECASE,
)
_SITE = re.compile(r"^[> ]{0,4}Spamvertised web ?site:[ \t]{0,8}(\S{1,500})", re.MULTILINE | re.IGNORECASE)
_IS = re.compile(r"^[> ]{0,4}\S{1,500} is ([0-9A-Fa-f:.]{3,45});[ \t]{0,8}(.{0,80})", re.MULTILINE)
_LINK = re.compile(r"https?://(?:[a-z]{1,20}\.)?spamcop\.net/w3m\?i=[A-Za-z0-9]{1,200}")
_SUBJECT = re.compile(r"\[SpamCop[ :]\(?([^\s()]{0,300})\)?[ ,]{1,3}id:([0-9]{1,20})")
_BANNER = re.compile(r"^\s{0,8}={3,40}[A-Z ]{3,60}={3,40}\n")
_REPORT = Report("spamcop", "abuse", reporter="SpamCop", source_from="stated", recipients=("",))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOUR = _facts.ZONE + 3600.0  # the hour is told, its zone is not
_NEAR = 86400.0  # seconds that a summary's row may lie ahead of its mail, by the zone


def read(head: Part, leaves: list[Part]) -> list[Report]:
    """One Report for each address of a summary or an alert, for each thing complained of in a report."""
    texts = [leaf.text for leaf in leaves if leaf.kind.startswith("text/")]
    sender = head.get("from")[:1000].lower()
    theirs = "spamcop.net" in sender or "[spamcop" in head.get("subject")[:1000].lower()
    if not theirs and not any("SpamCop V" in text for text in texts):
        return []
    text = "\n".join(texts)[:200_000]
    if any(leaf.kind.endswith("/feedback-report") for leaf in leaves) or not (theirs or _MARK.search(text)):
        return []
    sent = _facts.moment(head.get("date"))[0]
    return _summary(text, sent) or _one(head, text) or (_alert(text, sent) if theirs else [])


def _summary(text: str, sent: float | None) -> list[Report]:
    found: list[Report] = []
    for row in EACH.finditer(text):
        source = _facts.address(row[1])
        if source is None or len(found) >= _facts.MOST:
            continue
        at = _hour(row[2], int(row[3]), int(row[4]), sent)
        started = {"at": at, "accuracy": _HOUR, "until": at + 86400.0 * int(row[5])} if at is not None else {}
        counted = max(1, sum(map(int, row.group(6, 7, 8, 9))))
        found.append(structs.replace(_REPORT, source=source, incidents=counted, **started))
    return found


def _hour(month: str, day: int, hour: int, sent: float | None) -> float | None:
    """The start of a row as a time: of the year that puts it before the mail."""
    if month not in _MONTHS or sent is None:
        return None
    try:
        year = datetime.fromtimestamp(sent + _NEAR, UTC).year
        for one in (year, year - 1):
            at = datetime(one, _MONTHS.index(month) + 1, day, hour, tzinfo=UTC).timestamp()
            if at <= sent + _NEAR:
                return at
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _alert(text: str, sent: float | None) -> list[Report]:
    """Addresses, each alone on its line: traps were hit, nothing else is told, not even when."""
    listed = dict.fromkeys(_facts.address(found[1]) for found in _ALONE.finditer(text))
    return [structs.replace(_REPORT, source=source, at=sent) for source in filter(None, listed)][
        : _facts.MOST
    ]


def _one(head: Part, text: str) -> list[Report]:
    """The report of one mail, or of the site that it advertises."""
    mark = _ORIGINAL.search(text)
    said = text[: mark.start()] if mark else text[:8000]
    inner = _facts.headers(_BANNER.sub("", text[mark.end() :], count=1) if mark else "")
    subject = _SUBJECT.search(words(head.get("subject")[:500]))
    site = _SITE.search(said)
    found = _IS.search(said) if site else _FROM.search(said)
    source = (
        (_facts.address(found[1]) if found else None)
        or _facts.address(head.get("x-spamcop-sourceip"))
        or (_facts.address(subject[1]) if subject else None)
    )
    if source is None and site is None:
        return []
    at, accuracy = _facts.moment(found[2] or "") if found else (None, None)
    handed, came, off = _facts.received(inner)
    if at is None and handed == source:
        at, accuracy = came, off
    link = _LINK.search(said)
    return [
        structs.replace(
            _REPORT,
            category="" if site else "messaging/spam",
            source=source,
            source_name=_facts.line(site[1], 500) if site else "",
            at=at if at is not None else _facts.moment(head.get("date"))[0],
            accuracy=accuracy,
            message_id=_facts.line(inner.get("message-id")),
            id=subject[2] if subject else "",
            url=link[0] if link else "",
        )
    ]
