"""The office simulated, for where no network namespaces can be made: the same engine, readers and rules.

What is simulated is only the world around them: a clock, mail that is delivered or refused in the lab
receivers' own words, lists that follow the lab's rules, the rogue's own choice of targets, a packet
filter that is a set. Nothing here is measured on a network, and every screen says SIMULATED.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from msgspec import structs

from unlisted import codec, show
from unlisted.config import Config
from unlisted.edge import vendors
from unlisted.engine import Engine
from unlisted.lab import places, rogue, story
from unlisted.lab.lists import RULES, ZONES, Register
from unlisted.lab.personas import PERSONAS
from unlisted.lab.scan import PAYLOAD
from unlisted.messages import (
    Applied,
    Attempt,
    Command,
    Decision,
    Hold,
    Lease,
    Listing,
    Name,
    Refusal,
    Suspect,
    Tick,
)
from unlisted.notice import dnsbl, lists, packets, refusal, together
from unlisted.stop.enforcers import nftables
from unlisted.stop.guard import Network

BEGAN = 1_795_000_000.0  # Unix seconds; a simulated evening in November 2026
SPAM = 40  # messages of the first visit
APART = 0.0001  # seconds between the SYNs of one batch


class SimulatedOffice:
    """A stage without a network. Times are simulated seconds."""

    simulated = True

    def __init__(self, seed: int, evidence: Path) -> None:
        self.dice = random.Random(seed)
        self.chooser = rogue.Chooser(seed)
        self.evidence = evidence
        self.now = BEGAN
        self.register = Register()
        self.filter: set[str] = set()
        self.rule = False
        self.log: list[str] = []
        self.leases: list[str] = []
        self.answers: list[Listing] = []
        self.sent = self.bounced = 0
        self.texts: list[str] = []
        self.domains: list[str] = []  # whom the mail server wrote to
        self.suspect: Suspect | None = None
        self.decision: Decision | None = None
        self.out = 0
        self.joined = 0.0
        mail = Lease(ip_address(places.MAIL), places.MAIL_MAC, "mail", start=BEGAN)
        self.engine = Engine(
            Config(policy="hold", warm_up=0.0),
            Network(
                gateway=frozenset({places.GATEWAY}),
                senders=frozenset({places.MAIL}),
                known=(mail,),
                max_holds=3,
            ),
            vendor=vendors.name,
        )

    # ---- the world ----

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        self.register.advance(self.now)

    def _listed(self, zone: str) -> bool:
        record = self.register.records[zone].get(places.PUBLIC)
        return record is not None and record.listed is not None

    def _message(self, domain: str) -> Refusal | None:
        """One honest message: delivered, or refused in the receiver's words."""
        receiver = next(r for r in places.RECEIVERS if domain in r.domains)
        self._pass(1.0)
        self.sent += 1
        self.domains.append(domain)
        zone = next((zone for zone in receiver.zones if self._listed(zone)), "")
        if not zone:
            return None
        self.bounced += 1
        words = PERSONAS[receiver.persona].words.format(ip=places.PUBLIC, zone=zone)
        self.texts.append(words)
        verdict = refusal.judge(words, remote_mta=receiver.host)
        return Refusal(
            f"reply-{len(self.texts)}.txt", f"someone@{domain}", receiver.host, at=self.now, text=words,
            **structs.asdict(verdict),
        )  # fmt: skip

    def _take(self, event: Attempt | Lease | Tick | Applied) -> list[Command]:
        """An event for the engine; holds go into the simulated filter."""
        commands = self.engine.step(event)
        for command in commands:
            if isinstance(command, Name):
                self.suspect = command.suspect
            elif isinstance(command, Hold):
                self.filter.add(command.decision.device.mac)
                self._take(Applied(self.now, command.decision.id, ok=True))
        return commands

    # ---- the stage ----

    def clock(self) -> float:
        """Simulated seconds since the story began."""
        return self.now - BEGAN

    def evening_before(self) -> int:
        """The laptop's mail goes out unhindered; what reaches a trap is reported to the lists."""
        trapped = 0
        for _ in range(SPAM):
            target = self.chooser.direct()
            self._pass(0.3)
            if target.recipient.rpartition("@")[2] in places.TRAP_DOMAINS:
                trapped += 1
                self.register.report(places.PUBLIC, self.now)
        self._pass(12 * 3600.0)
        return trapped

    def office_mail(self) -> story.Mailed:
        """Two messages to each partner behind one filter, and twelve to everybody else."""
        filtered = [r for r in places.RECEIVERS if r.persona == "messagelabs"]
        domains = [d for r in filtered for d in r.domains] * 2
        domains += [
            self.dice.choice(["customers.example", "friends.example", "newsdesk.example"]) for _ in range(12)
        ]
        refused = tuple(told for domain in domains if (told := self._message(domain)))
        delivered = len(domains) - len(refused)
        common = together.sentence(together.common(refused, delivered))
        return story.Mailed(len(domains), delivered, refused, common)

    def ask_lists(self) -> list[Listing]:
        """Each list's simulated answer, read by the same reader as a real one."""
        catalogue, answers = lists.load(), []
        first = not self.answers
        for zone in ZONES:
            entry = catalogue.by_zone(zone)
            if entry is None:
                continue
            name = dnsbl.query_name(ip_address(places.PUBLIC), zone)
            listed = self._listed(zone)
            a = packets.Answer(
                name=name, qtype=packets.A, rcode=0 if listed else dnsbl.NXDOMAIN,
                addresses=(RULES[zone].code,) if listed else (),
            )  # fmt: skip
            answers.append(dnsbl.judge(entry, ip_address(places.PUBLIC), a, at=self.now))
        self.answers = answers if first else self.answers  # the evidence keeps the first look
        return answers

    def relay_log(self) -> tuple[str, int]:
        """The mail server's own account."""
        spam = sum(domain in places.TRAP_DOMAINS for domain in self.domains)
        return f"the mail server: {self.sent} messages, {self.bounced} refused", spam

    def scan(self) -> list[story.Scanned]:
        """Each machine's files against the hash of the rogue's program, which is not here to be found."""
        wanted = sha256(PAYLOAD.read_bytes()).hexdigest()
        found = []
        for plan in places.MACHINES:
            hits = tuple(n for n, text in plan.files.items() if sha256(text.encode()).hexdigest() == wanted)
            found.append(story.Scanned(plan.hostname, "hash list", len(plan.files), hits))
        return found

    def keep_evidence(self) -> str:
        """The evidence without a gateway log."""
        return self._write(self.evidence.with_name(f"{self.evidence.name}-before"))

    def stand_guard(self) -> str:
        """Render the standing rule; the simulated filter obeys it."""
        document = nftables.install(nftables.Standing(lan=("lan0",), wan=("wan0",), senders=(places.MAIL,)))
        self.rule = True
        lines = len(document.text.splitlines())
        return f"outgoing port 25 is blocked and logged for all but {places.MAIL}: {lines} lines for nftables"

    def quiet(self) -> tuple[float, int]:
        """Twenty simulated minutes; the attempts are those that the engine counted."""
        before = int(self.engine.state.tries.sum())
        for _ in range(20):
            self._pass(60.0)
            self._take(Tick(self.now))
        return 1200.0, int(self.engine.state.tries.sum()) - before

    def laptop_joins(self) -> str:
        """The laptop takes a lease."""
        self._pass(1.0)
        self.joined = self.now
        address = ip_address("192.168.50.143")
        laptop = places.LAPTOP
        self._take(Lease(address, laptop.mac, laptop.hostname, start=self.now, end=self.now + 3600))
        self.leases.append(f"{self.now + 3600:.0f} {laptop.mac} {address} {laptop.hostname} 01:{laptop.mac}")
        return str(address)

    def wait_named(self) -> tuple[Suspect, float]:
        """Batches of the rogue's targets, until the engine names it and the filter drops it."""
        first = self.now + 2.0
        self.now = first
        for _ in range(3):
            for _ in range(rogue.BATCH):
                self._spam()
            self._pass(9.8)
        if self.suspect is None or self.suspect.flagged_at is None:
            raise RuntimeError("the engine did not name the simulated laptop")
        return self.suspect, self.suspect.flagged_at - first

    def _spam(self) -> None:
        target = self.chooser.direct()
        self.now += APART
        held = places.LAPTOP.mac in self.filter
        attempt = Attempt(
            self.now, ip_address("192.168.50.143"), ip_address(target.address), target.port,
            mac=places.LAPTOP.mac, action="held" if held else "block" if self.rule else "pass",
        )  # fmt: skip
        self.out += attempt.action == "pass"
        stamp = datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
        self.log.append(
            f"{stamp} gateway kernel: unlisted-{attempt.action} IN=lan0 OUT=wan0 "
            f"MAC={places.GATEWAY_MAC}:{attempt.mac}:08:00 SRC={attempt.src} DST={attempt.dst} LEN=60 "
            f"PROTO=TCP SPT={40000 + len(self.log)} DPT={attempt.dport} SYN"
        )
        self._take(attempt)

    def wait_held(self) -> tuple[Decision, float | None, float]:
        """The decision as the engine has it; no filter was timed."""
        self.decision = next(iter(self.engine.decisions.values()))
        return self.decision, None, self.now - self.joined

    def leaked(self) -> int:
        """Attempts that passed since the rule stood."""
        return self.out

    def hurry(self) -> str:
        """Simulated time runs as it likes."""
        return "the lists live in simulated days from here on"

    def looks(self) -> Iterator[story.Look]:
        """A look an hour, for a month."""
        for _ in range(24 * 30):
            yield story.Look(self.now, self.ask_lists())
            self._pass(3600.0)

    def ask_removal(self, zone: str) -> str:
        """The lab's own rule answers."""
        return self.register.ask(zone, places.PUBLIC, self.now).why

    def release(self) -> str:
        """Take the hold back."""
        self.filter.clear()
        return f"the laptop is with its owner: {len(self.filter)} devices held"

    def keep(self) -> None:
        """There is nothing to leave up."""

    def report(self) -> str:
        """What a person would have, written out and called what it is."""
        return f"the evidence is in {self._write(self.evidence)}"

    def _write(self, folder: Path) -> str:
        files = {
            "README": "SIMULATED evidence: no network was involved.\n",
            "dnsmasq.leases": "\n".join(self.leases),
            "gateway.log": "\n".join(self.log),
            "lists.jsonl": "\n".join(codec.encode(one).decode() for one in self.answers),
            **{f"reply-{number}.txt": text for number, text in enumerate(self.texts, 1)},
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            if text:
                (folder / name).write_text(f"{text}\n", encoding="utf-8")
        return show.clean(str(folder))
