"""The story of an incident, from the first bounce to the last list, told by what is measured on a stage.

A stage is an office: the real one in network namespaces (`office_stage.py`) or the simulated one
(`simulated.py`). The story acts on it, measures, and tells; each line states what was measured and
nothing that was not. The same engine runs on both.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from unlisted.messages import Decision, Listing, Refusal, Suspect


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

    def relay_log(self) -> str:
        """What the mail server's log says of the day, as a sentence with numbers."""

    def scan(self) -> list[Scanned]:
        """A virus scan of every machine that is here."""

    def stand_guard(self) -> str:
        """Install the standing rule and start the watch. Returns the rule as the kernel has it, in short."""

    def quiet(self) -> tuple[float, int]:
        """Wait and watch. Returns seconds and how many undeclared attempts there were."""

    def laptop_joins(self) -> str:
        """The laptop comes home and takes a lease. Returns its address."""

    def wait_named(self) -> tuple[Suspect, float]:
        """The suspect, and seconds from its first packet on a mail port to the name."""

    def wait_held(self) -> tuple[Decision, float, float]:
        """The verified hold; milliseconds from the deciding packet; seconds since the laptop joined."""

    def leaked(self) -> int:
        """How many of the laptop's messages reached anybody since the rule stood."""

    def ask_removals(self) -> list[tuple[str, str]]:
        """Ask where asking is right; (list, answer)."""

    def wait_clear(self) -> Iterator[tuple[float, Listing]]:
        """Lists as they drop the address; (days of list time since the hold, the new answer)."""

    def report(self) -> str:
        """Write the report and the evidence; returns the folder."""

    def release(self) -> str:
        """Take the hold back and show that it is gone."""


def play(stage: Stage, tell: Callable[[Beat], None]) -> bool:
    """Play it all. True when the device was named, held and verified, and every list cleared."""

    def say(what: str, text: str, *, good: bool | None = None) -> None:
        tell(Beat(stage.clock(), what, text, good))

    trapped = stage.evening_before()
    say("before", f"a laptop spent an evening here; {trapped} of its messages reached a spam trap")
    _notice(stage, say)
    _look(stage, say)
    held = _catch(stage, say)
    cleared = _recover(stage, say)
    say("report", f"the evidence and the report are in {stage.report()}", good=True)
    return held and cleared


def _notice(stage: Stage, say: Callable[..., None]) -> None:
    mailed = stage.office_mail()
    say("mail", f"{mailed.sent} messages sent, {mailed.delivered} delivered, {len(mailed.refusals)} refused")
    if mailed.refusals:
        say("mail", f"“{mailed.refusals[0].quote}”", good=False)
    say("mail", mailed.in_common, good=False)
    listed = [listing for listing in stage.ask_lists() if listing.state == "listed"]
    for listing in listed:
        say("lists", f"listed on {listing.list}: {listing.meaning}", good=False)
    say(
        "lists", f"{listed[0].address} is on {len(listed)} lists" if listed else "on no list", good=not listed
    )


def _look(stage: Stage, say: Callable[..., None]) -> None:
    say("relay", stage.relay_log(), good=True)
    for scanned in stage.scan():
        result = ", ".join(scanned.infected) or "clean"
        say(
            "scan",
            f"{scanned.machine}: {scanned.files} files, {scanned.engine}: {result}",
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
        f"{device.hostname or 'no host name'} · {device.address} · {device.mac} · {device.vendor or 'maker unknown'}",
        good=False,
    )
    say("named", f"{suspect.because}; {named_after:.3f} s after its first packet")
    decision, decided_ms, joined_s = stage.wait_held()
    say(
        "held",
        f"{decision.state} in {decided_ms:.2f} ms, {joined_s:.1f} s after it joined; undo: {decision.undo}",
        good=decision.state == "verified",
    )
    leaked = stage.leaked()
    say("held", f"{leaked} of its messages got out since the rule stood", good=leaked == 0)
    mailed = stage.office_mail()
    say("others", f"the others work on: {mailed.delivered} of {mailed.sent} messages delivered meanwhile")
    return decision.state == "verified"


def _recover(stage: Stage, say: Callable[..., None]) -> bool:
    for name, answer in stage.ask_removals():
        say("delist", f"{name}: {answer}")
    for days, listing in stage.wait_clear():
        say("clear", f"{listing.list} is {listing.state} after {days:.1f} days of list time", good=True)
    left = [listing.list for listing in stage.ask_lists() if listing.state != "clear"]
    say(
        "clear",
        f"still listed or unknown: {', '.join(left)}" if left else "every list says clear",
        good=not left,
    )
    if not left:
        mailed = stage.office_mail()
        say("mail", f"{mailed.sent} messages sent, {mailed.delivered} delivered, {len(mailed.refusals)} refused",
            good=not mailed.refusals)  # fmt: skip
    return not left
