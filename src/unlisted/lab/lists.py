"""The lab's blocklists: each lists and forgets by its own rule, in a time that runs faster than ours.

    trap --report--> Register --zone files, SIGHUP--> rbldnsd <--DNS-- everyone
                        ^--removal request, status-- the story

`Register` is arithmetic: list time (seconds) arrives as an argument. `python -m unlisted.lab.lists` runs it
as a daemon beside rbldnsd, with one JSON object a line on a unix socket. `Lists` is the client.

The thresholds of "how many reports until listed" are assumptions; no operator publishes them.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from unlisted.lab.host import stay_inside
from unlisted.notice import lists as catalogue

DAY, HOUR = 86400.0, 3600.0
SPEED = 43200.0  # list seconds a second: one list day takes two seconds
PORT = 5353  # of rbldnsd, on the internet's loopback


class Rule(Struct, frozen=True, kw_only=True):
    """How one list takes an address up and lets it go. Times in hours of list time."""

    zone: str
    code: str
    text: str  # TXT; $ is the address (rbldnsd's own notation)
    hits: int = 1  # reports until it lists
    expires: float | None = None  # after the last report
    removal: str = "none"  # none, self, anyone, request
    quiet: float = 0.0  # self: refused when the last report is younger
    takes: float = 0.0  # request: until it is granted
    source: str


RULES = {
    rule.zone: rule
    for rule in (
        Rule(
            zone="zen.spamhaus.org",
            code="127.0.0.4",
            text="https://www.spamhaus.org/query/ip/$",
            removal="self",
            quiet=24,  # an assumption: "refused where the problem goes on"
            source="XBL: self-removal, refused where the problem goes on",
        ),
        Rule(
            zone="bl.spamcop.net",
            code="127.0.0.2",
            text="Blocked - see https://www.spamcop.net/bl.shtml?$",
            hits=2,
            expires=24,
            source="SpamCop: about 24 hours after the last report; nothing to ask",
        ),
        Rule(
            zone="psbl.surriel.com",
            code="127.0.0.2",
            text="Listed in PSBL, see https://psbl.org/listing?ip=$",
            expires=21 * 24,
            removal="anyone",
            takes=0.5,
            source="PSBL: anyone may remove, within 30 minutes; else weeks",
        ),
        Rule(
            zone="dnsbl-1.uceprotect.net",
            code="127.0.0.2",
            text="IP $ is UCEPROTECT-Level 1 listed. See https://www.uceprotect.net/rblcheck.php?ipr=$",
            expires=7 * 24,
            source="UCEPROTECT Level 1: 7 days after the last spam; never pay",
        ),
        Rule(
            zone="b.barracudacentral.org",
            code="127.0.0.2",
            text="https://www.barracudanetworks.com/reputation/?pr=1&ip=$",
            hits=3,
            removal="request",
            takes=18,  # published as 12 to 24
            source="Barracuda: one request, 12 to 24 hours, do not resubmit",
        ),
    )
}
ZONES = tuple(RULES)


def bystanders() -> dict[str, str]:
    """The other live lists of the catalogue: zone -> zone file. Sound, and with nobody of ours on them.

    Each holds its own test point, so that a check finds it alive.
    """
    found = {}
    for entry in catalogue.load().live("ip4"):
        if entry.zone not in RULES:
            code = next(iter((*entry.codes, *entry.neutral)), "127.0.0.2").replace("*", "2")
            point = entry.test_listed or "127.0.0.2"
            found[entry.zone] = f"$TTL 1\n:{code}:test\n" + ("" if point == "-" else f"{point}\n")
    return found


class Record(Struct):
    """What one list knows of one address; times are list seconds, None is never."""

    hits: int = 0
    last: float = 0.0
    listed: float | None = None
    asked: float | None = None
    leaves: float | None = None  # granted: when it takes effect


class Answer(Struct, frozen=True):
    """What the operator says to a removal request."""

    granted: bool
    why: str


class Status(Struct, frozen=True):
    """One address on one list, as the operator knows it. Times in hours of list time, from now."""

    zone: str
    address: str
    listed: bool
    hits: int
    quiet: float  # since the last report
    asked: bool
    ends: float | None  # until it leaves by itself or as granted; None: not without asking


class Register:
    """All lists' records. Holds no clock."""

    def __init__(self, rules: Iterable[Rule] = tuple(RULES.values())) -> None:
        self.rules = {rule.zone: rule for rule in rules}
        self.records: dict[str, dict[str, Record]] = {zone: {} for zone in self.rules}

    def report(self, address: str, at: float) -> set[str]:
        """A trap was hit. Returns the lists that now list the address and did not before."""
        new = set()
        for zone, rule in self.rules.items():
            record = self.records[zone].setdefault(address, Record())
            record.hits += 1
            record.last = at
            record.asked = record.leaves = None  # spam voids what was asked or granted
            if record.listed is None and record.hits >= rule.hits:
                record.listed = at
                new.add(zone)
        return new

    def ask(self, zone: str, address: str, at: float) -> Answer:
        """A removal request, answered by the list's rule."""
        rule = self.rules.get(zone)
        if rule is None:
            return Answer(False, f"there is no list {zone}")
        record = self.records[zone].get(address)
        if record is None or record.listed is None:
            return Answer(False, "this address is not listed")
        if rule.removal == "none":
            return Answer(False, f"no removal on request: expires {rule.expires:.0f} h after the last report")
        if record.asked is not None and rule.removal == "request":
            return Answer(False, "a request is being looked at; do not resubmit")
        quiet = (at - record.last) / HOUR
        if rule.removal == "self" and quiet < rule.quiet:
            return Answer(False, f"the problem goes on: detected {quiet:.1f} h ago")
        record.asked = at
        record.leaves = at + rule.takes * HOUR
        within = f"within {rule.takes:g} h" if rule.takes else "at once"
        return Answer(True, f"will be removed {within}")

    def ends(self, zone: str, record: Record) -> float | None:
        """When the listing ends, in list seconds."""
        rule = self.rules[zone]
        ends = [record.leaves] if record.leaves is not None else []
        if rule.expires is not None:
            ends.append(record.last + rule.expires * HOUR)
        return min(ends) if ends else None

    def advance(self, at: float) -> set[str]:
        """Let go what has run out; returns the lists that changed."""
        changed = set()
        for zone, records in self.records.items():
            for address, record in list(records.items()):
                ends = self.ends(zone, record)
                if record.listed is not None and ends is not None and at >= ends:
                    del records[address]
                    changed.add(zone)
        return changed

    def zone_file(self, zone: str) -> str:
        """The list in rbldnsd's ip4set form, with the test points of RFC 5782 §5."""
        rule = self.rules[zone]
        points = ["127.0.0.2"]
        if zone == "zen.spamhaus.org":  # its test point answers for each of its parts
            points = [f"127.0.0.2 :{code}:{rule.text}" for code in ("127.0.0.2", "127.0.0.4", "127.0.0.10")]
        listed = sorted(a for a, record in self.records[zone].items() if record.listed is not None)
        return "\n".join(["$TTL 1", f":{rule.code}:{rule.text}", *points, *listed]) + "\n"


