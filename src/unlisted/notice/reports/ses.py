"""Amazon SES complaints: JSON, bare, as a mail, or inside the envelope of Amazon SNS.

Sources: Amazon SES developer guide, "Amazon SNS notification contents" and "Contents of event data"
(`notificationType` there, `eventType` here). `sourceIp` is the client that handed the mail to SES: the
address that receivers saw is Amazon's. `arrivalDate` is the Arrival-Date of the receiver's own report.
"""

import re

from unlisted.messages import Report
from unlisted.notice.dialects import address
from unlisted.notice.parts import Part
from unlisted.notice.reports import _facts, _json

_KINDS = ("text/plain", "application/json", "text/json", "application/octet-stream")
EACH = re.compile(r'\\?"emailAddress\\?"')


def read(head: Part, leaves: list[Part]) -> list[Report]:  # noqa: ARG001  (every kind is asked alike)
    """One Report for each complaint."""
    return [
        _report(note)
        for leaf in leaves
        if leaf.kind in _KINDS and "omplaint" in leaf.text
        for document in _json.documents(leaf.text)
        if (note := inside(document)) and "Complaint" in _json.text(note, "notificationType", "eventType")
    ]


def inside(document: dict[str, object]) -> dict[str, object]:
    """The notification itself; SNS wraps it as a text into `Message`."""
    if "Message" in document and "Type" in document:
        return next(iter(_json.documents(_json.text(document, "Message"))), {})
    return document


def _report(note: dict[str, object]) -> Report:
    complaint, mail = _json.branch(note, "complaint"), _json.branch(note, "mail")
    people = complaint.get("complainedRecipients")
    names = [
        address(_json.text(one, "emailAddress"))
        for one in (people if isinstance(people, list) else [])[: _facts.MOST]
        if isinstance(one, dict)
    ]
    at, accuracy = _facts.moment(_json.text(complaint, "arrivalDate"))
    if at is None:
        at, accuracy = _facts.moment(_json.text(mail, "timestamp"))
    source = _facts.address(_json.text(mail, "sourceIp"))
    return Report(
        "ses",
        _facts.token(_json.text(complaint, "complaintFeedbackType")) or "other",
        reporter=_facts.line(_json.text(complaint, "userAgent"), 100) or "Amazon SES",
        source=source,
        source_from="stated" if source else "",
        at=at,
        accuracy=accuracy,
        sender=address(_json.text(mail, "source")),
        message_id=_facts.line(_json.text(mail, "messageId")),
        id=_facts.line(_json.text(complaint, "feedbackId"), 100),
        recipients=tuple(names) or ("",),
    )
