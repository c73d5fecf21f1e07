"""The internet's receiving mail servers: one listener, many personas, told apart by the address called.

    connect -> who was called? -> ask the lists about the client (DNS over UDP) -> accept, or refuse in
    the persona's own words, at its own stage of the dialogue

`python -m unlisted.lab.receiver` listens on ports 25, 465 and 587 of every address (465 without TLS: the
lab's rogue speaks none). Each message, refusal and trap hit is a JSON line in the ledger.
An address of RECEIVERS has its persona; all the others are the crowd, whose trap mailboxes report the
sender to the lists. A list that does not answer refuses nobody.
"""

import argparse
import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from unlisted.lab import places
from unlisted.lab.host import stay_inside
from unlisted.lab.ledger import Entry
from unlisted.lab.personas import PERSONAS
from unlisted.notice import packets

PORTS = (25, 465, 587)
MAX_SESSIONS = 500
MAX_MESSAGE = 1 << 20  # octets
IDLE = 20.0  # seconds


class _Asker(asyncio.DatagramProtocol):
    """One DNS question's socket."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _address: object) -> None:
        if not self.answer.done():
            self.answer.set_result(data)


async def listed(client: str, zone: str) -> bool:
    """True when the list says so: an answer in 127.0.0.0/8. Two tries of a second."""
    name = ".".join(reversed(client.split("."))) + "." + zone
    for _ in range(2):
        number = secrets.randbelow(65536)
        loop = asyncio.get_running_loop()
        transport, asker = await loop.create_datagram_endpoint(_Asker, remote_addr=(places.DNS, 53))
        try:
            transport.sendto(packets.build_query(name, packets.A, number))
            packet = await asyncio.wait_for(asker.answer, 1.0)
        except (TimeoutError, OSError):
            continue
        finally:
            transport.close()
        answer = packets.read_answer(packet, number, name, packets.A)
        if not answer.fault:
            return any(IPv4Address(text).is_loopback for text in answer.addresses)
    return False


async def verdict(server: str, client: str) -> str:
    """The refusal that this server has for this client, or ""."""
    receiver = next((known for known in places.RECEIVERS if known.address == server), None)
    if receiver is None:
        return ""
    for zone in receiver.zones:
        if await listed(client, zone):
            return PERSONAS[receiver.persona].words.format(ip=client, zone=zone)
    return ""


class Handler:
    """What the servers do with a dialogue; aiosmtpd calls it."""

    def __init__(self, note: Callable[[Entry], None], control: Path) -> None:
        self.note = note
        self.control = control

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: "Door", session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse here in most vendors' words: after the envelope is known, before the content."""
        if server.refusal and server.stage == "rcpt":
            self.note(server.entry("refused", session, envelope, address, said=server.refusal))
            return server.refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(  # noqa: N802
        self, server: "Door", session: Session, envelope: Envelope
    ) -> str:
        """Count the message; a trap mailbox tells the lists."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        subject = next(
            (line[8:].strip() for line in content.splitlines()[:40] if line.lower().startswith(b"subject:")),
            b"",
        )
        words = subject.decode("utf-8", "replace")[:200]
        for recipient in envelope.rcpt_tos:
            self.note(server.entry("delivered", session, envelope, recipient, subject=words))
            if recipient.rpartition("@")[2].lower() in places.TRAP_DOMAINS:
                self.note(server.entry("trapped", session, envelope, recipient, subject=words))
                await self.report(server.client)
        return f"250 2.0.0 Ok: queued as {secrets.token_hex(5).upper()}"

    async def report(self, client: str) -> None:
        """Tell the lists who hit the trap."""
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_unix_connection(self.control)
            writer.write(msgspec.json.encode({"do": "report", "address": client}) + b"\n")
            await asyncio.wait_for(reader.readline(), 5)
            writer.close()


class Door(SMTP):
    """One connection: knows who was called, and by whom."""

    refusal = ""
    stage = ""
    called = client = ""
    open_now = 0

    async def _handle_client(self) -> None:  # the only place before the greeting
        transport = self.transport
        if transport is None:
            return
        self.called = transport.get_extra_info("sockname")[0]
        self.client = transport.get_extra_info("peername")[0]
        receiver = next((r for r in places.RECEIVERS if r.address == self.called), None)
        self.hostname = receiver.host if receiver else f"mx.{self.called.replace('.', '-')}.example"
        self.stage = PERSONAS[receiver.persona].stage if receiver else ""
        if Door.open_now >= MAX_SESSIONS:
            await self.push("421 4.7.0 too many connections")
            transport.close()
            return
        Door.open_now += 1
        try:
            self.refusal = await verdict(self.called, self.client)
            if self.refusal and self.stage == "connect":
                self.event_handler.note(self.entry("refused", None, None, "", said=self.refusal))
                await self.push(self.refusal)
                transport.close()
                return
            await super()._handle_client()
        finally:
            Door.open_now -= 1

    def entry(
        self,
        event: str,
        session: Session | None,
        envelope: Envelope | None,
        recipient: str,
        *,
        said: str = "",
        subject: str = "",
    ) -> Entry:
        """A line for the ledger."""
        return Entry(
            at=time.time(),
            event=event,
            server=self.called,
            client=self.client,
            helo=(session.host_name or "") if session else "",
            sender=(envelope.mail_from or "") if envelope else "",
            recipient=recipient,
            said=said,
            subject=subject,
        )


async def serve(ledger: Path, control: Path) -> None:
    """Listen on every address until killed."""
    loop = asyncio.get_running_loop()
    # Kept open and unbuffered: a line is whole on disk before the sender hears "250".
    with ledger.open("ab", buffering=0) as lines:

        def note(entry: Entry) -> None:
            lines.write(msgspec.json.encode(entry) + b"\n")

        handler = Handler(note, control)

        def door() -> Door:
            return Door(handler, ident="ESMTP", data_size_limit=MAX_MESSAGE, timeout=IDLE, loop=loop)

        for port in PORTS:
            await loop.create_server(door, "0.0.0.0", port, backlog=512)  # noqa: S104 - any-IP, inside a namespace
        await asyncio.Event().wait()


def main() -> None:
    """Run the receivers until killed."""
    parser = argparse.ArgumentParser(prog="python -m unlisted.lab.receiver")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("control", type=Path, help="the lists' socket")
    told = parser.parse_args()
    stay_inside()
    asyncio.run(serve(told.ledger, told.control))


if __name__ == "__main__":
    main()
