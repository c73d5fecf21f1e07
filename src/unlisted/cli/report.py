"""Write the pack about a case: a page to read, the case as data, and hashes that prove them unchanged."""

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


def run(args: argparse.Namespace) -> int:
    """Write the pack; exit 3 when there is no such case."""
    from unlisted.edge.store import Store
    from unlisted.recover import report

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
        for file, content in report.pack(case).items():
            (folder / file).write_bytes(content)
    except OSError as error:
        raise UnlistedError(f"cannot write the report: {error}", remedy="--out FOLDER", code=4) from None
    show.say(f"written: {folder}/report.html, case.json, SHA256SUMS")
    return 0
