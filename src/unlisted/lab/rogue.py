"""The rogue laptop's sender: behaves as DonBot or Emotet do, and ends by itself.

Figures: the project's facts on real bots, measured on CTU-13 scenario 6 (DonBot, 2011) and on Emotet
traffic of 2022.

- donbot: batches of 10 SYNs within about a millisecond, a batch about every 10 s (6 to 22), port 25 only,
  70 % of the destinations new, none of them from DNS.
- emotet: ports 587, 465, 25 at 42, 30, 28 %, 70 % new servers, bursts with about 0.6 s between servers;
  resolves the submission servers' names first.

The messages hold nothing but a sentence that says what they are. Runs as `python -m unlisted.lab.rogue`
in the lab's network and only there: on the machine's own it ends at once, and it refuses targets outside
the lab's range. stdout is the truth to measure against: one JSON line an attempt.
"""

import argparse
import asyncio
import contextlib
import random
import socket
import sys
import time
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network

import msgspec
from msgspec import Struct, structs

from unlisted.lab import places
from unlisted.lab.host import stay_inside

BATCH = 10
GAPS = (6.0, 22.0, 9.8)  # seconds between batches: least, most, most common
NEW = 0.70  # share of attempts at a destination not seen before
PAUSE = 0.6  # emotet: median seconds between new servers in a burst
BURST, REST = 20, 30.0  # emotet: servers in a burst, seconds between bursts (assumption)
PORTS, SHARES = (587, 465, 25), (42, 30, 28)
TRAPS = 0.2  # share of the bought addresses that are traps (assumption)
PATIENCE = 5.0  # seconds for one connection, divided by the speed; at least one
RANGE = ip_network("198.18.0.0/15")
LINES = ("crowd.example", "people.example", "folks.example")


class Limits(Struct, frozen=True):
    """Where it ends, whichever comes first."""

    attempts: int = 200
    messages: int = 200
    seconds: float = 60.0


class Target(Struct, frozen=True):
    """Whom to send to."""

    address: str
    port: int
    recipient: str


class Tried(Struct, frozen=True):
    """One line of truth: what became of one attempt. `said` is the last reply.

    There are two lines for each: `begun` when its SYN goes out, and the outcome. An attempt that was
    cut off has only the first.
    """

    number: int
    at: float
    address: str
    port: int
    outcome: str  # begun, delivered, refused, silent
    said: str = ""


class Chooser:
    """Picks targets, seeded."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.known: list[str] = []
        self.prefixes: set[str] = set()

    def _new(self) -> str:
        """An address in a /24 not seen before, while there are any."""
        for _ in range(100):
            address = str(RANGE[self.dice.randrange(256, RANGE.num_addresses - 256)])
            if address.rpartition(".")[0] not in self.prefixes:
                break
        self.prefixes.add(address.rpartition(".")[0])
        self.known.append(address)
        return address

    def recipient(self) -> str:
        """A bought mail address; some are traps."""
        domains = places.TRAP_DOMAINS if self.dice.random() < TRAPS else LINES
        return f"user{self.dice.randrange(10000)}@{self.dice.choice(domains)}"

    def direct(self) -> Target:
        """DonBot: its targets are given, not resolved."""
        seen = self.known and self.dice.random() >= NEW
        return Target(self.dice.choice(self.known) if seen else self._new(), 25, self.recipient())

    def server(self, names: list[str]) -> tuple[str, int]:
        """Emotet: a submission server's name, and a port."""
        fresh = [name for name in names if name not in self.prefixes]
        seen = self.known and (not fresh or self.dice.random() >= NEW)
        name = self.dice.choice(self.known if seen else fresh)
        self.prefixes.add(name)
        self.known.append(name)
        return name, self.dice.choices(PORTS, SHARES)[0]


async def donbot(chooser: Chooser, speed: float) -> AsyncIterator[list[Target]]:
    """Batches for ever."""
    while True:
        yield [chooser.direct() for _ in range(BATCH)]
        await asyncio.sleep(chooser.dice.triangular(*GAPS) / speed)


