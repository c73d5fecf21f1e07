"""Exchange's protocol log of its Send connectors (SmtpSend/SEND*.LOG): each line one step of a session.

Source: Microsoft Learn, "Protocol logging in Exchange Server" (fields and events: `+` connect, `-`
disconnect, `>` sent, `<` received, `*` information). Sample: tests/samples/exchange_send/.

A reply does not say whom it is about; the commands before it in the same session do. `session` reads lines in
their order and joins them, `parse` alone gives what one line says. Where a message went to several
recipients, the first that was accepted stands for all when its data is refused.
"""

import re
from collections import deque
from collections.abc import Callable

from msgspec import Struct, field

from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp
from unlisted.messages import Delivery

HINT = "Z,"  # behind the time
SESSIONS = 1000  # at once; Exchange's MaxOutboundConnections

_LINE = re.compile(
    r'\ufeff?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z),("[^"]{0,255}"|[^,]{0,255}),([0-9A-Fa-f-]{4,36}),\d{1,6},'
    r'([^,]{0,80}),([^,]{0,80}),([<>+*-]),("(?:[^"]|"")*"|[^,]*)'
)
_REPLY = re.compile(r"([2-5]\d\d)(?:([ -])|$)")
_ENDPOINT = re.compile(r"\[?([0-9a-fA-F.:]{2,45}?)\]?:(\d{1,5})")
_PATH = re.compile(r"(?:MAIL FROM|RCPT TO):\s?<([^<>\s]{0,320})>", re.IGNORECASE)
_NAMED = re.compile(r"<([^<>\s@]{1,64}@[^<>\s]{1,255})>")
_COMMENT = re.compile(r"\ufeff?#(?:Software|Version|Log-type|Date|Fields): ")
# A refusal of anything else (XEXCHANGE, STARTTLS, QUIT) stops no message.
_COUNT = ("", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "END")


class _Session(Struct):
    """What was asked and not yet answered, and whom the message is for."""

    asked: deque[tuple[str, str]] = field(default_factory=lambda: deque([("", "")]))  # the greeting first
    sender: str = ""
    accepted: str = ""  # the first recipient


def parse(line: str, near: float) -> Delivery | Other | None:
    """Read one line by itself."""
    return _read(line, near, {})


def session() -> Callable[[str, float], Delivery | Other | None]:
    """A reader of lines in their order."""
    sessions: dict[str, _Session] = {}
    return lambda line, near: _read(line, near, sessions)


def _read(line: str, near: float, sessions: dict[str, _Session]) -> Delivery | Other | None:
    found = _LINE.match(line)
    if found is None:
        return OTHER if _COMMENT.match(line) else None
    time, _, name, _, remote, event, data = found.groups()
    when = stamp(time, near)
    if when is None:
        return None
    data = data[1:-1].replace('""', '"') if data.startswith('"') else data
    if event == "+":
        while len(sessions) >= SESSIONS:
            del sessions[next(iter(sessions))]
        sessions[name] = _Session()
    elif event == "-":
        sessions.pop(name, None)
    state = sessions.get(name)
    if event == ">" and state:
        _asked(state, data)
    reply = _REPLY.match(data) if event == "<" else None
    if reply is None or reply[2] == "-":
        return OTHER
    command, whom = _answered(state) if state else ("", "")
    return _told(when.at, name, remote, data, reply[1], command, whom, state)


def _asked(state: _Session, data: str) -> None:
    verb = data[:4].upper()
    path = _PATH.match(data)
    if verb == "MAIL":
        state.sender, state.accepted = (path[1] if path else "") or "<>", ""
    state.asked.append((verb, path[1] if path else ""))


def _answered(state: _Session) -> tuple[str, str]:
    """The command that a reply answers; without one it is the data's end."""
    return state.asked.popleft() if state.asked else ("END", "")


def _told(
    at: float,
    name: str,
    remote: str,
    data: str,
    code: str,
    command: str,
    whom: str,
    state: _Session | None,
) -> Delivery | Other:
    ended = command in ("END", "BDAT")
    if code[0] == "2" and command == "RCPT" and state:
        state.accepted = state.accepted or whom
    arrived = ended and state is not None and bool(state.accepted)
    if code[0] == "3" or (code[0] == "2" and not arrived) or command not in _COUNT:
        return OTHER
    named = _NAMED.search(data)
    recipient = whom if command == "RCPT" else state.accepted if state else ""
    endpoint = _ENDPOINT.fullmatch(remote)
    if ended and state:
        state.accepted = ""
    return Delivery(
        at=at,
        queue_id=name,
        sender=state.sender if state else "",
        recipient=recipient or (named[1] if named else ""),
        relay=f"[{endpoint[1]}]:{endpoint[2]}" if endpoint else "",
        status={"2": "sent", "4": "deferred"}.get(code[0], "bounced"),
        text=data,
    )
