"""Who was ever here: from the leases, neighbors and attempts that were kept.

One line a device: MAC (else address), address, host name, first and last seen, role, whether it was ever
scanned by a virus scanner that we know of, and HELD while it is.
"""

import argparse

HELP = "who was ever here, and which were scanned"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument("--leases", action="append", default=[], metavar="FILE", help="read these first")


def run(args: argparse.Namespace) -> int:
    """Read the store, show one line a device."""
    from msgspec import Struct

    from unlisted import config, show
    from unlisted.edge import byhand, present
    from unlisted.edge.store import Store
    from unlisted.find import roles
    from unlisted.stop import decide

    class Scan(Struct, frozen=True):
        engine: str
        at: float
        result: str

    class Line(Struct, frozen=True):
        device: str
        address: str
        hostname: str
        first_seen: float
        last_seen: float
        role: str
        attempts: int
        scanned: Scan | None = None
        held: bool = False

    settings = config.load(args.config)
    with Store(settings.store) as store:
        for path in args.leases:
            store.add_many(present.lease_file(path))
        seen = store.devices()
        held = {name for one in byhand.standing(store, byhand.now()) for name in decide.names(one)}
    titles = dict.fromkeys(settings.senders, "mail server")
    titles |= {text: roles.load()[name].title for text, name in settings.roles.items()}
    lines = [
        Line(
            one.device,
            one.address,
            one.hostname,
            one.first_seen,
            one.last_seen,
            titles.get(one.device) or titles.get(one.address, ""),
            one.attempts,
            held=bool(held & {one.device, one.address}),
        )
        for one in seen
    ]
    for line in lines:
        if args.json:
            show.emit(line)
        else:
            name = show.clean(line.hostname, 30)
            span = f"{show.when(line.first_seen)} to {show.when(line.last_seen)}"
            scanned = "scanned" if line.scanned else "never scanned"
            show.console().print(
                f"{line.device:<18} {line.address:<16} {name:<16} {span}  {line.role or '-'}  {scanned}"
                + ("  HELD" if line.held else ""),
                soft_wrap=True,
            )
    if not lines:
        show.say("nobody has been seen yet; try: unlisted watch, or unlisted devices --leases FILE")
        return 3
    return 0
