"""Notices in which a label or a phrase opens each recipient, and the reason stands labeled below him.

Sun/Oracle Messaging Server ("Recipient address:", "Reason:", "Diagnostic code:"), MailEnable ("Recipient:
[SMTP:…]", "Reason:"), EZweb's filters ("Recipient:", "Reason:"), CommuniGate Pro ("Failed to deliver to
'…'", "… module reports:"). Source: the labels of the products' own notices, from memory; no manual was opened
for them.
"""

import re

from unlisted.notice.dialects import ADDRESS, Failure, before_original, plain, remote
from unlisted.notice.parts import Part

HINTS = ("recipient", "failed to deliver to '")
_OPENS = re.compile(
    rf"^[ \t]{{0,12}}(?:(?:recipient(?: address)?|failed recipient)[ \t]{{0,8}}:[ \t]{{0,12}}(?:\[?smtp:)?|"
    rf"failed to deliver to ')<?({ADDRESS})>?[\]']?[ \t]{{0,8}}$",
    re.IGNORECASE | re.MULTILINE,
)
_SAID = re.compile(
    r"^[ \t]{0,12}diagnostic code[ \t]{0,8}:[ \t]{0,12}(?:smtp;[ \t]?)?"
    r"(.{1,2000}(?:\n[ \t]{3,40}[^:\n]{1,500}$)*)",
    re.IGNORECASE | re.MULTILINE,
)
_REASON = re.compile(
    r"^[ \t]{0,12}(?:reason|error)[ \t]{0,8}:|\bmodule\b.{0,200}\breports:", re.IGNORECASE | re.MULTILINE
)
_SYSTEM = re.compile(
    r"^[ \t]{0,12}remote system[ \t]{0,8}:[ \t]{0,12}dns;([\w.-]{1,255})", re.IGNORECASE | re.MULTILINE
)
_LABEL = re.compile(r"^[ \t]{0,12}(?:reason|error)[ \t]{0,8}:[ \t]{0,12}", re.IGNORECASE)


def read(head: Part, text: str) -> list[Failure]:
    """Each opened recipient with what stands up to the next; [] where no reason is labeled."""
    told = before_original(text)
    opened = list(_OPENS.finditer(told))
    if not opened or not _REASON.search(told) or not plain.read(head, text):
        return []
    ends = [found.start() for found in opened[1:]] + [len(told)]
    return [
        _failure(found[1], told[found.end() : end].strip("\n"))
        for found, end in zip(opened, ends, strict=True)
    ]


def _failure(recipient: str, chunk: str) -> Failure:
    system, said = _SYSTEM.search(chunk), _SAID.search(chunk)
    words = said[1] if said else _LABEL.sub("", chunk.partition("\n\n")[0])
    return Failure(
        recipient.rstrip("."),
        text=words.strip(),
        remote_mta=system[1] if system else remote(chunk),
        context=chunk,
        near=chunk,
    )
