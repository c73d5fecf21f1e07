"""Texts that are no mail: pasted replies, notices, log lines, lists' pages, and any mixture, to refusals."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

import msgspec

from unlisted.evidence.framing import BOOT_LIMIT, stamp
from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import dialects, dsn, judged, ours, pages, refusal, sighting, units
from unlisted.notice.dialects import plain
from unlisted.notice.parts import Part
from unlisted.notice.units import LINE, LINES, PAIR, Unit

_SECOND = re.compile(r"[;|/] {1,4}([45][0-9]{2}) #?([45]\.[0-9]{1,3}\.[0-9]{1,3}) ")
_CLIENT = re.compile(
    r"(?:RCPT|CONNECT|HELO|EHLO|MAIL|DATA|END-OF-MESSAGE) from (\S{0,255}\[[0-9A-Fa-f.:]{2,45}\])"
)
_MARKS = re.compile(r"^(?:[>|] ?){1,8}(?=\S)", re.MULTILINE)
# What is written for programs or for readers of a manual quotes replies, and tells of none.
_DOCUMENT = re.compile(
    r"\A\s{0,8}(?:[{\[]\s{0,80}[\"{\[]|<(?![^\s<>]{1,320}@)[?!a-zA-Z]|#!|%!)|"
    r"^#{1,6} \S|^\[[\w.\"-]{1,80}\][ \t]{0,4}$|"
    r"^[ \t]{0,40}(?:def|class|function|func|import|package|#include|return|const|static|public|private)\b"
    r".{0,200}[;:{(>]$",
    re.MULTILINE,
)
_PROGRAM = Part("text/plain", (("from", "mailer-daemon"),))  # whose text a person copied
_QUEUE = re.compile(r'\A\s{0,8}\{"queue_name": ?"')  # postqueue(1) -j
_CHAPTERS = re.compile(r"<(?:pre|code|h[2-6]|nav|article)\b", re.IGNORECASE)
_MARK = re.compile(
    r"(?<!\S)([245][0-9]{2}-[245]\.[0-9]{1,3}\.[0-9]{1,3})[ _]"
)  # a line of a reply, not its last
WRAPPED = 6
WORDS = 4000  # characters that a person writes or saves about a refusal
LENGTH = 1_000_000  # characters of a pasted text


def pasted(text: str, source: str, own: tuple[Address, ...] = ()) -> list[Refusal]:
    """Refusals in a text that is no mail: replies, notices, a mail server's log lines.

    A reply of several lines (RFC 5321 §4.2.1) is one; several replies in a line are several. A text without
    any reply is one when a phrase in it is known, else nothing.
    """
    return counted(text, source, own)[0]


def counted(
    text: str, source: str, own: tuple[Address, ...] = (), near: float | None = None
) -> tuple[list[Refusal], int]:
    """The same, and how many replies were not read: beyond MAX_RECIPIENTS, LINES, or LENGTH.

    `near` (Unix seconds) places a log's times without a year; without it they are not told.

    A list's page among them is told first; beside one, prose about being listed is no refusal.
    """
    seen, rest = pages.split(text)
    told, more = _counted(pages.words(rest), source, own, near)
    if not seen:
        return told, more
    return [
        *(sighting.line(one, source, own) for one in seen),
        *(one for one in told if one.code or one.recipient),
    ], more


def _counted(
    text: str, source: str, own: tuple[Address, ...], near: float | None
) -> tuple[list[Refusal], int]:
    unread = _clean(text[LENGTH:]).split("\n") if len(text) > LENGTH else []
    text = _clean(text)
    lines = text.split("\n")
    more = units.replies(lines[LINES:]) + units.replies(unread)
    every, away = units.read(text)
    found = [_timed(made, unit, near) for made, unit in _judged(text, every, source, own)]
    if not found and away:
        told = [_turned_away(line, source) for line in away[: dsn.MAX_RECIPIENTS]]
        return told, more + len(away) - len(told)
    fields, beyond = dsn.failures([], text)
    units_told = _untold(every, fields)
    beyond += sum(unit.pair[0][:1] != "2" for unit in units_told[dsn.MAX_RECIPIENTS :])
    if len(found) >= dsn.MAX_RECIPIENTS:  # one line may hold many replies
        pieces = sum(len(_apart(unit.text)) for unit in units_told[: dsn.MAX_RECIPIENTS])
        beyond += max(0, pieces - dsn.MAX_RECIPIENTS)
    whole, others = _notice(text, found, source, own)
    if whole:
        return whole, more + max(beyond, others)
    if found or any(unit.replied for unit in every):
        return found, more + beyond
    words = "\n".join(filter(str.strip, lines[:LINES]))[:LINE]
    made = _reply(words, words, "", source, own)
    return ([made] if made is not None and made.rule else []), more


def quoted(
    text: str, source: str, own: tuple[Address, ...], *, passed_on: bool, near: float | None = None
) -> list[Refusal]:
    """Refusals that a person speaks of in a mail: replies in a known phrase, each at the front of a line.

    `passed_on`: he quotes or forwards, so that the codes alone will do.
    """
    text = _clean(text)
    return [
        _timed(made, unit, near)
        for made, unit in _judged(text, units.read(text)[0], source, own)
        if (unit.plain and made.rule) or (passed_on and _known(made, unit))
    ]


def steps(text: str, source: str, own: tuple[Address, ...], near: float) -> list[Refusal]:
    """What receivers said on the way, in a log's excerpt without the lines of the recipients."""
    every, _ = units.read(_clean(text))
    alone = [unit for unit in every if unit.step]
    return [
        _timed(made, unit, near)
        for unit in alone
        for made in _refusals(unit, source, own)
        if made.rule or made.verdict != "undecided"
    ]


