"""The story of an incident, from the first bounce to the last list, told by what is measured on a stage.

A stage is an office: the real one in network namespaces (`office_stage.py`) or the simulated one
(`simulated.py`). The story acts on it, measures, and tells; each line states what was measured and
nothing that was not. The same engine runs on both.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from unlisted.messages import Decision, Listing, Refusal, Suspect
from unlisted.notice import lists
from unlisted.recover import removal
from unlisted.show import count

DAY = 86_400.0  # seconds


class Beat(Struct, frozen=True):
    """One line of the timeline. `at`: seconds since the story began."""

    at: float
    what: str  # one word: mail, lists, relay, scan, rule, quiet, joins, named, held, others, clear, report
    text: str
    good: bool | None = None  # None: neither


class Mailed(Struct, frozen=True):
    """What became of the honest mail of one round."""

    sent: int
    delivered: int
    refusals: tuple[Refusal, ...]
    in_common: str


class Scanned(Struct, frozen=True):
    """One machine's virus scan."""

    machine: str
    engine: str
    files: int
    infected: tuple[str, ...]


class Look(Struct, frozen=True):
    """The lists' answers at one moment of list time, Unix seconds: the lab's lists live faster than we."""

    now: float
    listings: list[Listing]


class Stage(Protocol):
    """An office on which the story can act. Every method acts or measures; none of them tells."""

    simulated: bool

    def clock(self) -> float:
        """Seconds since the story began, on the stage's own clock."""

    def evening_before(self) -> int:
        """The laptop's first visit. Returns how many messages reached the lists' trap."""

    def office_mail(self) -> Mailed:
        """A round of honest mail to partners and to everybody else."""

    def ask_lists(self) -> list[Listing]:
        """Every list's answer now, asked by DNS through the office's resolver."""

    def relay_log(self) -> tuple[str, int]:
        """What the mail server's log says of the day, and how many of its lines speak of the trap."""

    def scan(self) -> list[Scanned]:
        """A virus scan of every machine that is here."""

    def keep_evidence(self) -> str:
        """Write down what a person has before anybody watches; returns the folder."""

    def stand_guard(self) -> str:
        """Install the standing rule and start the watch. Returns the rule as the kernel has it, in short."""

    def quiet(self) -> tuple[float, int]:
        """Wait and watch. Returns seconds and how many undeclared attempts there were."""

    def laptop_joins(self) -> str:
        """The laptop comes home and takes a lease. Returns its address."""

    def wait_named(self) -> tuple[Suspect, float]:
        """The suspect, and seconds from its first packet on a mail port to the one that decided."""

    def wait_held(self) -> tuple[Decision, float | None, float]:
        """The verified hold; milliseconds from the deciding packet, if measured; seconds since it joined."""

    def leaked(self) -> int:
        """How many of the laptop's messages reached anybody since the rule stood."""

    def hurry(self) -> str:
        """Let list time run as fast as it will from here on; says how fast."""

    def looks(self) -> Iterator[Look]:
        """The lists asked again and again, from the hold on; ends when the stage gives up waiting."""

    def ask_removal(self, zone: str) -> str:
        """Ask one list's operator to take the address off; the answer in its words."""

    def report(self) -> str:
        """Write the evidence and the report; returns where they are, as a sentence."""

    def release(self) -> str:
        """Take the hold back, now that the laptop is with its owner; returns what the filter says."""

    def keep(self) -> None:
        """Leave everything up until the person ends it."""


def play(stage: Stage, tell: Callable[[Beat], None]) -> bool:
    """Play it all. True when the device was named, held and verified, and every list cleared."""

    def say(what: str, text: str, *, good: bool | None = None) -> None:
        tell(Beat(stage.clock(), what, text, good))

    trapped = stage.evening_before()
    say("before", f"a laptop spent an evening here; {trapped} of its messages reached a spam trap")
    _notice(stage, say)
    _look(stage, say)
    say("stuck", f"what most people have by now is in {stage.keep_evidence()}")
    held = _catch(stage, say)
    cleared = _recover(stage, say, held=held)
    say("report", stage.report(), good=True)
    return held and cleared


