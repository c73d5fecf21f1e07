"""Microsoft's Junk Mail Reporting Program in its own shape: the message, with header lines of Microsoft's.

Sources: the program's FAQ ("complaint is forwarded from staff@hotmail.com" as an attachment, or the message
"as-is"), and reports of 2016-2026: body stripped, sender or recipient redacted. What comes as ARF is ARF's.
"""

import re

from unlisted.messages import Report
from unlisted.notice.dialects import address
from unlisted.notice.parts import Part
from unlisted.notice.reports import _facts

_MARK = "x-hmxmroriginalrecipient"
_ABOUT = re.compile(r"complaint about message from (\S{3,60})", re.IGNORECASE)
EACH = re.compile(r"(?!)")


def read(head: Part, leaves: list[Part]) -> list[Report]:
    """The one Report of such a mail; [] when it is none."""
    if any(leaf.kind.endswith("/feedback-report") for leaf in leaves):
        return []
    about = _ABOUT.search(head.get("subject")) if "staff@hotmail.com" in head.get("from").lower() else None
    if not about and not head.get(_MARK) and not any(_marked(leaf.text[:20_000]) for leaf in leaves):
        return []
    inner = head if head.get(_MARK) else _facts.original(leaves)
    if not about and not inner.get(_MARK):
        return []
    handed, at, accuracy = _facts.received(inner)
    stated = _facts.outside(about[1]) if about else None
    return [
        Report(
            "jmrp",
            "abuse",
            reporter="staff@hotmail.com",
            source=stated or handed,
            source_from="stated" if stated else "received" if handed else "",
            at=at if at is not None else _facts.moment(inner.get("date"))[0],
            accuracy=accuracy if at is not None else None,
            sender=address(inner.get("x-sid-pra")) or address(inner.get("from")),
            message_id=_facts.line(inner.get("message-id")),
            recipients=(address(inner.get(_MARK)) or address(inner.get("to")),),
        )
    ]


def _marked(text: str) -> bool:
    """True when the header's name stands in a text; as programs spell it, it is found sooner."""
    return ("mXmr" in text or "mxmr" in text or "MXMR" in text) and _MARK in text.lower()
