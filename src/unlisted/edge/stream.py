"""One DNS question over TCP, a step at a time (RFC 7766 §5, RFC 1035 §4.2.2). Nothing here waits."""

import socket

from unlisted.edge.server import Server

LONGEST = 2 + 0xFFFF  # octets of an answer with its length


class Stream:
    """A connection for one question. `step` when the socket is ready; OSError or EOFError ends it."""

    def __init__(self, server: Server, query: bytes) -> None:
        self.socket = socket.socket(server.family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.number = query[:2]
        self.left = len(query).to_bytes(2) + query
        self.got = bytearray()
        try:
            self.socket.connect((server.host, server.port))
        except BlockingIOError:
            pass
        except OSError:
            self.socket.close()
            raise

    @property
    def writing(self) -> bool:
        """What it waits for: to write, else to read."""
        return bool(self.left)

    def step(self) -> bytes | None:
        """The whole answer, or None while it is not whole."""
        try:
            if self.left:
                self.left = self.left[self.socket.send(self.left) :]
                return None
            piece = self.socket.recv(LONGEST)
        except BlockingIOError:
            return None
        if not piece:
            raise EOFError(f"{len(self.got)} octets, then nothing")
        self.got += piece
        size = int.from_bytes(self.got[:2])
        if len(self.got) >= 2 and not size:
            raise EOFError("an empty answer")  # whoever sends nothing but zeros must not be heard for ever
        return bytes(self.got[2 : 2 + size]) if len(self.got) >= 2 + size > 2 else None