def _notice(stage: Stage, say: Callable[..., None]) -> None:
    mailed = stage.office_mail()
    say("mail", _counted(mailed))
    if mailed.refusals:
        say("mail", f"“{mailed.refusals[0].quote}”", good=False)
    say("mail", mailed.in_common, good=False)
    listed = [listing for listing in stage.ask_lists() if listing.state == "listed"]
    for listing in listed:
        say("lists", f"listed on {listing.list}: {listing.meaning}", good=False)
    say(
        "lists", f"{listed[0].address} is on {len(listed)} lists" if listed else "on no list", good=not listed
    )


def _counted(mailed: Mailed) -> str:
    return f"{mailed.sent} messages sent, {mailed.delivered} delivered, {len(mailed.refusals)} refused"


def _look(stage: Stage, say: Callable[..., None]) -> None:
    told, spam = stage.relay_log()
    say("relay", f"{told}, {count(spam, 'line')} about the trap", good=spam == 0)
    for scanned in stage.scan():
        result = ", ".join(scanned.infected) or "clean"
        say(
            "scan",
            f"{scanned.machine}: {count(scanned.files, 'file')}, {scanned.engine}: {result}",
            good=not scanned.infected,
        )


def _catch(stage: Stage, say: Callable[..., None]) -> bool:
    say("rule", stage.stand_guard(), good=True)
    seconds, attempts = stage.quiet()
    say("quiet", f"{attempts} undeclared attempts in {seconds:.1f} s")
    address = stage.laptop_joins()
    say("joins", f"a machine joins and takes a lease: {address}")
    suspect, named_after = stage.wait_named()
    device = suspect.device
    say(
        "named",
        " · ".join(filter(None, (device.hostname, str(device.address), device.mac, device.vendor))),
        good=False,
    )
    say(
        "named", f"{suspect.because}; the packet that decided came {named_after * 1e3:.1f} ms after its first"
    )
    decision, decided_ms, joined_s = stage.wait_held()
    took = "" if decided_ms is None else f", {decided_ms:.2f} ms from the packet that decided to the filter"
    say(
        "held",
        f"{decision.state}{took}, {joined_s:.1f} s after it joined; undo: {decision.undo}",
        good=decision.state == "verified",
    )
    leaked = stage.leaked()
    say("held", f"{leaked} of its messages got out since the rule stood", good=leaked == 0)
    mailed = stage.office_mail()
    say("others", f"the others work on: {_counted(mailed)}, by the filter that still sees the lists")
    return decision.state == "verified" and leaked == 0


def _recover(stage: Stage, say: Callable[..., None], *, held: bool) -> bool:
    """Each list by its own gate: asked when it opens, waited for where there is nothing to ask."""
    catalogue, told, asked = lists.load(), dict[str, str](), dict[str, float]()
    began: float | None = None
    left: list[str] = []
    say("delist", stage.hurry())
    for look in stage.looks():
        began = look.now if began is None else began
        left = [listing.list for listing in look.listings if listing.state != "clear"]
        for listing in look.listings:
            entry = catalogue.find(listing.list)
            if entry is None or (listing.state == "clear" and listing.list not in told):
                continue
            row = removal.plan(
                listing, entry, contained_at=began if held else None, last_attempt=None, now=look.now,
                asked_at=asked.get(listing.list), what="the device was held and its traffic seen to stop",
            )  # fmt: skip
            if told.get(listing.list) == row.state:
                continue
            told[listing.list] = row.state
            days = f"day {(look.now - began) / DAY:.1f}"
            if row.state == "cleared":
                say("clear", f"{days}: {listing.list} lets go", good=True)
            elif row.state == "ready":
                asked[listing.list] = look.now
                say("delist", f"{days}: {listing.list} is asked: {stage.ask_removal(listing.zone)}")
            elif row.state != "asked":
                say("delist", f"{days}: {listing.list}: {row.state}, {row.why_not_yet}")
        if not left:
            break
    say("release", stage.release())
    say(
        "clear",
        f"still listed or unknown: {', '.join(left)}" if left else "every list says clear",
        good=not left,
    )
    if not left:
        mailed = stage.office_mail()
        say("mail", _counted(mailed), good=not mailed.refusals)
    return not left
