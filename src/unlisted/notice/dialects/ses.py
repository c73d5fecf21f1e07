"""Amazon SES notifications by mail: JSON of a bounce or a delivery.

Source: Amazon SES developer guide, "Amazon SNS notification contents".
"""

from unlisted.notice.dialects import Failure, address
from unlisted.notice.parts import Part
from unlisted.notice.report import notice

HINTS = ('"notificationtype"',)


def read(head: Part, text: str) -> list[Failure]:
    """The recipients of a Bounce or Delivery notice."""
    if '"notificationType"' not in text[:2000] or "amazon" not in head.get("from").lower():
        return []
    note = notice(text)
    found = _bounced(note.get("bounce")) if "bounce" in note else []
    delivery = note.get("delivery")
    if isinstance(delivery, dict):
        people, reply = delivery.get("recipients"), str(delivery.get("smtpResponse", ""))
        found += [
            Failure(address(str(p)), text=reply, action="delivered")
            for p in (people if isinstance(people, list) else [])
        ]
    return found


def _bounced(bounce: object) -> list[Failure]:
    people = bounce.get("bouncedRecipients") if isinstance(bounce, dict) else None
    return [
        Failure(
            address(str(p.get("emailAddress", ""))),
            text=str(p.get("diagnosticCode", "")).removeprefix("smtp; "),
            status=str(p.get("status", "")),
            action=str(p.get("action", "")),
        )
        for p in (people if isinstance(people, list) else [])
        if isinstance(p, dict)
    ]
