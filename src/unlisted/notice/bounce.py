"""One mail to its refusals: RFC 3464 reports with all their defects, plain-text bounces, abuse reports.

`refusals` gives one Refusal for each recipient in the message's order, and nothing for a mail that is no
bounce. A mail in which a person passes bounces on, attached, forwarded or quoted, gives theirs.
It reads the bytes that it is given and no more; the caller bounds them. Never raises.
"""

import re
from html import unescape

import msgspec

from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import dialects, dsn, forwarded, judged, parts, replies, report
from unlisted.notice.dsn import MAX_RECIPIENTS
from unlisted.notice.parts import Part
from unlisted.notice.replies import pasted

__all__ = ["MAX_RECIPIENTS", "counted", "notification", "pasted", "refusals"]

NEST = 3  # bounces forwarded inside bounces

_ORIGINAL = (
    "message/rfc822",
    "text/rfc822-headers",
    "text/rfc822-header",
    "message/global",
    "message/partial",
)
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
    at = dsn.moment(head.get("date"))
    if found := report.feedback(head, leaves):
        return _placed(found, source, at), 0
    written = notification(leaves)
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
    made = [judged.told(f, text, own, alone) for f in failures[:MAX_RECIPIENTS]]
    made = [one for one, f in zip(made, failures, strict=False) if f.sure or judged.stated(one)]
    if not made and (away := dialects.vacation(head, leaves)):
        made = [Refusal(source, recipient=away, reason="vacation", verdict="other")]
    if not any(f.structured for f in failures) and forwarded.by_person(head):
        passed_on = forwarded.passed_on(head, written)
        told = replies.quoted(text, source, own, passed_on=passed_on, near=at)
        made = told if len(told) > len(made) else made
    return _placed(made, source, at), more if made else 0


def _placed(made: list[Refusal], source: str, at: float | None) -> list[Refusal]:
    return [msgspec.structs.replace(m, source=source, at=m.at if m.at is not None else at) for m in made]


def notification(leaves: list[Part]) -> str:
    """What the reporting server wrote for people: the text parts in front of the returned message."""
    texts: list[str] = []
    for leaf in leaves:
        if leaf.kind in _ORIGINAL:
            break
        if leaf.kind == "text/html":
            texts.append(_untagged(leaf.text[:200_000], "" if any(texts) else "\n"))
        elif leaf.kind.startswith(("text/", "multipart/")) or leaf.kind == "application/octet-stream":
            # A multipart whose boundary never occurs was left whole: its text is what there is.
            texts.append(leaf.text)
    return "\n\n".join(texts)[:400_000]


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
