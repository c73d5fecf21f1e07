"""Abuse reports about us, as refusals of reason "feedback": ARF (RFC 5965), Microsoft, Amazon SES.

A report is a stranger's word: it may open a case and never moves a hold.
"""

import json
import re

from unlisted import net
from unlisted.messages import Refusal
from unlisted.net import Address
from unlisted.notice import parts
from unlisted.notice.dialects import address
from unlisted.notice.parts import Part

# JSON's \\u escapes can spell half a UTF-16 pair, which nothing behind us can hold.
_JSON = json.JSONDecoder(object_pairs_hook=lambda pairs: {key: _text(value) for key, value in pairs})
_RECEIVED = re.compile(r"\[([0-9A-Fa-f.:]{3,45})\]")
_IP = re.compile(r"\bIP (?:address )?\[?([0-9A-Fa-f.:]{3,45}[0-9A-Fa-f])\]?")


def feedback(head: Part, leaves: list[Part]) -> list[Refusal]:
    """One Refusal for each recipient that the report names; [] when the mail is no report."""
    if found := _arf(leaves):
        return found
    if head.get("x-hmxmroriginalrecipient") or _microsoft(head, leaves):
        return _stripped(leaves)
    return _ses(leaves)


def _arf(leaves: list[Part]) -> list[Refusal]:
    leaf = next((p for p in leaves if p.kind == "message/feedback-report"), None)
    if leaf is None:
        return []
    fields = Part("", parts.headers_of(leaf.text), "")
    original = next((p.text for p in leaves if p.kind in ("message/rfc822", "text/rfc822-headers")), "")
    inner = Part("", parts.headers_of(original), "")
    source = _source(fields.get("source-ip")) or _prose(leaves)
    named = [address(v) for v in fields.all("original-rcpt-to")] or [address(fields.get("removal-recipient"))]
    if not any(named):
        named = [address(inner.get("to"))]
    kind = fields.get("feedback-type").lower()[:40] or "other"
    when = _moment(fields.get("arrival-date") or fields.get("received-date"))
    return [_made(name, kind, source, when) for name in named[:1000]]


def _microsoft(head: Part, leaves: list[Part]) -> bool:
    """Microsoft's JMRP: the mail itself, with its own header lines on top of the returned one."""
    if "staff@hotmail.com" in head.get("from").lower():
        return True
    return any(p.kind == "message/rfc822" and "X-HmXmrOriginalRecipient" in p.text[:4000] for p in leaves)


def _stripped(leaves: list[Part]) -> list[Refusal]:
    text = next((p.text for p in leaves if p.kind == "message/rfc822"), "")
    inner = Part("", parts.headers_of(text), "")
    named = address(inner.get("x-hmxmroriginalrecipient")) or address(inner.get("to"))
    found = _RECEIVED.search(inner.get("received"))
    return [_made(named, "abuse", net.ip(found[1]) if found else None, _moment(inner.get("date")))]


def _source(text: str) -> Address | None:
    return net.ip(text.strip()[:60]) if text else None


def _prose(leaves: list[Part]) -> Address | None:
    text = next((p.text for p in leaves if p.kind.startswith("text/")), "")[:4000]
    found = _IP.search(text)
    return net.ip(found[1]) if found else None


def _moment(value: str) -> float | None:
    from unlisted.notice.bounce import moment

    return moment(value)


def _made(recipient: str, kind: str, source: Address | None, at: float | None) -> Refusal:
    return Refusal(
        "",
        recipient=recipient,
        reason="feedback",
        feedback_type=kind,
        verdict="other",
        cited_ip=source,
        at=at,
    )


def _text(value: object) -> object:
    if isinstance(value, list):
        return [_text(one) for one in value]
    return parts.whole(value) if isinstance(value, str) else value


def notice(text: str) -> dict[str, object]:
    """The JSON at the start of a text, whatever the mailing system appended to it; {} when there is none."""
    try:
        found, _ = _JSON.raw_decode(text.lstrip().replace("!\n ", ""))  # sendmail breaks long lines so
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _ses(leaves: list[Part]) -> list[Refusal]:
    """Amazon SES complaint notices: JSON in the body (SES developer guide, notification contents)."""
    text = next(
        (p.text for p in leaves if p.kind == "text/plain" and '"notificationType"' in p.text[:2000]), ""
    )
    if "Complaint" not in text[:2000]:
        return []
    note = notice(text)
    complaint = note.get("complaint")
    if not isinstance(complaint, dict):
        return []
    people = complaint.get("complainedRecipients")
    kind = str(complaint.get("complaintFeedbackType") or "other")[:40]
    names = (
        [str(p.get("emailAddress", ""))[:320] for p in people if isinstance(p, dict)]
        if isinstance(people, list)
        else []
    )
    return [_made(address(name), kind, None, None) for name in names or [""]]
