"""Release a device that is held, or dismiss a proposal to hold it.

DEVICE is a MAC, an address, a host name or the decision's id.
"""

import argparse

HELP = "let a held device go, or dismiss a proposal"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument("device", metavar="DEVICE", help="MAC, address, host name or decision id")
    parser.add_argument(
        "--leases", action="append", default=[], metavar="FILE", help="DHCP leases, for names"
    )


def run(args: argparse.Namespace) -> int:
    """Find the holds that are meant, take them back, keep it."""
    from unlisted import config, show
    from unlisted.edge import byhand, present
    from unlisted.edge.store import Store
    from unlisted.errors import UnlistedError
    from unlisted.stop import decide

    settings = config.load(args.config)
    with Store(settings.store) as store:
        now = byhand.now()
        standing = [d for d in store.decisions(ending_after=now) if d.state in decide.OPEN]
        spelled = byhand.spelled(args.device)
        meant = [d for d in standing if spelled & {d.id, d.device.mac, str(d.device.address or "")}]
        if not meant:  # a device names itself: that word counts last, and only for one
            meant = [d for d in standing if d.device.hostname == args.device]
            if len({d.device.key for d in meant}) > 1:
                keys = ", ".join(sorted({d.device.key for d in meant}))
                raise UnlistedError(f"several go by that name: {keys}", remedy="name one by its MAC", code=2)
        if not meant:
            # Held by an older store or by a file that is gone: the kernel may know it still.
            device = present.find(args.device, present.known(store, args.leases), now)
            meant = [d for d in standing if d.device.mac == device.mac != ""] or byhand.held_here(device, now)
        if not meant:
            held = ", ".join(d.device.key for d in standing if d.state in decide.STANDING) or "nobody"
            raise UnlistedError(
                f"{show.clean(args.device, 80)} is not held; held: {held}", remedy="unlisted devices", code=2
            )
        for decision in meant:
            done = byhand.release(decision, store)
            if args.json:
                show.emit(done.decision)
            else:
                show.console().print(done.text)
    return 0
