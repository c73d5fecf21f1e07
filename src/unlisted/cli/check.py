"""Asks the blocklists about addresses: listed, clear, or unknown with the reason why.

Without an address it asks about your own: `own` in the configuration, else what this machine and its router
(NAT-PMP, UPnP) say it is; nobody outside is asked for that unless you name whom (--stun, --own-name). A range
(203.0.113.0/28) is every address in it; a domain name goes to the lists of domains. Every list is first asked
about its own test points, so that neither a dead list nor a lying resolver is believed.
Exit codes: 0 nothing listed, 1 listed, 2 wrong use, 3 could not tell.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from unlisted import show
from unlisted.cli import _own, _subjects, _words, unsure
from unlisted.errors import UnlistedError
from unlisted.messages import Listing

if TYPE_CHECKING:
    from unlisted.config import Config
    from unlisted.edge.recheck import Rounds
    from unlisted.edge.store import Store
    from unlisted.net import Address

HELP = "ask every blocklist about your address"
PLUGIN = "--nagios"  # where it is given, wrong use is UNKNOWN for the monitor that reads the line

TIMEOUT = 5.0  # seconds for all of it; an honest list answers within one
MOVED = 900.0  # seconds between two looks whether a provider has given us another address
STOPPED = 130  # exit code after ^C, as shells have it
PER_SECOND = 2000  # questions that a small resolver bears; a range gets that much more time
MOST_ALIKE = 1000  # JSON lines remembered but for their address


class Row(Struct, frozen=True):
    """What `check --json` promises, a line for each address and list, as soon as it is known."""

    address: str
    list: str
    zone: str
    state: str
    codes: tuple[str, ...]
    meaning: str
    reason: str
    why: str
    scope: str
    removal: str
    weight: float
    since: float | None = None  # listed without a break since then, as far as was looked (Unix seconds)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `check` takes."""
    parser.add_argument(
        "address",
        nargs="*",
        metavar="ADDR",
        help="address, range (CIDR or FIRST-LAST), domain, @FILE, or - for stdin (default: your own)",
    )
    parser.add_argument(
        "--zone",
        action="append",
        default=[],
        metavar="ZONE",
        help="ask this list only, by its zone, key or name (may be repeated)",
    )
    parser.add_argument(
        "--resolver", metavar="ADDR[:PORT]", help="ask through this resolver, not the system's"
    )
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", help=f"seconds for all of it (default {TIMEOUT:g})"
    )
    _own.arguments(parser)
    parser.add_argument(
        "--helo", metavar="NAME", type=_helo, help="the name that your mail server says at HELO"
    )
    parser.add_argument("--no-save", action="store_true", help="do not remember the answers for `delist`")
    parser.add_argument(
        "--offline",
        action="append",
        default=[],
        metavar="FILE",
        help="ask nobody, look into this list file (may be repeated)",
    )
    parser.add_argument("--watch", action="store_true", help="go on asking, each list as often as it bears")
    parser.add_argument(
        "--nagios", action="store_true", help="one line and the exit codes of a Nagios or Icinga plugin"
    )
    parser.add_argument("--metrics", action="store_true", help="gauges in Prometheus' text format")


def run(args: argparse.Namespace) -> int:
    """Ask, show, remember."""
    if not args.nagios:
        return _run(args)
    try:
        return _run(args)
    except UnlistedError as error:
        # A plugin's wrong use is UNKNOWN; our own code 2 would be CRITICAL there.
        return unsure(error.what)


# What does not go together, and the mend.
_APART = (
    (("offline", "nagios"), "--offline FILE --json: exit code 1 is listed, 0 is not"),
    (("offline", "metrics"), "--offline FILE --json, and count its lines"),
    (("offline", "watch"), "--offline FILE from cron"),
    (("offline", "zone"), "--offline FILE asks nobody: leave out --zone"),
    (("offline", "resolver"), "--offline FILE asks nobody: leave out --resolver"),
    (("watch", "nagios"), "--nagios: the monitor asks when it likes"),
    (("watch", "metrics"), "--metrics from cron, or a timer"),
    (("nagios", "metrics"), "--nagios"),
    (("nagios", "json"), "--nagios for a monitor, or --json for programs"),
    (("metrics", "json"), "--metrics, or --json"),
)


