"""The one page: a case as lines of text, severity first, the next step last.

Pure: lines with a style each, so that a test can read them and a terminal can color them. No meaning
rests on color. Everything from outside has gone through `show.clean`.
"""

from collections.abc import Iterator

from msgspec import Struct

from unlisted import show
from unlisted.case import Case, Source, Unread
from unlisted.diagnose import causes
from unlisted.messages import Listing, Suspect

QUOTES = 4  # lines of evidence on the page; the rest is in --json and in the report
FILES = 20  # named one by one on the page
SETTLED = 0.5  # below, no cause is likelier than all the others together
LIKELY = 0.05  # causes below this are not worth a person's time tonight


class Line(Struct, frozen=True):
    """One line of the page. Style: title, bad, good, dim, command or plain."""

    text: str
    style: str = "plain"
    indent: int = 2
    hang: int = 0  # further indent of the rows after the first


def render(case: Case) -> list[Line]:
    """The whole page."""
    own = ", ".join(str(address) for address in case.own) or "not known yet (--own ADDR)"
    return [
        Line(f"case {case.id}   public address {own}", "title", 0),
        *_read(case.sources, len(case.unread)),
        *_why(case),
        *_lists(case.listings),
        *_causes(case),
        *_devices(case.suspects),
        *(Line(show.clean(note), "dim") for note in case.notes),
        *_holds(case),
        *_unread(case.unread),
        *_next(case),
    ]


def _read(sources: tuple[Source, ...], unread: int) -> Iterator[Line]:
    yield Line("What was read", "title", 0)
    shown = sorted(sources, key=lambda source: -source.lines)[:FILES] if len(sources) > FILES else sources
    width = max((len(show.clean(source.source, 60)) for source in shown), default=0)
    for source in shown:
        lines = f", {show.count(source.lines, 'line')}" if source.lines else ""
        missed = f", {source.not_understood:,} not understood" if source.not_understood else ""
        yield Line(f"{show.clean(source.source, 60):<{width}}  {source.what}{lines}{missed}")
    if len(sources) > FILES:
        yield Line(f"and {len(sources) - FILES} smaller ones; --json has them all", "dim")
    for assumed in dict.fromkeys(sentence for source in sources for sentence in source.assumed):
        yield Line(f"assumed: {assumed}", "dim", 4)
    if not sources:
        yield Line("nothing", "bad")
    if unread:
        yield Line(f"{show.count(unread, 'other')} not read, or not wholly: see below", "bad")


def _unread(unread: tuple[Unread, ...]) -> Iterator[Line]:
    """Behind the answer: on a mess these are many, and above it they would bury it."""
    if unread:
        yield Line("Not read, or not wholly", "title", 0)
    for item in unread[:FILES]:
        yield Line(
            f"{_end(item.source)}: {show.clean(item.why, 200)}", "dim" if item.lines else "bad", hang=2
        )
    if len(unread) > FILES:
        yield Line(f"and {len(unread) - FILES} more; --json has them all", "bad")


def _end(path: str) -> str:
    """A path with its end, which is the file's name, where it is too long."""
    shown = show.clean(path, 1000)
    return shown if len(shown) <= 60 else "…" + shown[-59:]


def _why(case: Case) -> Iterator[Line]:
    yield Line("What the refusals have in common", "title", 0)
    yield Line(show.clean(case.in_common) or "no refusal was found")
    for text in case.advice:
        yield Line(f"about them: {show.clean(text)}", hang=2)
    if case.mail_log:
        yield Line(show.clean(case.mail_log))
    for gate in case.gates:
        if gate.state == "stop":
            yield Line(f"{gate.gate}? {show.clean(gate.because)}", "bad")


def _lists(listings: tuple[Listing, ...]) -> Iterator[Line]:
    yield Line("The lists", "title", 0)
    order = {"listed": 0, "unknown": 1, "clear": 2}
    clear = [listing for listing in listings if listing.state == "clear"]
    for listing in sorted(listings, key=lambda one: (order[one.state], -one.weight)):
        if listing.state == "clear":
            continue
        what = listing.meaning or listing.reason or listing.why
        style = "bad" if listing.state == "listed" else "dim"
        name = listing.list or listing.zone
        if listing.state == "listed" and listing.why:
            what = f"{what} ({listing.why})"
        yield Line(
            f"{listing.state.upper():<8} {name}: {listing.address}: {show.clean(what, 200)}", style, hang=9
        )
        if listing.removal and listing.state == "listed":
            yield Line(f"off it: {show.clean(listing.removal, 200)}", "dim", 11)
    if clear:
        yield Line(f"clear on {', '.join(sorted(one.list or one.zone for one in clear))}", "good")
    if not listings:
        yield Line("none was asked and no refusal names one")


def _causes(case: Case) -> Iterator[Line]:
    yield Line("Why, likeliest first", "title", 0)
    if not case.weighed:
        yield Line("nothing was found that would tell one cause from another")
        return
    known = causes.load().cause
    likely = [cause for cause in case.causes if cause.probability >= LIKELY] or list(case.causes[:1])
    told = ""
    for cause in likely[:4]:
        yield Line(f"{cause.probability:>4.0%}  {known[cause.cause].title}", hang=6)
        yield Line("the same speaks for it" if cause.because == told else show.clean(cause.because), "dim", 8)
        told = cause.because
    if case.causes and case.causes[0].probability < SETTLED:
        yield Line("not settled: the step that would settle it comes first under Next", "bad")


def _devices(suspects: tuple[Suspect, ...]) -> Iterator[Line]:
    yield Line("The device", "title", 0)
    guilty = [suspect for suspect in suspects if suspect.verdict != "honest"]
    for suspect in guilty:
        device = suspect.device
        name = show.clean(device.hostname, 60) or "no host name"
        yield Line(f"{suspect.verdict.upper()}  {name}", "bad")
        yield Line(f"address {device.address}   MAC {device.mac or 'not in this evidence'}", "plain", 4)
        vendor = show.clean(device.vendor, 60) or "not known"
        yield Line(f"vendor {vendor}", "plain", 4)
        yield Line(f"first seen {show.when(device.first_seen) or 'not known'}", "plain", 4)
        yield Line(show.clean(suspect.because, 800), "plain", 4)
        for evidence in suspect.evidence[:QUOTES]:
            where = show.clean(evidence.source, 60) + (f":{evidence.line}" if evidence.line else "")
            yield Line(f"{where}  {show.clean(evidence.text, 300)}", "dim", 4)
    if not guilty:
        yield Line("none named: no gateway log, flow record or capture here shows one")


def _holds(case: Case) -> Iterator[Line]:
    if case.decisions:
        yield Line("Held", "title", 0)
    for decision in case.decisions:
        until = f"{show.when(decision.made_at)} to {show.when(decision.expires_at)}"
        yield Line(f"{decision.state}: {decision.device.key}, {until}, by {show.clean(decision.by, 60)}")
        if decision.undo and decision.state in ("applied", "verified"):
            yield Line(decision.undo, "command", 4)


def _next(case: Case) -> Iterator[Line]:
    yield Line("Next", "title", 0)
    for number, step in enumerate(case.next, 1):
        yield Line(f"{number}. {show.clean(step.step)}", hang=3)
        yield Line(show.clean(step.command), "command", 5)
    if not case.next:
        yield Line("nothing more that we could name")
