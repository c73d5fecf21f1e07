"""One mail to its refusals: RFC 3464 reports with all their defects, plain-text bounces, abuse reports.

`refusals` gives one Refusal for each recipient in the message's order, and nothing for a mail that is no
bounce. A mail in which a person passes bounces on, attached, forwarded or quoted, gives theirs.
It reads the bytes that it is given and no more; the caller bounds them. Never raises.
"""

import re
from html import unescape
from itertools import takewhile

import msgspec

from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import absence, dialects, dsn, forwarded, judged, ours, parts, replies, report
from unlisted.notice.dialects import Failure, plain
from unlisted.notice.dsn import MAX_RECIPIENTS
from unlisted.notice.parts import Part
from unlisted.notice.replies import pasted

__all__ = ["MAX_RECIPIENTS", "counted", "notification", "pasted", "refusals"]

LONGEST = 400_000  # characters of a notification that are read at once
NEST = 3  # bounces forwarded inside bounces

# What mail programs call an attached .eml that they do not know.
_ANY = ("application/octet-stream", "application/x-eml", "application/eml", "text/plain", "text/rfc822")
# Every piece stops at the next "<": linear, and a style sheet without its end cannot swallow the rest.
_TAG = re.compile(r"<(?:style|script)\b[^<>]{0,400}>[^<]{0,50000}|<[^<>]{0,2000}>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/pre)\b[^<>]{0,400}>", re.IGNORECASE)
_INLINE = re.compile(
    r"^(?:From MAILER-DAEMON.{0,200}\n)?Return-Path: ?<(?:MAILER-DAEMON[^>]{0,100})?>\n",
    re.MULTILINE | re.IGNORECASE,
)


def refusals(raw: bytes, source: str, own: tuple[Address, ...] = ()) -> list[Refusal]:
    """Every refusal in one mail; [] when it is no bounce and no report."""
    return counted(raw, source, own)[0]


def counted(raw: bytes, source: str, own: tuple[Address, ...] = ()) -> tuple[list[Refusal], int]:
    """The same, and how many recipients beyond MAX_RECIPIENTS were not read."""
    return _refusals(raw, source, own, NEST)


def _refusals(raw: bytes, source: str, own: tuple[Address, ...], nest: int) -> tuple[list[Refusal], int]:
    head, leaves = parts.split(raw)
    complaint, untold = report.counted(head, leaves)
    if complaint and report.feedback(head, _said(leaves)):
        return _placed(complaint, source, head), untold
    whole = _notification(leaves)
    written = _page(whole, 0)
    text = forwarded.unquoted(written)
    failures, more = dsn.failures(leaves, text)
    failures = failures or dialects.failures(head, text)
    attached = _attached(leaves)
    if nest and (len(attached) > 1 or not any(f.recipient for f in failures)):
        within = _within(attached, text, source, own, nest - 1)
        if within[0]:
            return within
    alone = len(failures) == 1
    more += max(0, len(failures) - MAX_RECIPIENTS)
    if failures and len(written) < len(whole):
        more += _beyond(head, whole[len(written) :], failures) if not dsn.reported(leaves) else 0
    made = [judged.told(f, text, own, alone) for f in failures[:MAX_RECIPIENTS]]
    made = [one for one, f in zip(made, failures, strict=False) if f.sure or judged.stated(one)]
    made = ours.told(made, head, text, own)
    if not made and complaint:
        return _placed(complaint, source, head), untold
    if not made and leaves and absence.generated(head) and (away := _sender(head)):
        # RFC 3834 §5 has bounces call themselves so as well: what a server writes itself may hold a reply.
        told = (
            replies.quoted(_unmarked(written), source, own, passed_on=False) if plain.by_program(head) else []
        )
        made = told or [Refusal(source, recipient=away, reason="vacation", verdict="other")]
    if not any(f.structured for f in failures) and forwarded.by_person(head):
        passed_on = forwarded.passed_on(head, written)
        told = replies.quoted(text, source, own, passed_on=passed_on, near=dsn.moment(head.get("date")))
        made = told if len(told) > len(made) else made
    return _placed(made, source, head), more if made else 0