# ---- the daemon -----------------------------------------------------------------------------------


class Request(Struct):
    """One line on the socket."""

    do: str  # report, ask, status, clock; pace: list time runs at `speed` from now on
    zone: str = ""
    address: str = ""
    speed: float = 0.0


class Daemon:
    """Register, rbldnsd and the control socket, tied to a clock."""

    def __init__(self, folder: Path, speed: float) -> None:
        self.folder = folder
        self.speed = speed
        self.register = Register()
        self.passed, self.since = 0.0, time.monotonic()  # list seconds until then, and then
        self.stamp = int(time.time())
        for zone in ZONES:
            self.write(zone)
        others = bystanders()
        for zone, text in others.items():
            (folder / zone).write_text(text)
        specs = [f"{zone}:ip4set:{zone}" for zone in (*ZONES, *others)]
        argv = ["rbldnsd", "-n", "-u", "nobody", "-b", f"127.0.0.1/{PORT}", "-w", str(folder), "-t", "1"]
        self.server = subprocess.Popen([*argv, "-c", "1h", *specs])

    def now(self) -> float:
        """List time, in seconds."""
        return self.passed + (time.monotonic() - self.since) * self.speed

    def pace(self, speed: float) -> None:
        """Let list time run at another speed from now on; what has passed has passed."""
        self.passed, self.since = self.now(), time.monotonic()
        self.speed = speed

    def write(self, zone: str) -> None:
        """Put the zone where rbldnsd reads it, whole, and newer than the one before by its clock."""
        path, fresh = self.folder / zone, self.folder / f".{zone}"
        fresh.write_text(self.register.zone_file(zone))
        self.stamp += 1  # rbldnsd compares whole seconds; two changes may fall into one
        os.utime(fresh, (self.stamp, self.stamp))
        fresh.replace(path)

    def publish(self, zones: set[str]) -> None:
        """Write what changed and have rbldnsd read it."""
        for zone in zones:
            self.write(zone)
        if zones:
            self.server.send_signal(signal.SIGHUP)

    def answer(self, request: Request) -> bytes:
        """Do what one line asks."""
        now = self.now()
        self.publish(self.register.advance(now))
        if request.do == "report":
            new = self.register.report(request.address, now)
            self.publish(new)
            return msgspec.json.encode(sorted(new))
        if request.do == "ask":
            return msgspec.json.encode(self.register.ask(request.zone, request.address, now))
        if request.do == "pace" and request.speed > 0:
            self.pace(request.speed)
        if request.do in ("pace", "clock"):
            return msgspec.json.encode(now / HOUR)
        return msgspec.json.encode(self.status(now))

    def status(self, now: float) -> list[Status]:
        """Every record that there is."""
        found = []
        for zone, records in self.register.records.items():
            for address, record in records.items():
                ends = self.register.ends(zone, record) if record.listed is not None else None
                found.append(
                    Status(
                        zone,
                        address,
                        record.listed is not None,
                        record.hits,
                        (now - record.last) / HOUR,
                        record.asked is not None,
                        (ends - now) / HOUR if ends is not None else None,
                    )
                )
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client; a line that is no request ends its connection."""
        with contextlib.suppress(ConnectionError, msgspec.DecodeError, ValueError):
            while line := await reader.readline():
                writer.write(self.answer(msgspec.json.decode(line, type=Request)) + b"\n")
                await writer.drain()
        writer.close()

    async def run(self) -> None:
        """Serve, and let listings end on time."""
        await asyncio.start_unix_server(self.serve, self.folder / "control")
        while self.server.poll() is None:
            await asyncio.sleep(0.05)
            self.publish(self.register.advance(self.now()))
        raise SystemExit("rbldnsd ended")


class Lists:
    """The operators' desks, for the story and the tests: speaks to the daemon."""

    def __init__(self, control: Path) -> None:
        self.control = control

    def _say(self, request: Request) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(5)
            line.connect(str(self.control))
            line.sendall(msgspec.json.encode(request) + b"\n")
            with line.makefile("rb") as words:
                return words.readline()

    def report(self, address: str) -> list[str]:
        """Report spam from an address, as a trap does; returns the lists that took it up now."""
        return msgspec.json.decode(self._say(Request("report", "", address)), type=list[str])

    def ask(self, zone: str, address: str) -> Answer:
        """Ask for removal."""
        return msgspec.json.decode(self._say(Request("ask", zone, address)), type=Answer)

    def status(self) -> list[Status]:
        """What every list knows."""
        return msgspec.json.decode(self._say(Request("status")), type=list[Status])

    def clock(self) -> float:
        """Hours of list time since the lists began."""
        return msgspec.json.decode(self._say(Request("clock")), type=float)

    def pace(self, speed: float) -> None:
        """Let list time run at `speed` list seconds a second from now on."""
        self._say(Request("pace", speed=speed))

    def ready(self) -> bool:
        """The daemon answers."""
        with contextlib.suppress(OSError, msgspec.DecodeError):
            self.status()
            return True
        return False


def main() -> None:
    """Run the daemon until killed."""
    parser = argparse.ArgumentParser(prog="python -m unlisted.lab.lists")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speed", type=float, default=SPEED, help="list seconds a second")
    told = parser.parse_args()
    stay_inside()
    asyncio.run(Daemon(told.folder, told.speed).run())


if __name__ == "__main__":
    main()
