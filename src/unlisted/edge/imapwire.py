"""A connection to an IMAP server, over imaplib: what the other side may cost us in octets and in seconds."""

import imaplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from unlisted.edge.imapurl import Place

SECURE = 993  # the port where TLS begins at once (RFC 8314 §3.2)
SILENT = 5.0  # seconds for the greeting of who is asked for plain text there
SILENCE = 30.0  # seconds without an octet
PATIENCE = 120.0  # seconds for one whole answer; a drip of octets ends there as well
ANSWER = 8 << 20  # octets of one answer, over which no honest server goes that was asked for less than half


class Bounded:
    """What both clients of imaplib get: no answer is longer than `ANSWER`."""

    left = ANSWER
    sock: socket.socket
    greeting: threading.Timer

    def open(self, *words: Any, **named: Any) -> None:
        """Connect; the server's first words are bounded in time as well."""
        super().open(*words, **named)  # type: ignore[misc]
        self.greeting = stop(self.hang_up)

    def read(self, size: int) -> bytes:
        """`size` octets of a literal, announced by the server."""
        self._spend(size)
        return super().read(size)  # type: ignore[misc,no-any-return]

    def readline(self) -> bytes:
        """One line; imaplib ends it at a million octets."""
        line: bytes = super().readline()  # type: ignore[misc]
        self._spend(len(line))
        return line

    def hang_up(self) -> None:
        """End whatever waits for an octet."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _spend(self, octets: int) -> None:
        self.left -= octets
        if self.left < 0:
            raise imaplib.IMAP4.abort(f"an answer of more than {ANSWER >> 20} MiB")


class Plain(Bounded, imaplib.IMAP4):
    """Without TLS at first."""


class Tls(Bounded, imaplib.IMAP4_SSL):
    """With TLS from the first octet."""


def connect(where: Place) -> Plain | Tls:
    """A client that has heard the server's first words."""
    client: Plain | Tls
    if where.tls:
        context = ssl.create_default_context()
        client = Tls(where.host, where.port, ssl_context=context, timeout=SILENCE)
    else:
        client = Plain(where.host, where.port, timeout=patience(where))
        client.sock.settimeout(SILENCE)
    client.greeting.cancel()
    return client


def patience(where: Place) -> float:
    """Seconds for a server's first octet; without TLS at the port of TLS none comes."""
    return SILENCE if where.tls or where.port != SECURE else SILENT


def stop(what: Callable[[], None]) -> threading.Timer:
    """Call it after `PATIENCE`, unless the timer is canceled."""
    timer = threading.Timer(PATIENCE, what)
    timer.daemon = True
    timer.start()
    return timer
