"""MDaemon, several recipients at once: a list of them, and one session in which each has his answer.

Source: the headings of MDaemon's notice ("Failed address:", "--- Session Transcript ---"), from memory.
One recipient alone is the plain reader's.
"""

import re

from unlisted.notice.dialects import ADDRESS, Failure, remote, transcript
from unlisted.notice.parts import Part

HINTS = ("failed address:",)
_FAILED = re.compile(rf"^[ \t]{{0,8}}Failed address:[ \t]{{1,8}}<?({ADDRESS})>?[ \t]{{0,8}}$", re.MULTILINE)
_ANSWER = re.compile(
    rf"--> RCPT To:[ \t]?<({ADDRESS})>.{{0,200}}\n.{{0,60}}<-- ([45][0-9]{{2}}.{{0,1000}})$",
    re.IGNORECASE | re.MULTILINE,
)


def read(head: Part, text: str) -> list[Failure]:  # noqa: ARG001 - every dialect is asked alike
    """Each listed recipient with his own answer, else the session's."""
    people = [found[1] for found in _FAILED.finditer(text)]
    if len(people) < 2:
        return []
    answers = {found[1].lower(): found for found in _ANSWER.finditer(text)}
    rest, host = transcript(text)[0], remote(text)
    return [_failure(name, answers.get(name.lower()), rest, host) for name in people]


def _failure(name: str, answer: re.Match[str] | None, rest: str, host: str) -> Failure:
    said, context = (answer[2], f"RCPT TO:<{name}>") if answer else (rest, "")
    return Failure(name, text=said, remote_mta=host, context=context)
