"""Write the pack about a case: a page to read, the case as data, a XARF report, and hashes of all.

xarf.json is what a provider's abuse desk reads by machine; --contact names whom it may answer.
"""

import argparse
from pathlib import Path

from unlisted import codec, config, show
from unlisted.case import Case, with_decision
from unlisted.errors import UnlistedError

HELP = "the pack about a case for the owner, the IT department, the provider"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `report` takes."""
    parser.add_argument(
        "case", metavar="CASE", nargs="?", help="a case of `investigate` (default: the newest)"
    )
    parser.add_argument("--out", metavar="FOLDER", help="where to write it (default: report-CASE)")
    parser.add_argument("--contact", metavar="MAIL", default="", help="your mail address in xarf.json")
    parser.add_argument("--org", metavar="NAME", default="", help="who you are, in xarf.json")


def run(args: argparse.Namespace) -> int:
    """Write the pack; exit 3 when there is no such case."""
    from unlisted.edge.store import Store
    from unlisted.recover import report, xarf

    by = (
        xarf.contact(args.contact, args.org) if args.contact else xarf.Contact(args.org or xarf.Contact().org)
    )
    if by is None:
        raise UnlistedError(
            f"--contact {args.contact[:80]!r} is no mail address", remedy="--contact you@your.domain", code=2
        )
    with Store(config.load(args.config).store) as store:
        known = store.cases()
        name = args.case or (known[0] if known else "")  # the last saved comes first
        saved = store.case(name) if name else None
        decisions = store.decisions()
    if saved is None:
        raise UnlistedError(
            f"there is no case {name!r}" if name else "there is no case yet",
            remedy=f"one of {', '.join(known[:5])}" if known else "unlisted investigate FOLDER",
        )
    case = codec.decode(saved, Case)
    suspects = {suspect.device.key for suspect in case.suspects if suspect.verdict != "honest"}
    for decision in decisions:
        if decision.device.key in suspects:
            case = with_decision(case, decision)
    if args.json:
        show.emit(case)
        return 0
    folder = Path(args.out or f"report-{case.id}")
    if (folder / "report.html").exists() and not (folder / "SHA256SUMS").exists():
        raise UnlistedError(
            f"{show.clean(str(folder))} holds a report.html that is not mine", remedy="--out FOLDER", code=2
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pack = report.pack(case, by)
        for file, content in pack.items():
            (folder / file).write_bytes(content)
    except OSError as error:
        raise UnlistedError(f"cannot write the report: {error}", remedy="--out FOLDER", code=4) from None
    show.say(f"written: {folder}/{', '.join(pack)}")
    if "xarf.json" not in pack:
        show.say(
            "no xarf.json: the case tells no address with a time (unlisted investigate FOLDER --own ADDR)"
        )
    elif not args.contact:
        show.say("xarf.json names nobody to answer: --contact you@your.domain")
    return 0
