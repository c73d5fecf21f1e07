"""A DNS server for tests: a thread on loopback that answers as it is told, honestly or not."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

# What a handler returns: packets to send back, in order. None: silence.
Handler = Callable[[dns.message.Message], "list[bytes] | bytes | None"]


def answer(query: dns.message.Message, *records: str, rcode: int = 0, flags: int = 0) -> bytes:
    """An answer to `query`. Records are "TYPE VALUE" and belong to the name that was asked."""
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.Rcode(rcode))
    response.flags |= flags
    for record in records:
        kind, _, value = record.partition(" ")
        response.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", kind, value))
    return response.to_wire(max_size=65535)


def asked(query: dns.message.Message) -> tuple[str, str]:
    """Name without the last dot, and type."""
    question = query.question[0]
    return question.name.to_text(omit_final_dot=True).lower(), question.rdtype.name


@contextmanager
def serving(handler: Handler, tcp: Handler | None = None) -> Iterator[int]:
    """The port on which `handler` answers over UDP, and `tcp` over TCP."""
    udp, stream = _pair()
    with udp, stream:
        port = int(udp.getsockname()[1])
        stream.listen()
        stream.settimeout(0.05)
        udp.settimeout(0.05)
        stop = threading.Event()
        threads = [threading.Thread(target=_udp, args=(udp, handler, stop))]
        if tcp is not None:
            threads.append(threading.Thread(target=_tcp, args=(stream, tcp, stop)))
        for thread in threads:
            thread.start()
        try:
            yield port
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def _pair() -> tuple[socket.socket, socket.socket]:
    """UDP and TCP on one port. A port that is free for one may be somebody's connection in the other."""
    for _ in range(50):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp.bind(("127.0.0.1", 0))
        try:
            stream.bind(udp.getsockname())
        except OSError:
            udp.close()
            stream.close()
        else:
            return udp, stream
    raise OSError("no port of 127.0.0.1 is free for UDP and TCP")


def _udp(udp: socket.socket, handler: Handler, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            data, peer = udp.recvfrom(4096)
        except TimeoutError:
            continue
        made = handler(dns.message.from_wire(data))
        for packet in [made] if isinstance(made, bytes) else made or []:
            udp.sendto(packet, peer)


def _tcp(stream: socket.socket, handler: Handler, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            connection, _ = stream.accept()
        except TimeoutError:
            continue
        with connection:
            connection.settimeout(5)
            size = int.from_bytes(connection.recv(2))
            made = handler(dns.message.from_wire(connection.recv(size)))
            for packet in [made] if isinstance(made, bytes) else made or []:
                connection.sendall(len(packet).to_bytes(2) + packet)
