"""What edge/asker.py keeps: a question under way, its tries, and the ports that it waits on."""

import socket
from typing import Any

from msgspec import Struct

from unlisted.edge.server import Server
from unlisted.notice import packets
from unlisted.notice.packets import Answer
from unlisted.notice.shapes import Known


class Ask(Struct, eq=False):
    """A question; one with a `why` is answered by that and never sent. `known` is for plain frames only."""

    question: bytes  # the section, as packets.question makes it
    key: Any  # what the caller knows it by
    known: Known | None = None
    why: str = ""
    frame: tuple[bytes, bytes] = packets.PLAIN
    sent: float = 0.0  # first
    late: "Late | None" = None
    fault: str = ""  # of what came instead of an answer
    told: Answer | None = None  # SERVFAIL or REFUSED of one server, while the next one is asked
    deaf: tuple[Server, ...] = ()  # the servers that said so
    due: float = 0.0  # not sent before (time.monotonic): what its operator bears

    def ended(self, why: str) -> Answer:
        """It has no answer, because of this; or the one that a first server gave."""
        if self.told is not None:
            return self.told
        name, qtype = packets.asked(self.question) if self.question else ("", packets.A)
        if self.fault:
            why += f"; what came did not fit ({self.fault})"
        return Answer(name=name, qtype=qtype, why=why)


class Late(Struct, eq=False):
    """What is kept of a question whose first try did not end it. It is out of the window."""

    # Port, id and time of each try: a late answer is an answer.
    places: list[tuple["Port", bytes, float]]
    tries: int = 1
    due: float = 0.0


class Port:
    """One connected UDP socket: the kernel drops what comes from elsewhere."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.waiting: dict[bytes, Ask] = {}
        self.socket = socket.socket(server.family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        try:
            self.socket.connect((server.host, server.port))
        except OSError:
            self.socket.close()
            raise
