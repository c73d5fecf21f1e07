"""Play the whole story on this machine: bounces, lists, the hunt, the hold, the removal.

As root on Linux it plays in a real small office made of network namespaces, and every line is measured
from running programs. Elsewhere, or with --simulated, the same engine plays it simulated and says so.
Exit code: 0 the story ended as it should, 3 it did not.
"""

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HELP = "the whole story on this machine, in about a minute"

SIGNS = {True: ("+", "green"), False: ("!", "red"), None: (" ", "")}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `demo` takes."""
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="lists forget X times faster")
    parser.add_argument("--seed", type=int, default=1, help="the rogue's dice")
    parser.add_argument("--keep", action="store_true", help="leave the lab up until Ctrl-C")
    parser.add_argument(
        "--simulated", action="store_true", help="play it simulated even where the lab could run"
    )
    parser.add_argument(
        "--evidence", metavar="FOLDER", help="where the evidence goes (default: a new folder)"
    )


def run(args: argparse.Namespace) -> int:
    """Set the stage, play, point at what is left."""
    import tempfile
    import textwrap
    from contextlib import ExitStack
    from pathlib import Path

    from rich.text import Text

    from unlisted import show
    from unlisted.errors import UnlistedError
    from unlisted.lab import story

    if not 0.1 <= args.speed <= 20:
        raise UnlistedError(f"--speed {args.speed:g} is no speed", remedy="between 0.1 and 20", code=2)
    for folder in (args.evidence, f"{args.evidence}-before", f"{args.evidence}-report"):
        if args.evidence and (wrong := _unfit(Path(folder))):
            raise UnlistedError(
                f"{show.clean(folder)}: {wrong}",
                remedy="--evidence with a folder that is not there yet",
                code=2,
            )
    why_not = "" if args.simulated else _why_not()
    simulated = args.simulated or bool(why_not)
    evidence = Path(args.evidence or tempfile.mkdtemp(prefix="unlisted-evidence-"))
    screen = show.console()

    def tell(beat: story.Beat) -> None:
        if args.json:
            show.emit(beat)
            return
        sign, style = SIGNS[beat.good]
        mark = "SIMULATED " if simulated else ""
        hours = f"{beat.at / 3600:7.1f} h" if simulated else f"{beat.at:7.1f} s"
        head = f"{mark}{hours} {sign} {beat.what:<8} "
        rows = textwrap.wrap(show.clean(beat.text), max(40, min(screen.width, 110) - len(head)))
        for number, row in enumerate(rows):
            lead = head if not number else mark.ljust(len(head))
            screen.print(Text(lead).append(row, style=style), soft_wrap=True)

    if why_not:
        show.say(f"the real lab cannot run here: {why_not}; the story is SIMULATED")
    with ExitStack() as stack:
        if simulated:
            from unlisted.lab.simulated import SimulatedOffice

            stage: story.Stage = SimulatedOffice(args.seed, evidence)
        else:
            from unlisted.lab.office_stage import OfficeStage

            show.say(
                "building the office: gateway, mail server, four machines, an internet with five lists …"
            )
            stage = stack.enter_context(OfficeStage(args.seed, evidence, args.speed))
        ended_well = story.play(stage, tell)
        show.say(f"read it yourself:  unlisted investigate {evidence}")
        show.say(f"as it stood at first, without a gateway log:  unlisted investigate {evidence}-before")
        if args.keep and not simulated:
            stage.keep()
    return 0 if ended_well else 3


def _unfit(folder: "Path") -> str:
    """Why evidence cannot go there; "" when it can."""
    try:
        if folder.is_dir():
            return "it is not empty" if any(folder.iterdir()) else ""
        if folder.exists():
            return "it is no folder"
        return "" if os.access(folder.absolute().parent, os.W_OK) else "it cannot be made there"
    except OSError as error:
        return error.strerror or str(error)


def _why_not() -> str:
    """Why the lab cannot run here; "" when it can."""
    try:
        from unlisted.lab import network
    except ImportError as error:
        return f"no {error.name} (pip install 'unlisted[lab]')"
    reason = network.possible()
    if not reason and (missing := network.missing()):
        reason = f"{', '.join(missing)} not installed"
    return reason