async def emotet(chooser: Chooser, speed: float) -> AsyncIterator[list[Target]]:
    """One server at a time, in bursts; each name is resolved as any program does."""
    names = [name for name, _ in places.submission_servers()]
    loop = asyncio.get_running_loop()
    while True:
        for _ in range(BURST):
            name, port = chooser.server(names)
            with contextlib.suppress(OSError):
                found = await loop.getaddrinfo(name, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
                yield [Target(str(found[0][4][0]), port, chooser.recipient())]
            await asyncio.sleep(chooser.dice.expovariate(0.69 / PAUSE) / speed)  # ln 2: PAUSE is the median
        await asyncio.sleep(REST / speed)


MODES = {"donbot": donbot, "emotet": emotet}


async def dialogue(target: Target) -> tuple[str, str]:
    """One message. Returns the outcome and the last reply."""
    reader, writer = await asyncio.open_connection(target.address, target.port)
    try:
        said = (await reader.readline()).decode("utf-8", "replace").strip()
        words = (
            "HELO localhost",
            f"MAIL FROM:<news@{target.recipient.partition('@')[2]}>",
            f"RCPT TO:<{target.recipient}>",
            "DATA",
            "Subject: lab\r\n\r\nA message of the lab. It holds nothing.\r\n.",
        )
        for word in words:
            if not said.startswith(("2", "3")):
                return "refused", said
            writer.write(f"{word}\r\n".encode())
            said = (await reader.readline()).decode("utf-8", "replace").strip()
        writer.write(b"QUIT\r\n")
        return ("delivered" if said.startswith("2") else "refused"), said
    finally:
        writer.close()


def write(tried: Tried) -> Tried:
    """Put a line of truth on stdout."""
    sys.stdout.buffer.write(msgspec.json.encode(tried) + b"\n")
    sys.stdout.buffer.flush()
    return tried


async def attempt(number: int, target: Target, patience: float = PATIENCE) -> Tried:
    """Try one target, bounded."""
    begun = Tried(number, time.time(), target.address, target.port, "begun")
    if ip_address(target.address) not in RANGE:
        return write(structs.replace(begun, outcome="refused", said="outside the lab"))
    write(begun)
    try:
        outcome, said = await asyncio.wait_for(dialogue(target), patience)
    except (TimeoutError, OSError) as problem:
        outcome, said = "silent", type(problem).__name__
    return write(structs.replace(begun, outcome=outcome, said=said[:200]))


async def run(mode: str, seed: int, limits: Limits, speed: float) -> int:
    """Send until a limit is reached; returns how many were delivered."""
    tried, delivered = 0, 0
    patience = max(1.0, PATIENCE / speed)
    running: set[asyncio.Task[Tried]] = set()

    def note(task: asyncio.Task[Tried]) -> None:
        nonlocal delivered
        running.discard(task)
        if not task.cancelled():
            delivered += task.result().outcome == "delivered"

    batches = MODES[mode](Chooser(seed), speed)
    try:
        async with asyncio.timeout(limits.seconds):
            async for batch in batches:
                # Messages on their way count as delivered: the limit is never passed.
                room = min(limits.attempts - tried, limits.messages - delivered - len(running))
                for target in batch[: max(0, room)]:
                    tried += 1
                    running.add(task := asyncio.create_task(attempt(tried, target, patience)))
                    task.add_done_callback(note)
                if tried >= limits.attempts or delivered >= limits.messages:
                    break
            if running:
                await asyncio.wait(running)
    except TimeoutError:
        for task in running:
            task.cancel()
    await asyncio.sleep(0)  # the last callbacks
    return delivered


def main() -> None:
    """Behave badly, within limits."""
    parser = argparse.ArgumentParser(prog="python -m unlisted.lab.rogue")
    parser.add_argument("--mode", choices=sorted(MODES), default="donbot")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--attempts", type=int, default=Limits().attempts)
    parser.add_argument("--messages", type=int, default=Limits().messages)
    parser.add_argument("--seconds", type=float, default=Limits().seconds)
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster the pauses pass")
    told = parser.parse_args()
    stay_inside()
    limits = Limits(told.attempts, told.messages, told.seconds)
    asyncio.run(run(told.mode, told.seed, limits, told.speed))


if __name__ == "__main__":
    main()
