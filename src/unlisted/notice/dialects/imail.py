"""Ipswitch IMail Server: the reason and behind its colon the recipient, both in one line.

Source: the notices that its queue manager SMTP32 writes, named by their X-Mailer ("<SMTP32 v8.22>").
"""

import re

from unlisted.notice.dialects import ADDRESS, Failure, before_original
from unlisted.notice.parts import Part

HINTS: tuple[str, ...] = ()  # a header tells it
_LINE = re.compile(rf"^([A-Za-z][\w ]{{2,80}}): <?({ADDRESS})>?[ \t]{{0,8}}$", re.MULTILINE)


def read(head: Part, text: str) -> list[Failure]:
    """The recipient of each such line above the returned message."""
    if "smtp32" not in head.get("x-mailer").lower():
        return []
    found = _LINE.finditer(before_original(text))
    return [Failure(line[2], text=line[0].strip()) for line in found]