def _unmarked(text: str) -> str:
    """The text without the lines that it quotes of another's mail."""
    return "\n".join(line for line in text.split("\n") if not line.startswith(">"))


def _sender(head: Part) -> str:
    return dialects.address(head.get("from")) or dialects.address(head.get("return-path"))


def _said(leaves: list[Part]) -> list[Part]:
    """What a mail says itself, without the message that it returns: that one may be a report, or ours."""
    own = takewhile(lambda leaf: leaf.kind not in parts.RETURNED, leaves)
    return [
        Part(leaf.kind, leaf.headers, dialects.before_original(leaf.text))
        if leaf.kind.startswith("text/")
        else leaf
        for leaf in own
    ]


def _placed(made: list[Refusal], source: str, head: Part) -> list[Refusal]:
    """Each with its source, and with the mail's own time where it has none."""
    at = dsn.moment(head.get("date")) if any(m.at is None for m in made) else None
    return [msgspec.structs.replace(m, source=source, at=m.at if m.at is not None else at) for m in made]


def notification(leaves: list[Part]) -> str:
    """What the reporting server wrote for people, as much of it as is read."""
    return _page(_notification(leaves), 0)


def _page(text: str, start: int) -> str:
    """The part of a long text from there on that is read at once; it ends with a line."""
    end = start + LONGEST
    if len(text) > end:
        end = text.rfind("\n", start, end) + 1 or end
    return text[start:end]


def _beyond(head: Part, rest: str, known: list[Failure]) -> int:
    """How many recipients stand in what is not read of a notification, and nowhere in what is."""
    told = {one.recipient.lower() for one in known}
    count = start = 0
    while page := _page(rest, start):
        start += len(page)
        text = f"-\n{forwarded.unquoted(page)}"
        own = dialects.before_original(text)
        found, more = dsn.failures([], own)
        count += len(found) + more if found else len(dialects.people(head, own) - told)
        if len(own) < len(text):
            break
    return count


def _notification(leaves: list[Part]) -> str:
    """The text parts in front of the returned message."""
    texts: list[str] = []
    for leaf in leaves:
        if leaf.kind in parts.RETURNED:
            break
        if leaf.kind == "text/html":
            texts.append(_untagged(leaf.text[:200_000], "" if any(texts) else "\n"))
        elif leaf.kind.startswith(("text/", "multipart/")) or leaf.kind == "application/octet-stream":
            # A multipart whose boundary never occurs was left whole: its text is what there is.
            texts.append(leaf.text)
    return "\n\n".join(texts)


def _untagged(page: str, end: str) -> str:
    """HTML without its tags; alone, and not beside the same in plain text, with `end` where a line ends."""
    return unescape(_TAG.sub(" ", _BREAK.sub(end, page) if end else page))


def _attached(leaves: list[Part]) -> list[str]:
    """The messages that a mail has with it, whatever its program called their type."""
    return [
        leaf.text
        for number, leaf in enumerate(leaves)
        if leaf.kind in ("message/rfc822", "message/global")
        or (number and leaf.kind in _ANY and parts.is_mail(leaf.text))
    ]


def _within(
    attached: list[str], text: str, source: str, own: tuple[Address, ...], nest: int
) -> tuple[list[Refusal], int]:
    """The refusals of messages inside that may themselves be bounces: somebody passed them on."""
    inner = list(attached)
    if not inner and (found := _INLINE.search(text)):
        inner = [text[found.start() :]]
    inner = inner or list(filter(None, [forwarded.inner(text)]))
    made: list[Refusal] = []
    more = 0
    for one in inner:
        try:
            raw = one.encode("latin-1")  # as it stood, where nobody decoded it
        except UnicodeEncodeError:
            raw = one.encode("utf-8", "replace")
        within, beyond = _refusals(raw, source, own, nest)
        made, more = made + within, more + beyond
        if len(made) >= MAX_RECIPIENTS:
            break
    return made, more
