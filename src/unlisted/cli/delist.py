"""The way off each list that `unlisted check` found: whether to ask, when, where, and what to say.

No removal is proposed before its gate: the cause held and seen to be, quiet for as long as the list
wants, nothing higher in the way. Reads the store; asks nobody.
Exit codes: 0 nothing to do, 1 removals open, 2 wrong use, 3 nothing known.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from unlisted import net, show
from unlisted.errors import ConfigError, UnlistedError
from unlisted.messages import Listing
from unlisted.recover import quiet, removal
from unlisted.recover.quiet import Containment
from unlisted.recover.removal import Removal

if TYPE_CHECKING:
    from rich.console import Console

HELP = "the way off each list: when to ask, where, and what to say"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `delist` takes."""
    parser.add_argument("--address", metavar="ADDR", help="this address only")
    parser.add_argument(
        "--contained", metavar="TIME", help="the cause has ended since this time (2026-11-23T20:00, UTC)"
    )


def run(args: argparse.Namespace) -> int:
    """Plan and show."""
    from unlisted import config
    from unlisted.edge.store import Store
    from unlisted.edge.survey import now

    settings = config.load(args.config)
    at = now()
    address = _address(args.address)
    said = _moment(args.contained, at)
    with Store(settings.store) as store:
        listings = store.listings(*filter(None, [address]))
        decisions = store.decisions()
        leak = quiet.last_leak(store.attempts(), settings.senders, settings.inside)
        watched = max((attempt.at for attempt in store.attempts()), default=None)
    if not listings:
        raise UnlistedError(
            "nothing is known of any list" + (f" about {address}" if address else ""),
            remedy=f"unlisted check {address or 'ADDR'}",
        )
    held = Containment(said, what=_ENDED) if said is not None else quiet.contained(decisions, at)
    rows = plan(listings, held, leak, at, watched=watched)
    if args.json:
        for row in rows:
            show.emit(row)
    else:
        render(rows, held, show.console())
    return 1 if any(row.state in removal.OPEN for row in rows) else 0


# Only what the person said: that it ended. Who sent, and how it was found, nobody told.
_ENDED = "unwanted mail left this address, and its cause has ended"


def plan(
    listings: Sequence[Listing], held: Containment, leak: float | None, at: float, *, watched: float | None
) -> list[Removal]:
    """A row for every list that was ever asked, those that need somebody first."""
    from unlisted.notice import lists

    catalogue = lists.load()
    rows = []
    for one in listings:
        entry = catalogue.find(one.list) or lists.stranger(one.zone)
        rows.append(
            removal.plan(
                one,
                entry,
                contained_at=held.at,
                last_attempt=leak,
                now=at,
                what=held.what,
                why_open=held.why,
                watched=watched,
            )
        )
    return removal.order(rows)


def _address(text: str | None) -> str | None:
    """As the store spells it: an address, or a domain name as it stands."""
    if text is None:
        return None
    from unlisted.notice import dnsbl

    if (address := net.ip(text)) is not None:
        return str(address)
    if name := dnsbl.hostname(text):
        return name
    raise ConfigError(
        f"{show.clean(text, 80)!r} is no address", remedy="unlisted delist --address 203.0.113.7"
    )


def _moment(text: str | None, at: float) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{show.clean(text, 40)!r} is no time", remedy="write it as 2026-11-23T20:00 (UTC)"
        ) from None
    if value > at:
        raise ConfigError(f"{text} lies in the future", remedy="give the time at which the cause ended (UTC)")
    return value


def render(rows: Sequence[Removal], held: Containment, console: "Console") -> None:
    """For people: one block a list, the next step last."""
    done = [row for row in rows if row.state == "cleared"]
    for row in rows:
        if row.state != "cleared":
            _block(row, console)
    if done:
        console.print(f"clear: {', '.join(sorted({row.list for row in done}))}")
    console.print(_next(rows, held), soft_wrap=True)


_WORDS = {
    "wait": "NOT YET",
    "ready": "ASK NOW",
    "asked": "ASKED, WAIT",
    "countdown": "EXPIRES BY ITSELF",
    "provider": "ONLY THE PROVIDER CAN ASK",
    "none": "NO WAY KNOWN",
    "neighbor": "NOT ABOUT YOU",
    "unknown": "NOT KNOWN",
}


def _block(row: Removal, console: "Console") -> None:
    console.print(f"{row.address} on {show.clean(row.list)}: {_WORDS[row.state]}")
    if row.why_not_yet:
        console.print(f"  because  {show.clean(row.why_not_yet)}")
    if row.earliest is not None and row.state != "ready":
        console.print(
            f"  {'ends' if row.state == 'countdown' else 'not before':<10} {show.when(row.earliest)}"
        )
    if row.url:
        console.print(f"  where    {show.clean(row.url)}", soft_wrap=True)
    if row.text and row.state in ("ready", "provider"):
        console.print("  say")
        for line in row.text.splitlines():
            console.print(f"    {show.clean(line)}")
    console.print()


def _next(rows: Sequence[Removal], held: Containment) -> str:
    """The last line: what to do now."""
    if not any(row.state in removal.OPEN for row in rows):
        return "next: nothing to ask; look again with unlisted check"
    if held.at is None and any(row.state in ("wait", "countdown", "provider") for row in rows):
        return f"next: {held.why}: unlisted find GATEWAY-LOG names it, unlisted hold DEVICE holds it"
    if any(row.state == "ready" for row in rows):
        return "next: ask where it says ASK NOW, once each; then unlisted check"
    return "next: keep it quiet; look again with unlisted check"
