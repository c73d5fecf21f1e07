"""DragonFly Mail Agent (dma): one recipient in a sentence, the reason below it, the original behind a line.

Source: dma `mail.c`, `bounce()`, and `net.c`, which writes "HOST [ADDRESS] did not like our COMMAND:".
"""

import re

from unlisted.notice.dialects import ADDRESS, Failure, remote
from unlisted.notice.parts import Part

HINTS = ("there was an error delivering your mail to <",)
_TO = re.compile(rf"^There was an error delivering your mail to <({ADDRESS})>\.[ \t]*\n", re.MULTILINE)
_END = re.compile(r"^(?:Original message|Message headers) follow", re.MULTILINE)


def read(head: Part, text: str) -> list[Failure]:  # noqa: ARG001 - every dialect is asked alike
    """The recipient of each such sentence; whom the reply names as sender is none."""
    end = _END.search(text)
    told = text[: end.start()] if end else text
    opened = list(_TO.finditer(told))
    if not opened:
        return []
    ends = [found.start() for found in opened[1:]] + [len(told)]
    return [
        _failure(found[1], told[found.end() : end].strip()) for found, end in zip(opened, ends, strict=True)
    ]


def _failure(recipient: str, said: str) -> Failure:
    return Failure(recipient, text=said, remote_mta=remote(said), context=said)
