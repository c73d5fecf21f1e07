"""The real office as a stage: the story's steps done with real programs, its facts measured on them.

    check    `unlisted check --json` on an office machine, through the office's resolver
    rule     `unlisted rule install` at the gateway; read back from the kernel
    watch    `unlisted watch --hold --json` at the gateway, its events read as they happen
    release  `unlisted release` at the gateway

The product is run as a person would run it; this file only types and reads.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from unlisted import codec, show
from unlisted.edge import mail as mailbox
from unlisted.errors import UnlistedError
from unlisted.lab import places, story
from unlisted.lab.lists import DAY, SPEED
from unlisted.lab.machine import Machine, Rogue
from unlisted.lab.rogue import Limits
from unlisted.lab.world import Office, Sent
from unlisted.messages import Decision, Listing, Name, Refusal, Save, Suspect
from unlisted.notice import bounce, together
from unlisted.stop.enforcers import nftables

T = TypeVar("T")

FIRST_VISIT = Limits(attempts=120, messages=60, seconds=8.0)
SECOND_VISIT = Limits(attempts=60, messages=60, seconds=6.0)
QUIET = 3.0  # seconds of watching before the laptop comes home
PATIENCE = 20.0  # seconds for anything that should take one
SLOW = 60.0  # list seconds a second while nothing waits for a list
LONGEST = 40 * 24.0  # list hours until the story gives up on the lists


class OfficeStage:
    """A stage made of real programs. Times are seconds of the wall clock."""

    simulated = False

    def __init__(self, seed: int, evidence: Path, speed: float) -> None:
        self.seed = seed
        self.evidence = evidence
        self.office = Office(list_speed=SLOW)
        self.speed = SPEED * speed
        self.rogue: Rogue | None = None
        self.laptop: Machine | None = None
        self.told: list[dict[str, object]] = []
        self.bounced = 0
        self.guarded = self.joined = 0.0
        self.listings: list[Listing] = []

    def __enter__(self) -> Self:
        self.office.__enter__()
        self.began = time.time()
        self.store = self.office.folder / "unlisted.db"
        self.settings = self.office.folder / "unlisted.toml"
        self.events = self.office.folder / "watch.jsonl"
        self.settings.write_text(
            f'own = ["{places.PUBLIC}"]\nresolver = "{places.GATEWAY}"\nstore = "{self.store}"\n'
            f'senders = ["{places.MAIL}"]\nlan = "lan0"\nwan = "wan0"\npolicy = "hold"\n'
            "warm_up = 2.0  # seconds; the demo cannot wait for the usual quarter of an hour\n"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.office.__exit__(kind, problem, trace)

    # ---- typing and reading ----

    def _unlisted(self, host_of: str, *words: str, codes: tuple[int, ...] = (0, 1)) -> str:
        """Run the program on a machine of the office; its stdout."""
        host = self.office.gateway if host_of == "gateway" else self.office.machines[host_of].host
        done = host.python(["unlisted", *words, "--config", str(self.settings)], timeout=PATIENCE)
        if done.returncode not in codes:
            raise UnlistedError(
                f"unlisted {words[0]} ended with {done.returncode}: {show.clean(done.stderr)}"
            )
        return done.stdout

    def _wait(self, what: str, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (found := look()) is not None:
                return found
            time.sleep(0.02)
        raise UnlistedError(f"the lab waited {seconds:.0f} s for {what}, in vain")

    def _watched(self) -> list[dict[str, object]]:
        """What the watch has printed so far."""
        whole = self.events.read_bytes().rpartition(b"\n")[0] if self.events.exists() else b""
        return [json.loads(line) for line in whole.splitlines()]

    def _happened(self, kind: str) -> list[dict[str, object]]:
        return [one for one in self._watched() if one.get("kind") == kind]

    # ---- the stage ----

    def clock(self) -> float:
        """Seconds since the office stood."""
        return time.time() - self.began

    def evening_before(self) -> int:
        """The laptop plugs in, sends, and leaves; nobody watches."""
        laptop = self.office.plug_in(places.LAPTOP, infected=True)
        self.office.rogue(laptop, seed=self.seed, limits=FIRST_VISIT, speed=40).wait(PATIENCE)
        self.office.unplug(laptop)
        return len(self.office.arrivals("trapped", client=places.PUBLIC))

    def office_mail(self) -> story.Mailed:
        """Two messages to each partner behind one filter, and twelve to everybody else."""
        since = time.time()
        filtered = [r for r in places.RECEIVERS if r.persona == "messagelabs"]
        wanted = [d for r in filtered for d in r.domains] * 2 + ["customers.example", "newsdesk.example"] * 6
        desks = [plan for plan in places.MACHINES if plan.name != "copier"]

        def send(number: int) -> Sent:
            plan = desks[number % len(desks)]
            return self.office.send_mail(plan.name, plan.user, f"sales{number}@{wanted[number]}")

        with ThreadPoolExecutor(3) as pool:
            sent = list(pool.map(send, range(len(wanted))))
        self.office.settle(sent)
        outcomes = [self.office.outcome(message) for message in sent]
        refused = sum(text.startswith("bounced") for text in outcomes)
        new = self._wait("the bounces", lambda: self._bounces(self.bounced + refused))[self.bounced :]
        self.bounced += len(new)
        refusals = tuple(told for path in new for told in self._explain(path))
        arrived = len(wanted) - refused
        self._wait("the mail", lambda: self._arrived(since, arrived) or None, seconds=10)
        delivered = self._arrived(since, 0)
        common = together.sentence(together.common(refusals, delivered))
        return story.Mailed(len(wanted), delivered, refusals, common)

    def _bounces(self, number: int) -> list[Path] | None:
        found = self.office.bounces()
        return found if len(found) >= number else None

    def _arrived(self, since: float, least: int) -> int:
        """Messages of the office's users that receivers took, all together; 0 while fewer than `least`."""
        arrived = [
            entry
            for entry in self.office.arrivals("delivered", since=since)
            if entry.sender.endswith(f"@{places.OFFICE_DOMAIN}")
        ]
        return len(arrived) if len(arrived) >= least else 0

    def _explain(self, path: Path) -> Iterator[Refusal]:
        for found in mailbox.messages(str(path)):
            if isinstance(found, mailbox.Message):
                yield from bounce.refusals(found.raw, found.source)

    def ask_lists(self) -> list[Listing]:
        """`unlisted check` on an office machine, about the lists that this world has."""
        zones = [word for zone in self.office.listed() for word in ("--zone", zone)]
        answer = self._unlisted("developer", "check", places.PUBLIC, "--json", *zones, codes=(0, 1, 3))
        found = [codec.decode(line, Listing) for line in answer.splitlines()]
        self.listings = self.listings or found
        return found

    def relay_log(self) -> tuple[str, int]:
        """Counted in the mail server's log."""
        text = self.office.mail_log.read_text(errors="replace")
        taken = text.count(" status=sent ")
        refused = text.count(" status=bounced ")
        spam = sum(text.count(domain) for domain in places.TRAP_DOMAINS)
        return f"the mail server's log: {taken} deliveries, {refused} refused", spam

    def scan(self) -> list[story.Scanned]:
        """ClamAV over every machine that is here."""
        found = []
        for machine in self.office.machines.values():
            told = self.office.scan(machine)
            infected = tuple(one.signature for one in told.infected)
            found.append(story.Scanned(machine.plan.hostname, told.engine, told.files, infected))
        return found

    def keep_evidence(self) -> str:
        """What a person has who has not looked at the gateway yet."""
        return self._write(self.evidence.with_name(f"{self.evidence.name}-before"))

    def stand_guard(self) -> str:
        """`unlisted rule install` and `unlisted watch --hold` at the gateway."""
        self.office.log_mail_ports()
        self._unlisted("gateway", "rule", "install", "--allow", places.MAIL, "--yes")
        table = self.office.gateway.run(["nft", "-j", "list", "table", "inet", "unlisted"], timeout=PATIENCE)
        rules = sum("rule" in one for one in json.loads(table.stdout)["nftables"])
        with self.events.open("wb") as out:
            self.office.gateway.spawn_python(
                ["unlisted", "watch", "--hold", "--json", *self._watching()],
                name="watch",
                stdout=out,
            )
        self.guarded = time.time()
        self._wait("the watch", self._listens)
        return (
            f"outgoing port 25 is blocked and logged for all but {places.MAIL}: {rules} rules in the kernel"
        )

    def _watching(self) -> list[str]:
        return ["--leases", str(self.office.leases), "--config", str(self.settings)]

    def _listens(self) -> bool | None:
        """The kernel says that somebody has bound the product's NFLOG group."""
        bound = self.office.gateway.run(["cat", "/proc/net/netfilter/nfnetlink_log"], timeout=PATIENCE)
        groups = [line.split()[0] for line in bound.stdout.splitlines() if line.split()]
        return str(nftables.GROUP) in groups or None

    def quiet(self) -> tuple[float, int]:
        """Watch a little; attempts of declared senders do not count."""
        began = time.monotonic()
        time.sleep(QUIET)
        attempts = [one for one in self._happened("attempt") if one.get("src") != places.MAIL]
        return time.monotonic() - began, len(attempts)

    def laptop_joins(self) -> str:
        """The same laptop comes home, and its program runs again."""
        self.laptop = self.office.plug_in(places.LAPTOP, infected=True)
        self.joined = time.time()
        self.rogue = self.office.rogue(self.laptop, seed=self.seed + 1, limits=SECOND_VISIT, speed=5)
        return self.laptop.address

    def wait_named(self) -> tuple[Suspect, float]:
        """The watch's own word, and the first packet's own time."""
        told = self._wait("the name", lambda: self._happened("name") or None)
        named = msgspec.convert(told[0], Name, dec_hook=codec.read_spelled).suspect
        first = min(
            float(str(one["at"])) for one in self._happened("attempt") if one.get("mac") == named.device.mac
        )
        return named, (named.flagged_at or first) - first

    def wait_held(self) -> tuple[Decision, float | None, float]:
        """Until the watch has seen the traffic stop."""

        def verified() -> Decision | None:
            for one in self._happened("save"):
                decision = msgspec.convert(one, Save, dec_hook=codec.read_spelled).decision
                if decision.state in ("verified", "failed"):
                    return decision
            return None

        decision = self._wait("the hold", verified)
        carried = next((one for one in self._happened("carried") if one.get("decided_ms")), {})
        took = carried.get("decided_ms")
        held_at = float(str(carried.get("at", time.time())))
        return decision, float(str(took)) if took is not None else None, held_at - self.joined

    def leaked(self) -> int:
        """Counted at the receivers: anything from the laptop that anybody took since the rule stood."""
        if self.rogue is not None:
            self.rogue.wait(PATIENCE + SECOND_VISIT.seconds)
        taken = self.office.arrivals("delivered", since=self.guarded)
        return sum(not entry.sender.endswith(f"@{places.OFFICE_DOMAIN}") for entry in taken)

    def hurry(self) -> str:
        """From real minutes to days in seconds; the lists' rules stay as they are."""
        self.office.pace(self.speed)
        day = DAY / self.speed
        return f"the lab's lists live {self.speed:,.0f} times faster from here on: a day in {day:.1f} s"

    def looks(self) -> Iterator[story.Look]:
        """`unlisted check`, over and over, while list time runs: days pass in seconds."""
        began = time.time()
        first = self.office.lists.clock()
        while (hours := self.office.lists.clock() - first) < LONGEST:
            yield story.Look(began + hours * 3600, self.ask_lists())
            time.sleep(0.1)

    def ask_removal(self, zone: str) -> str:
        """The lab's operator answers."""
        return self.office.lists.ask(zone, places.PUBLIC).why

    def release(self) -> str:
        """The laptop leaves; `unlisted release` at the gateway; the kernel's sets are read."""
        if self.laptop is not None:
            mac = self.laptop.mac
            self.office.unplug(self.laptop)
            self._unlisted("gateway", "release", mac)
        table = self.office.gateway.run(
            ["nft", "-j", "list", "set", "inet", "unlisted", "held_mac"], timeout=PATIENCE
        )
        held = [one["set"].get("elem", []) for one in json.loads(table.stdout)["nftables"] if "set" in one]
        return f"the laptop is with its owner; the kernel holds {sum(map(len, held))} devices"

    def report(self) -> str:
        """What a person in this office has now, and beside it the report that the product makes of it."""
        written = self._write(self.evidence)
        case = json.loads(self._unlisted("gateway", "investigate", str(self.evidence.resolve()), "--json"))
        pack = self.evidence.with_name(f"{self.evidence.name}-report")
        self._unlisted("gateway", "report", case["id"], "--out", str(pack.resolve()))
        return f"the evidence is in {written}, the report in {show.clean(str(pack))}"

    def _write(self, folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        self.office.evidence(folder)
        lines = "".join(codec.encode(one).decode() + "\n" for one in self.listings)
        (folder / "lists.jsonl").write_text(lines, encoding="utf-8")
        return show.clean(str(folder))

    def keep(self) -> None:
        """Leave the lab up; Ctrl-C ends it."""
        show.say(f"the lab stays up; Ctrl-C ends it. At the gateway: {self.office.gateway.enter} COMMAND")
        while True:
            time.sleep(1)