def _run(args: argparse.Namespace) -> int:
    for (one, other), mend in _APART:
        if getattr(args, one) and getattr(args, other) not in (None, False, []):
            raise UnlistedError(f"--{one} and --{other} do not go together", remedy=mend, code=2)
    if args.resolver is not None and not args.resolver.strip():
        raise UnlistedError(
            "--resolver is empty", remedy="--resolver ADDR[:PORT], or leave it out for the system's", code=2
        )
    if args.offline:
        # NumPy would start threads for a linear algebra that nobody asks for: 0.05 s.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from unlisted.cli import _offline

        return _offline.run(args)
    args.address = _words.spread(args.address)
    return _asked(args)


def _asked(args: argparse.Namespace) -> int:
    from unlisted import config

    settings = config.load(args.config)
    own = () if args.address else _own.found(args, settings)
    with _memory(settings.store, keep=not args.no_save) as store:
        rounds = _rounds(args, settings, own, store)
        code = _show(args, rounds)
        while args.watch and code != STOPPED:
            if sys.stderr.isatty():
                show.say(_goes_on(rounds))
            rounds.wait()
            before, own = own, _own.again(args, settings, own)
            if own != before:
                rounds = _rounds(args, settings, own, store)
                code = _show(args, rounds)
            elif rounds.ripe:
                code = _show(args, rounds) if args.json else _again(rounds)
        return code


def _goes_on(rounds: "Rounds") -> str:
    """What a watch does while nothing is seen of it."""
    from unlisted.edge.survey import now

    at, some = rounds.ahead
    return f"going on: {show.count(some, 'list')} next, at {show.when(now() + at)}; ^C ends it"


def _rounds(
    args: argparse.Namespace, settings: "Config", own: "tuple[Address, ...]", store: "Store | None"
) -> "Rounds":
    """Who is asked about whom, and for how long at most."""
    from unlisted.edge import recheck, resolver
    from unlisted.edge.survey import FEW, MOST_NAMED
    from unlisted.edge.sweep import pace
    from unlisted.notice import dnsbl, lists

    catalogue = lists.load().with_keys(settings.keys)
    subjects = _subjects.wanted(args.address, own, args.zone, catalogue)
    named = list(
        {one.zone: one for one in (_subjects.listed(zone, catalogue) for zone in args.zone)}.values()
    )
    kinds = dict.fromkeys(dnsbl.kind_of(subject) for subject in subjects)
    entries = named or list({entry.key: entry for kind in kinds for entry in catalogue.live(kind)}.values())
    entries = _subjects.bearing(entries, len(subjects), named=bool(named))
    named_resolver = args.resolver or settings.resolver
    servers = (resolver.parse(named_resolver),) if named_resolver else resolver.system()
    slowest = min((bears for one in entries if (bears := pace(one))), default=PER_SECOND)
    spent = max(len(subjects) * len(entries) / PER_SECOND, (len(subjects) - 1) / slowest)
    timeout = args.timeout or TIMEOUT + spent + (TIMEOUT if len(subjects) > FEW else 0)
    if len(subjects) > 1 and not args.nagios:
        names = sum(isinstance(one, str) for one in subjects.singles)
        some = ((len(subjects) - names, "address", "addresses"), (names, "domain", "domains"))
        many = " and ".join(show.count(*one) for one in some if one[0])
        asked = sum(entry.asked for entry in entries)
        show.say(f"asking {show.count(asked, 'list')} about {many}, at most {_span(timeout)}")
        if len(subjects) > MOST_NAMED:
            show.say(f"  reverse DNS is not looked up of more than {MOST_NAMED:,}")
    if "domain" in kinds and not (args.nagios or named):
        show.say("  lists of domains hold names; those of addresses are asked by: unlisted check ADDR")
    rounds = recheck.Rounds(
        subjects, entries, servers, timeout, store, named=bool(named), helo=args.helo or ""
    )
    if not args.address:
        rounds.patience = MOVED
    return rounds


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 60:.0f} minutes"


def _again(rounds: "Rounds") -> int:
    """A later look of a watch, for people: what is otherwise than before, and nothing else."""
    from unlisted import standing

    entries = {entry.key: entry for entry in rounds.entries}
    made = rounds.once()
    asked = len({one.said.list for one in made.found.told})
    told = standing.changes(made.changes, entries, made.last) or ["nothing has changed"]
    for line in told:
        sys.stdout.write(f"{show.when(made.at)}: {show.count(asked, 'list')} asked, {line}\n")
    sys.stdout.flush()
    _say_trouble(made.found.trouble)
    return STOPPED if made.found.stopped else 0