def tells(text: str) -> bool:
    """True when a text that lies in a folder was put there for the replies in it.

    Manuals, programs, tables and other programs' logs quote replies as well; a reply in a phrase that we know
    stands in a text for people, or it is the text. A list's page that a browser saved was put there as well.
    """
    if pages.is_saved(text):
        return pages.tells(text)
    text = _clean(text)
    if _DOCUMENT.search(text) or _underlined(text):
        return False
    every, away = units.read(text)
    return (
        bool(away)
        or pages.tells(text)
        or any(_known(made, unit) and not unit.stamped for made, unit in _judged(text, every, "", ()))
    )


def meant(text: str) -> bool:
    """True when a small text that lies in a folder, and that is no log, is there for the refusal in it.

    A saved page, a queue's listing in JSON, a few words about a refusal.
    Manuals and books are longer, have headings or examples set apart, or are programs.
    """
    if _QUEUE.match(text):
        return True
    saved = pages.is_saved(text)
    if saved and _CHAPTERS.search(text):
        return False
    shown = _clean(pages.words(text))
    if _DOCUMENT.search(shown) or _underlined(shown):
        return False
    every, away = units.read(shown) if len(shown) <= WORDS else ([], [])
    if away or any(unit.logged for unit in every) or len(shown) > WORDS:
        return False  # a log is read as one
    told = [one for one in counted(shown, "", ())[0] if one.rule and one.verdict != "undecided"]
    # Whom it is about stands there as well: else it may be an article.
    return any(one.list or one.recipient or (one.cited_ip and not saved) for one in told)


def _underlined(text: str) -> bool:
    """True when a title has a line of its own length below it, as manuals in plain text have."""
    lines = text.split("\n")[:LINES]
    return any(
        len(below) == len(above) > 2 and below[0] in "=-~" and below == below[0] * len(below)
        for above, below in pairwise(lines)
    )


def _known(made: Refusal, unit: Unit) -> bool:
    return bool(made.rule) or (made.verdict != "undecided" and all(unit.pair))


def _clean(text: str) -> str:
    text = text[:LENGTH].replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").lstrip("\ufeff")
    return _unfolded(_MARKS.sub("", text))


def _unfolded(text: str) -> str:
    """A reply of several lines whose line ends a mail program moved, so that its marks stand within lines."""
    if not _MARK.search(text):
        return text
    lines = text.split("\n")
    open_mark, since = "", 0  # of the reply that may go on, and how many lines ago it was seen
    for number, line in enumerate(lines[:LINES]):
        marks = list(_MARK.finditer(line[:LINE]))
        moved = [one for one in marks if one[1] == open_mark and one.start() > 0]
        if moved and len(moved) == len(marks) and since < WRAPPED:
            lines[number] = line.replace(f"{open_mark}_", f"{open_mark} ").replace(f" {open_mark} ", " ")
        if marks and marks[0].start() == 0 and line[marks[0].end() - 1] == "_":
            lines[number] = line.replace("_", " ")
        open_mark, since = (marks[-1][1], 0) if marks else (open_mark, since + 1)
        if not line.strip():
            open_mark = ""
    return "\n".join(lines)


# ---- judging --------------------------------------------------------------------------------------


