"""Read a folder of whatever you have and print one page: why, which lists, which device, what next.

Bounces (eml, mbox, Maildir, pasted replies), gateway logs, DHCP leases, the mail server's log, flow
records, saved `unlisted check --json`: each file is recognized by its content. Asks no network.
Exit code: 0 nothing found, 1 something found, 3 nothing could be told.
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unlisted.case import Case, Source, Unread
    from unlisted.diagnose.signs import Span
    from unlisted.edge.folder import Gathered
    from unlisted.find.rank import Findings
    from unlisted.messages import Suspect

HELP = "the main job: a folder of evidence to cause, culprit and next step"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `investigate` takes."""
    parser.add_argument("folder", metavar="FOLDER", help="a folder (or a file) of evidence")
    parser.add_argument("--own", action="append", default=[], metavar="ADDR", help="our public address")
    parser.add_argument("--inside", action="append", default=[], metavar="NET", help="our own network")
    parser.add_argument(
        "--sender", action="append", default=[], metavar="ADDR|MAC", help="an honest mail sender"
    )
    parser.add_argument("--no-save", action="store_true", help="do not keep the case in the store")


def run(args: argparse.Namespace) -> int:
    """Gather, investigate, show, keep."""
    import os

    from msgspec import structs

    from unlisted import config
    from unlisted.cli import _given
    from unlisted.diagnose.investigate import Material, investigate
    from unlisted.edge import folder
    from unlisted.edge.progress import bar
    from unlisted.find import rank

    settings = config.load(args.config)
    _given.sources([args.folder])
    own = (*settings.own, *_given.addresses("--own", args.own))
    inside = _given.inside(args.inside, settings.inside)
    senders = (*settings.senders, *_given.senders("--sender", args.sender))
    gathered = folder.gather([args.folder], bar, own=own, mails=True)
    gathered.inward(inside)
    found = rank.judge(
        gathered.flows, gathered.who, rank.Setting(inside, own, senders, settings.roles), gathered.sent()
    )
    case = investigate(
        Material(
            refusals=tuple(gathered.refusals),
            listings=tuple(gathered.listings),
            deliveries=tuple(gathered.deliveries),
            submissions=tuple(gathered.submissions),
            leases=tuple(gathered.leases),
            suspects=_quoted(found),
            attempts=_span(gathered),
            told=found.told and gathered.has("gateway", "flows", "translations"),
            has_mail_log=gathered.has("maillogs"),
            outer=found.outer,
            own=own,
            inside=inside,
            unread=_unread(gathered),
            folder=args.folder if os.path.isdir(args.folder) else os.path.dirname(args.folder) or ".",
        )
    )
    case = structs.replace(case, sources=_sources(gathered, args.folder), notes=tuple(found.notes))
    return _answer(case, gathered, args)


def _answer(case: "Case", gathered: "Gathered", args: argparse.Namespace) -> int:
    """Print the case, keep it, and say by the exit code what it came to."""
    from unlisted import page, show

    guilty = any(suspect.verdict != "honest" for suspect in case.suspects)
    about_us = [
        r for r in case.refusals if r.verdict in ("our-address", "our-domain", "our-setup", "private-list")
    ]
    listed = any(listing.state == "listed" for listing in case.listings)
    told = any(reading.kind and reading.understood for reading in gathered.readings)
    answered = case.weighed or case.suspects or case.refusals or case.listings
    if told and not args.no_save:
        _save(case, args)  # before it is shown: `| head` closes the page early
    if args.json:
        show.emit(case)
    else:
        show.page(page.render(case))
    if not told:
        show.say(
            "nothing in there could be read as evidence: bounces, gateway logs, leases, mail logs, flows"
        )
        return 3
    if not args.no_save:
        show.say(f"kept as case {case.id}: unlisted report {case.id}")
    return 1 if guilty or about_us or listed else 0 if answered else 3


def _save(case: "Case", args: argparse.Namespace) -> None:
    """Keep the case for `report` and `delist`; a store that cannot be written is said and no more."""
    from unlisted import codec, config, show
    from unlisted.edge.store import Store
    from unlisted.errors import UnlistedError

    try:
        with Store(config.load(args.config).store) as store:
            store.add_many(listing for listing in case.listings if listing.state != "unknown")
            store.save_case(case.id, codec.encode(case))
    except UnlistedError as error:
        args.no_save = True
        show.say(f"the case was not kept: {error.what}")


def _quoted(found: "Findings") -> "tuple[Suspect, ...]":
    """Suspects with the lines that convinced us read back from their files; the honest need none."""
    from msgspec import structs

    from unlisted.edge.quoted import quoted

    suspects = (
        one if one.verdict != "honest" else structs.replace(one, evidence=()) for one in found.suspects
    )
    return tuple(quoted(list(suspects)))


def _span(gathered: "Gathered") -> "Span | None":
    """The time that gateway logs and flow records cover, by their attempts."""
    from unlisted.diagnose.signs import Span

    flows = gathered.flows
    return Span(float(flows.at.min()) / 1e6, float(flows.at.max()) / 1e6) if flows.size else None


def _short(path: str, folder: str) -> str:
    """The path as seen from the folder that the person named."""
    import os

    return os.path.relpath(path, folder) if os.path.isdir(folder) else path


def _sources(gathered: "Gathered", folder: str) -> "tuple[Source, ...]":
    """What was read, for the page: mails of one folder on one line."""
    import os

    from unlisted.case import Source

    sources = [
        Source(_short(r.path, folder), r.format, r.lines, r.unknown, r.assumed)
        for r in gathered.readings
        if r.kind and r.kind != "mail"
    ]
    folders: dict[str, list[int]] = {}
    for reading in gathered.readings:
        if reading.kind == "mail":
            where = os.path.dirname(_short(reading.path, folder)) or "."
            folders.setdefault(where, []).append(reading.understood)
    for name, counts in folders.items():
        sources.append(Source(name, f"mail: {len(counts):,} files, {sum(counts):,} refusals or reports"))
    return tuple(sources)


def _unread(gathered: "Gathered") -> "tuple[Unread, ...]":
    """Every file that was not read, or not wholly."""
    from unlisted.case import Unread

    files = [
        Unread(r.path, r.trouble or "not understood", 0) for r in gathered.readings if r.trouble or not r.kind
    ]
    lines = [
        Unread(r.path, f"lines not understood, such as: {r.samples[0] if r.samples else ''}", r.unknown)
        for r in gathered.readings
        if r.kind and r.unknown
    ]
    return (*files, *lines, *(Unread(item.source, item.why) for item in gathered.unread))