def _say_trouble(trouble: str) -> None:
    if trouble:
        show.say(f"unlisted: {show.clean(trouble)}\n  try: another resolver, --resolver ADDR[:PORT]")


def _show(args: argparse.Namespace, rounds: "Rounds") -> int:
    """One look, in the form that was asked for; returns its exit code."""
    from unlisted import standing

    entries = {entry.key: entry for entry in rounds.entries}
    rows = args.json
    bar = not args.nagios and sys.stderr.isatty() and not (rows and sys.stdout.isatty())
    progress = _Progress(rounds.most) if bar else None

    lines = _Rows()

    def beat(done: int) -> None:
        lines.flush()
        if progress:
            progress.reach(done)

    made = rounds.once(lines.tell if rows else None, beat)
    lines.flush()
    if progress:
        progress.end()
    code = standing.verdict(made.found.told)
    if args.nagios:
        code, line = standing.nagios(made.found)
        sys.stdout.write(f"{line}\n")
    elif args.metrics:
        sys.stdout.write(standing.metrics(made.found, made.since, made.at))
    elif not rows:
        standing.render(made.found, entries, show.console(), since=made.since, helo=rounds.helo)
    sys.stdout.flush()
    for line in standing.changes(made.changes, entries, made.last):
        show.say(line)
    if not args.nagios:
        _say_trouble(made.found.trouble)
    if made.found.stopped:
        count = sum(one.count for one in made.found.told)
        show.say(f"unlisted: stopped after {count:,} of {rounds.most:,} answers; what they say stands")
        return STOPPED
    return code


class _Rows:
    """Verdicts as JSON lines; those that differ in their address only are encoded once."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[Listing, str, str]] = {}
        self.lines: list[str] = []

    def tell(self, one: Listing, who: str, since: float | None) -> None:
        if one.state == "listed":
            self.lines.append(f"{show.line(_row(one, since))}\n")
            return
        around = self.known.get(id(one))
        if around is None:
            if len(self.known) >= MOST_ALIKE:
                self.known.clear()
            before, _, after = show.line(_row(structs.replace(one, address=""), None)).partition('""')
            around = self.known[id(one)] = one, f'{before}"', f'"{after}\n'
        self.lines.append(f"{around[1]}{who}{around[2]}")  # an address or a host's name: nothing to escape

    def flush(self) -> None:
        """What was told goes out, and to whoever reads it."""
        lines, self.lines = self.lines, []
        sys.stdout.write("".join(lines))
        sys.stdout.flush()


class _Progress:
    """How far a look has come, in place, on a terminal: every hundredth answer of many."""

    def __init__(self, most: int) -> None:
        self.most, self.next, self.step = most, 0, max(1, most // 100)

    def reach(self, done: int) -> None:
        if done >= self.next:
            self.next = done + self.step
            sys.stderr.write(f"\r{done:,} of {self.most:,} answers")
            sys.stderr.flush()

    def end(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


@contextmanager
def _memory(path: str, *, keep: bool) -> "Iterator[Store | None]":
    """The store, or none where it cannot be used: the lists are asked all the same."""
    from unlisted.edge.store import Store

    try:
        store = Store(path) if keep else None
    except UnlistedError as error:
        show.say(f"not remembered: {error.what}\n  try: {error.remedy or '--no-save'}")
        store = None
    with store or nullcontext():
        yield store


def _helo(text: str) -> str:
    """argparse's reader of --helo: any name that a server may say, also one that it should not."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f.:IPv]{3,45}\]", text):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no HELO name: give it as in mail.example.com")
    return text.lower().rstrip(".")


def _seconds(text: str) -> float:
    """argparse's reader of --timeout."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no time: give seconds, more than 0, at most 3600")
    return value


def _row(listing: Listing, since: float | None) -> Row:
    told = (since or listing.at) if listing.state == "listed" else None
    fields = [name for name in Row.__struct_fields__ if name != "since"]
    return Row(**{name: getattr(listing, name) for name in fields}, since=told)