def _judged(
    text: str, every: list[Unit], source: str, own: tuple[Address, ...]
) -> Iterator[tuple[Refusal, Unit]]:
    fields, _ = dsn.failures([], text)
    for failure in fields:
        made = judged.told(failure, text, own, len(fields) == 1)
        yield (
            msgspec.structs.replace(made, source=source),
            Unit(plain=True, replied=True, pair=(made.code, made.status)),
        )
    made_of = (
        (made, unit)
        for unit in _untold(every, fields)[: dsn.MAX_RECIPIENTS]
        for made in _refusals(unit, source, own)
    )
    yield from islice(made_of, dsn.MAX_RECIPIENTS)


def _timed(made: Refusal, unit: Unit, near: float | None) -> Refusal:
    """With the time of its log line, where that tells the year or `near` does."""
    when = stamp(unit.front, near or 0.0) if unit.front and made.at is None else None
    known = when is not None and when.at >= BOOT_LIMIT and (when.year or near is not None)
    return msgspec.structs.replace(made, at=when.at) if when and known else made


def _untold(every: list[Unit], fields: list[dialects.Failure]) -> list[Unit]:
    """The units with a reply that the fields of a report do not tell already."""
    named = {failure.recipient.lower() for failure in fields}
    return [
        unit
        for unit in every
        if unit.replied and not (fields and (not unit.recipient or unit.recipient.lower() in named))
    ]


def _refusals(unit: Unit, source: str, own: tuple[Address, ...]) -> Iterator[Refusal]:
    if unit.recipient and not unit.logged:
        failure = plain.failure(unit.recipient, unit.text, "")
        made = judged.told(failure, "", own, alone=True)
        if made.code.startswith(("4", "5")) or made.rule:
            yield msgspec.structs.replace(made, source=source)
        return
    recipient = unit.recipient
    if not recipient and unit.before:
        recipient = plain.spoken_of("\n".join(unit.lines[: unit.before]))
    for words in _apart(unit.text):
        told = _reply(unit.text, words, recipient, source, own)
        if told is not None and (told.rule or not unit.loose):
            yield told


def _notice(
    text: str, found: list[Refusal], source: str, own: tuple[Address, ...]
) -> tuple[list[Refusal], int]:
    """A text read as the one notice of a program, where nothing of what was `found` in it is lost by that.

    And how many recipients beyond MAX_RECIPIENTS it has.
    """
    every = [] if dsn.failures([], text)[0] else dialects.failures(_PROGRAM, text)
    failures = every[: dsn.MAX_RECIPIENTS]
    alone = len(failures) == 1
    made = [msgspec.structs.replace(judged.told(one, text, own, alone), source=source) for one in failures]
    names = {one.recipient.lower() for one in made} - {""}
    said = {(one.code, one.list, one.cited_ip) for one in made}
    lost = [
        one
        for one in found
        if one.recipient.lower() not in names
        and (one.recipient or (one.code, one.list, one.cited_ip) not in said)
    ]
    if lost or not any(one.rule or one.code for one in made):
        return [], 0
    return made, len(every) - len(failures)


def _reply(whole: str, words: str, recipient: str, source: str, own: tuple[Address, ...]) -> Refusal | None:
    remote = dialects.remote(whole)
    verdict = refusal.judge(words, own, remote_mta=remote, command=dialects.command(whole))
    refused = verdict.code.startswith(("4", "5"))
    if not refused and not (verdict.rule and not verdict.code):
        return None
    # No reporter says here that he has given up: what the receiver calls passing may still arrive.
    verdict = msgspec.structs.replace(verdict, hard=verdict.hard and not judged.transient(verdict))
    return judged.made(verdict, source, recipient, remote, None, words)


def _turned_away(line: str, source: str) -> Refusal:
    """Our own server turned somebody away: whom it cites is not us, and no list speaks of us."""
    client = _CLIENT.search(line)
    code, status, _ = refusal.codes(refusal.fold(line))
    whom = client[1] if client else "a client"
    reason, verdict, rule, quote = "rejected", "other", ours.OWN, f"our own server turned {whom} away"
    if refusal.judge(line).verdict == "their-resolver":  # here "they" are we
        reason, verdict, rule = "systemerror", "our-setup", ours.RESOLVER
        quote = f"our own server's list query was refused, and it turned {whom} away for it"
    return Refusal(
        source=source,
        code=code,
        status=status,
        reason=reason,
        verdict=verdict,
        rule=rule,
        quote=quote,
        text=refusal.fold(line)[:2000],
    )


def _apart(words: str) -> list[str]:
    """Each reply of a line that holds several: a code and status unlike the first's, behind a separator."""
    pieces: list[str] = []
    start = 0
    first = PAIR.search(words)
    for found in _SECOND.finditer(words):
        if first and (found[1], found[2]) != (first[1], first[2]):
            pieces.append(words[start : found.start()])
            start = found.start(1)
    return [*pieces, words[start:]]
