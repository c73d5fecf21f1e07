"""Bounces that follow no standard: who was refused, and in which words, from text written for people.

Each dialect is one file with `HINTS` and `read(head, text) -> list[Failure]`; the plain reader, which goes
by shape and not by vendor, is asked last. A new dialect is one new file: this package walks its own folder.
"""

import re
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from msgspec import Struct

from unlisted.notice.parts import Part
from unlisted.notice.phrases import Phrase, Phrases

# RFC 5321 §4.1.2 and RFC 6531 §3.3. An apostrophe or a bar within a name is the name's, one around it is not.
# A label's mark as East Asia writes it stands before one, as does the asterisk of bold text.
_ATEXT = r"[^\s<>()\[\]\"'`,;:@|\u3001\u3002\u3008-\u3011\uff08\uff09\uff0c\uff1a\uff1b\uff1c\uff1e]{1,128}"
_LOCAL = rf"(?:(?!\*){_ATEXT}(?:(?<=[A-Za-z0-9])['`|]{_ATEXT}){{0,3}}|\"[^\"\\<>\r\n]{{1,64}}\")"
_LETTERS = (
    r"A-Za-z0-9_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0300-\u037d\u037f\u0386\u0388-\u03ff\u0400-\u052f"
    r"\u0531-\u0587\u05d0-\u05ea\u0620-\u06d3\u0900-\u0963\u0966-\u0dff\u10a0-\u10ff\u1e00-\u1fff"
)
# Scripts without spaces go on right behind "user@example.jp": a last label is wholly theirs or not at all.
_UNSPACED = (
    r"\u0e01-\u0e4e\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
)
_LABELS = rf"(?:[{_LETTERS}{_UNSPACED}-]{{1,63}}\.){{0,20}}"
_LAST = rf"(?:[{_LETTERS}](?:[{_LETTERS}-]{{0,61}}[{_LETTERS}])?|[{_UNSPACED}]{{1,63}})"
ADDRESS = rf"{_LOCAL}@{_LABELS}{_LAST}"
LOOSE = r"[^@]+@"  # what RE2 looks for in its stead: it may match more, and needs no count to do it
_ADDRESS = re.compile(ADDRESS)

