"""Trustwave MailMarshal: the reason stands above the recipients and holds for all of them.

Source: the notice's own headings, as the product writes them ("Could not be delivered because of",
"The following recipients were affected").
"""

import re

from unlisted.notice.dialects import ADDRESS, Failure, remote
from unlisted.notice.parts import Part

HINTS = ("could not be delivered because of",)
_REASON = re.compile(r"^could not be delivered because of[ \t:]{0,4}$", re.IGNORECASE | re.MULTILINE)
_AFFECTED = re.compile(r"^the following recipients were affected[ \t:]{0,4}$", re.IGNORECASE | re.MULTILINE)
_RECIPIENT = re.compile(rf"^[ \t]{{1,12}}<?({ADDRESS})>?[ \t]*$")


def read(head: Part, text: str) -> list[Failure]:  # noqa: ARG001 - every dialect is asked alike
    """Each recipient in the list below the reason; [] when the headings are not there."""
    reason = _REASON.search(text)
    affected = _AFFECTED.search(text, reason.end()) if reason else None
    if reason is None or affected is None:
        return []
    said = text[reason.end() : affected.start()].strip()
    found: list[Failure] = []
    for line in text[affected.end() :].lstrip("\n").split("\n"):
        recipient = _RECIPIENT.match(line[:400])
        if recipient is None:
            break
        found.append(Failure(recipient[1], text=said, remote_mta=remote(said)))
    return found
