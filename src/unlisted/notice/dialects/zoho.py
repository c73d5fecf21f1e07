"""Zoho Mail: recipients whose host never answered, each in brackets with his own code.

Source: Zoho's notices, "[Status: Error, Address: <…>, ResponseCode 421, , Host not reachable.]", from memory;
its other form, an address and "ERROR_CODE" beside it, is the plain reader's.
"""

import re

from unlisted.notice.dialects import ADDRESS, Failure
from unlisted.notice.parts import Part

HINTS = ("[status: ",)
_ENTRY = re.compile(
    rf"\[Status: [A-Za-z]{{2,20}}, Address: <({ADDRESS})>, ResponseCode[ :]{{1,3}}([0-9]{{3}}),"
    r"([^\]\n]{0,1000})\]"
)


def read(head: Part, text: str) -> list[Failure]:  # noqa: ARG001 - every dialect is asked alike
    """Each bracketed entry."""
    return [Failure(found[1], text=f"{found[2]} {found[3].strip(' ,')}") for found in _ENTRY.finditer(text)]