_CREATED = r"(?=\nthis message was created)"
_COPY = (
    r"^[>| \t-]{0,40}(?:"
    r"-{2,80}[ \t]{0,8}(?:this is a copy|the (?:header|body) of the original|original message|"
    r"below this line is a copy|"
    r"returned (?:message|mail)|unsent message|message header|included is a copy|"
    r"copy of (?:the )?(?:original|message)|"
    r"the following is a copy|message text follows|begin (?:original|returned))"
    r"|original (?:message|mail)(?: headers?)?(?: follows?| as follows)?\.?:?[ \t]{0,8}$"
    r"|message headers? follow"
    r"|below (?:is|this line is) a copy of|included is a copy of|(?:the )?(?:original|"
    r"returned) message follows"
    r"|content-type:[ \t]{0,8}(?:message/rfc822|text/rfc822-headers)|begin message[ \t]{0,8}$"
    rf"|\|?-{{1,80}}[ \t]{{0,8}}message text follows|\*{{6,80}}[ \t]{{0,8}}${_CREATED}"
    r"|received:[ \t]?from .|return-path:[ \t]?<|dkim-signature:|x-originating-ip:"
    r")"
)
_ORIGINAL = Phrase(_COPY, gate=_COPY.replace(_CREATED, ""))
# ">>> RCPT" and "<<< 550" of sendmail and Courier, "-->" and "<--" of MDaemon, InterScan's "Received <<<".
TRANSCRIPT = re.compile(
    r"^[> ]{0,6}(?:[A-Z][a-z]{2} [0-9-]{10} [0-9:.]{8,12}: |Sent |Received )?"
    r"(?:(<<<|<--)|>>>|-->)[ \t]*(\S.{0,2000})$",
    re.MULTILINE,
)
SAID = 1000  # refusals of one transcript that are told apart, as many as recipients
_ALIKE = 40  # characters: sendmail shortens a long reply in its middle
_OWN_REPLY = re.compile(r"^([45][0-9]{2} [45]\.[0-9]\.[0-9]{1,3} .{1,1000})$", re.MULTILINE)
_REASON = re.compile(r"^[> \t]{0,12}\(reason: (.{3,2000})\)[ \t]{0,8}$", re.MULTILINE)
_COMMANDS = (
    (
        "DATA",
        r"end of data|\bDATA command|after DATA|final DATA|TEXT command|body of message|"
        r"after I sent the message|"
        r">>> DATA|\(DATA\)|\[DATA\]|end of message|\(state 1[578]\)",
    ),
    (
        "RCPT",
        r"RCPT[ _]TO|RCPT command|to RCPT|SMTP:RCPT|\(Remote SMTP server has rejected address|"
        r"does not like recipient|rejected address|(?:>>> |\[)RCPT|\(state 14\)",
    ),
    ("MAIL", r"MAIL[ _]FROM|MAIL command|to MAIL|sender was rejected|does not like (?:the )?sender|>>> MAIL"),
    (
        "EHLO",
        r"(?:EHLO|HELO) command|(?:to|after|our) (?:EHLO|HELO)|>>> (?:EHLO|HELO)|my name was rejected|"
        r"helo handshake",
    ),
    (
        "CONN",
        r"initial (?:connection|greeting|server greeting)|server in greeting|"
        r"connected to .{1,80} but greeting failed|"
        r"does not like my greeting|refused to talk to me",
    ),
)
_COMMAND = Phrases(*(pattern for _, pattern in _COMMANDS))
_HOST = (
    r"(?:\bhost:? |while talking to |remote server |server for the recipient domain [\w.-]{1,255} by |"
    r"connect to |conversation with |lost connection with |"
    r"rejected by |^)([A-Za-z0-9](?:[\w-]{0,62})"
    r"(?:\.[\w-]{1,63}){0,8}\.[A-Za-z][\w-]{1,62})\.?:?(?: ?[\[(]([0-9A-Fa-f.:]{3,45})[\])])?"
)
# "This is the mail system at host X": the reporter, who may be no more than a relay.
_REMOTE = Phrase(r"(?<!\bat )" + _HOST + r"(?=$|[\s:,>;])", gate=_HOST)


class Failure(Struct, frozen=True, gc=False):
    """One recipient and what was said of him, before anybody judged it."""

    recipient: str
    text: str = ""  # the reply, or the reporting server's words
    status: str = ""  # a Status field, as it stood
    action: str = ""  # RFC 3464 §2.3.3, lower case
    remote_mta: str = ""
    at: float | None = None
    context: str = ""  # what stands around the reply, others' replies among it
    near: str = ""  # the part of it that is this recipient's alone; "" where it all is
    structured: bool = False  # from a report's fields, not from prose
    sure: bool = True  # False: it is a refusal only where its words say so
    named: bool = True  # False: the text names nobody, a header did


class Dialect(Protocol):
    HINTS: tuple[str, ...]  # in lower case; one of them stands in every notice of the dialect, () for any

    def read(self, head: Part, text: str) -> list[Failure]: ...


@lru_cache(maxsize=1)  # loaded when first asked: each of them imports from here
def known() -> tuple[Dialect, ...]:
    """Every dialect in the order in which they are asked; the plain one last."""
    names = sorted(m.name for m in iter_modules(__path__) if m.name != "plain")
    return tuple([import_module(f"{__name__}.{name}") for name in [*names, "plain"]])


def failures(head: Part, text: str) -> list[Failure]:
    """What the first dialect that knows the text makes of it."""
    low = text.lower()
    for dialect in known():
        if (not dialect.HINTS or _hinted(dialect, low)) and (found := dialect.read(head, text)):
            return found
    return []


def _hinted(dialect: Dialect, low: str) -> bool:
    """A word that is not there is found sooner than a pattern that does not match."""
    for hint in dialect.HINTS:  # noqa: SIM110 - a generator takes thrice the time, eight times a mail
        if hint in low:
            return True
    return False


def people(head: Part, text: str) -> set[str]:
    """Whom a part of a text names, in lower case, whose beginning a dialect has read."""
    from unlisted.notice.dialects import plain

    low = text.lower()
    for dialect in known()[:-1]:
        if _hinted(dialect, low) and (found := dialect.read(head, text)):
            return {one.recipient.lower() for one in found}
    return plain.people(text)


