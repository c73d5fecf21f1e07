"""Names the device that did it, from gateway logs, flow records and leases.

SOURCE is a file or a folder; files are recognized by their content. Give the leases or the neighbor
table too, and the device gets its MAC, vendor and name.
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from unlisted.edge.read import Reading
    from unlisted.find.rank import Findings
    from unlisted.messages import Suspect

NAMED = 8  # files not read that are named one by one

HELP = "name the device that sends, from gateway logs, flows and leases"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `find` understands."""
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="a file or a folder of evidence")
    parser.add_argument(
        "--inside",
        action="append",
        default=[],
        metavar="NET",
        help="your own network, when its addresses are public (may be repeated)",
    )
    parser.add_argument("--leases", action="append", default=[], metavar="FILE", help="leases or neighbors")
    parser.add_argument(
        "--sender",
        action="append",
        default=[],
        metavar="ADDR|MAC",
        help="an honest mail sender (may be repeated)",
    )
    parser.add_argument("--all", action="store_true", help="show the honest devices as well")


def run(args: argparse.Namespace) -> int:
    """Read, judge, show. 0 nobody, 1 somebody, 3 could not tell."""
    from unlisted import config, net, show
    from unlisted.edge import read, vendors
    from unlisted.errors import ConfigError
    from unlisted.find import rank
    from unlisted.find.columns import join
    from unlisted.find.who import Who
    from unlisted.messages import Delivery, Lease

    settings = config.load(args.config)
    inside = []
    for text in args.inside:
        if (network := net.network(text)) is None:
            raise ConfigError(f"--inside {text!r} is no network", remedy="write it as 192.0.2.0/24")
        inside.append(network)
    for text in args.sender:
        if net.ip(text) is None and not net.mac(text):
            raise ConfigError(
                f"--sender {text!r} is neither an address nor a MAC", remedy="write it as 192.168.1.10"
            )
    files = read.paths([*args.source, *args.leases])
    near = read.nearest(files)
    readings = [_read(path, near) for path in files]
    who, deliveries = Who(vendors.name), rank.Deliveries()
    for reading in readings:
        for event in reading.events:
            if isinstance(event, Lease):
                who.add(event)
            elif isinstance(event, Delivery):
                deliveries.add(event)
    _say(readings)
    flows = [reading.flows for reading in readings if reading.flows is not None]
    if not any(reading.kind in ("gateway", "flows") for reading in readings):
        show.say("could not tell: no gateway log and no flow records among these")
        show.say("next: block and log outgoing port 25 at the router, then give me that log")
        return 3
    setting = rank.Setting(
        inside=tuple(inside) or settings.inside, own=settings.own, senders=(*settings.senders, *args.sender)
    )
    found = rank.judge(join(flows), who, setting, deliveries)
    return _answer(found, as_json=args.json, everyone=args.all)


def _read(path: "Path", near: float | None) -> "Reading":
    from unlisted.edge.progress import bar
    from unlisted.edge.read import read

    with bar(str(path)) as progress:
        return read(path, near, progress)


def _say(readings: "list[Reading]") -> None:
    """What was read and what was not, on stderr."""
    from unlisted import show

    if not readings:
        show.say("the folder is empty")
    for reading in readings:
        if not reading.kind or reading.kind == "mail":
            continue
        show.say(reading.sentence())
        for sentence in reading.assumed:
            show.say(f"  {sentence}")
        for sample in reading.samples:
            show.say(f"  not understood: {sample}")
    if mails := sum(1 for reading in readings if reading.kind == "mail"):
        show.say(f"{show.count(mails, 'mail')} left aside (unlisted explain reads them)")
    left = [reading for reading in readings if not reading.kind]
    for reading in left[:NAMED]:
        show.say(reading.sentence())
    if len(left) > NAMED:
        show.say(f"and {len(left) - NAMED:,} more files were not read")


def _answer(found: "Findings", *, as_json: bool, everyone: bool) -> int:
    import msgspec

    from unlisted import show
    from unlisted.edge.read import quote

    for note in found.notes:
        show.say(note)
    shown = [
        msgspec.structs.replace(one, evidence=quote(one.evidence))
        for one in found.suspects
        if everyone or one.verdict != "honest"
    ]
    for one in shown:
        if as_json:
            show.emit(one)
        else:
            _print(one)
    if not found.told:
        return 3
    guilty = [one for one in found.suspects if one.verdict != "honest"]
    if not guilty:
        count = show.count(len(found.suspects), "device")
        show.say(f"nobody stands out: {count} made attempts on mail ports, all of them as honest ones do")
        return 0
    show.say(f"next: unlisted hold {guilty[0].device.key}")
    return 1


def _print(one: "Suspect") -> None:
    """One device for a person."""
    from unlisted import show

    device, console = one.device, show.console()

    def put(text: str) -> None:
        console.print(text, soft_wrap=True)  # a quoted line must stay one line

    names = [str(device.address), device.mac, device.vendor, device.hostname]
    role = f" ({one.role})" if one.role else ""
    put(f"{one.verdict}{role}: " + "  ".join(show.clean(name, 80) for name in names if name))
    put(f"  because: {show.clean(one.because)}")
    if device.first_seen is not None:
        put(f"  first seen {show.when(device.first_seen)}")
    if one.flagged_at is not None:
        put(f"  flagged at {show.when(one.flagged_at)}, attempt {one.flagged_after}, score {one.score:.1f}")
    for line in one.evidence:
        put(f"  {show.clean(line.source, 100)}:{line.line}: {show.clean(line.text, 300)}")