def address(text: str) -> str:
    """The first mail address in `text`, or ""."""
    found = _ADDRESS.search(text[:2000])
    return found[0].rstrip(".") if found else ""


@lru_cache(maxsize=8)
def before_original(text: str) -> str:
    """The notification without the returned message."""
    for found in _ORIGINAL.finditer(text):
        if text[: found.start()].strip():
            return text[: found.start()]
    return text


@lru_cache(maxsize=8)
def about(text: str) -> str:
    """What a notification says for people, without the returned message."""
    return before_original(text)[:8000]


@lru_cache(maxsize=8)  # a thousand recipients share one notification
def _session(text: str) -> tuple[tuple[str, str], ...]:
    """Each refusal in a session transcript, its lines joined, and the command before it."""
    if "<<<" not in text and "<--" not in text:
        return ()  # nobody answers in it
    found: list[tuple[str, list[str]]] = []
    command, more = "", False
    for line in TRANSCRIPT.finditer(text[:50_000]):
        said = line[2].strip()
        if not line[1]:
            command, more = said, False
        elif said[:1] in "45" and said[:3].isdigit():
            if more and found[-1][1][0][:3] == said[:3]:
                found[-1][1].append(said)
            else:
                found.append((command, [said]))
            more = True
    return tuple(("\n".join(lines), before) for before, lines in found)


@lru_cache(maxsize=8)
def transcript(text: str) -> tuple[str, str]:
    """The receiver's first refusal in a session transcript and the command before it.

    The first: what follows ("503 need RCPT") is the echo of it.
    """
    for said, before in _session(text):
        return said, _named(f">>> {before}") if before else ""
    reason = _REASON.search(text) if "(reason: " in text else None
    reason = reason or (
        _OWN_REPLY.search(text) if "\n5" in text or "\n4" in text or text[:1] in "45" else None
    )
    return (reason[1] if reason else ""), ""


@lru_cache(maxsize=8)
def _begun(text: str) -> dict[str, tuple[str, str]]:
    """The refusals of a transcript by all that they may begin with."""
    found: dict[str, tuple[str, str]] = {}
    for one in _session(text)[:SAID]:
        for end in range(1, min(len(one[0]), _ALIKE) + 1):
            found.setdefault(one[0][:end], one)
    return found


def answered(words: str, text: str) -> tuple[str, str]:
    """The refusal in the transcript that begins as `words` do, and its command; ("", "") when none does."""
    if not words:
        return transcript(text)
    start, known = words[:_ALIKE], _begun(text)
    alike = known.get(start)
    for end in range(len(start) - 1, 0, -1) if known and alike is None else ():
        whole = known.get(start[:end])
        if whole and whole[0] == start[:end]:  # the transcript says less than the report
            alike = whole
            break
    return (alike[0], _named(f">>> {alike[1]}") if alike[1] else "") if alike else ("", "")


def reason(text: str) -> str:
    """What sendmail says in parentheses below a recipient, where a text begins with it."""
    found = _REASON.match(text)
    return found[1] if found else ""


def command(text: str) -> str:
    """The SMTP command that was refused, as far as the text says."""
    whole, before = transcript(text)
    return before if whole and before else _named(text[:8000])


@lru_cache(maxsize=8)
def _named(text: str) -> str:
    which = sorted(_COMMAND.which(text))
    if len(which) < 2:
        return _COMMANDS[which[0]][0] if which else ""
    best, where = "", -1
    for number in which:
        for found in _COMMAND.patterns[number].finditer(text):
            if found.start() > where:
                best, where = _COMMANDS[number][0], found.start()
    return best


@lru_cache(maxsize=8)
def remote(text: str) -> str:
    """The host that refused, with its address when it stands beside it."""
    low = text[:4000].lower()
    if not ("[" in low or "(" in low or "host" in low or "talking" in low):
        return ""
    for found in _REMOTE.finditer(text[:4000]):
        if found[2] or "host" in found[0].lower() or "talking" in found[0].lower():
            return f"{found[1]} [{found[2]}]" if found[2] else found[1]
    return ""
