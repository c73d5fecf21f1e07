"""Hold one device: nothing of it passes this gateway until the hold ends by itself or is released.

DEVICE is a MAC, an address or a host name. It works on the gateway (or in the network namespace) where it
is started. The gateway and what it runs, its upstream and DNS servers, declared senders, what `protect`
names and the machine that you are logged in from are never held.
"""

import argparse
import re
import sys

from unlisted.cli import _given

HELP = "take one device off the network for a time"


def hours(text: str) -> float:
    """A duration as people write it, in hours: 8h, 90m, 45s, 2d; a bare number means hours."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd]?)", text.strip().lower())
    if match is None or not float(match[1]) > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 8h, 90m or 2d")
    found = float(match[1]) * {"s": 1 / 3600, "m": 1 / 60, "h": 1.0, "": 1.0, "d": 24.0}[match[2]]
    if found > 24 * 30:
        raise argparse.ArgumentTypeError("a hold ends after 30 days at the latest")
    return found


def spelled(length: float) -> str:
    """Hours as people say them: 48 h, 90 min, 30 s."""
    if length >= 2:
        return f"{length:g} h"
    return f"{length * 60:g} min" if length * 60 >= 2 else f"{length * 3600:.0f} s"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument("device", metavar="DEVICE", help="MAC, address or host name")
    parser.add_argument(
        "--for",
        dest="hours",
        type=hours,
        metavar="TIME",
        help="8h, 90m, 2d (default: `hold_hours` of the settings, 48 h)",
    )
    parser.add_argument("--reason", default="held by hand", metavar="TEXT", help="stands in the audit log")
    parser.add_argument(
        "--leases", action="append", default=[], metavar="FILE", help="DHCP leases, for names"
    )
    parser.add_argument(
        "--wait",
        type=_given.seconds,
        default=2.0,
        metavar="SECONDS",
        help="look so long whether its traffic stops (default: 2)",
    )
    parser.add_argument(
        "--mac-only",
        action="store_true",
        help="hold the MAC and no address: for a device that also claims the gateway's or another's address",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and do nothing")


def agreed(question: str) -> bool:
    """The person's word. Without a terminal nobody can be asked: UnlistedError."""
    from unlisted.errors import UnlistedError

    if not sys.stdin.isatty():
        raise UnlistedError(
            "this changes the network and nobody is here to ask", remedy="say --yes if you mean it", code=2
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def run(args: argparse.Namespace) -> int:
    """Find the device, ask the guard, show, ask the person, hold, look, keep."""
    from msgspec import structs

    from unlisted import config, show
    from unlisted.edge import byhand, present, surroundings
    from unlisted.edge.store import Store
    from unlisted.errors import UnlistedError
    from unlisted.stop import decide, guard
    from unlisted.stop.enforcers import nftables, paper

    settings = config.load(args.config)
    with Store(settings.store) as store:
        now = byhand.now()
        claims = present.claims(store, args.leases)
        there = present.standing(claims)
        device = present.find(args.device, there, now)
        network = surroundings.look(settings, there)
        # A MAC that a person names needs no witness: no packet was believed.
        standing, mac = byhand.standing(store, now), guard.alone(device, (*claims, *network.known), now)
        if args.mac_only:
            device = structs.replace(device, address=None)
            check = guard.forbidden(device, network, standing, now, mac)
        else:
            check = guard.forbidden(device, network, standing, now)
        if device.address is not None:
            check = check or guard.unproven(device, network.known, now)
        check = check or guard.full(network, standing, now)
        if check:
            # The address that stands in the way may be another's, which it only claims.
            other = bool(device.mac) and not args.mac_only
            other = other and not guard.forbidden(device, network, standing, now, mac)
            remedy = f"unlisted hold {device.mac} --mac-only" if other else "unlisted devices"
            raise UnlistedError(f"not held: {check}", remedy=remedy, code=4)
        length = args.hours or settings.hold_hours
        decision = decide.by_hand(device, args.reason, byhand.person(), now, length)
        names = " ".join(filter(None, (str(device.address or ""), device.mac)))
        show.say(f"hold {show.clean(device.hostname or device.key)} ({names})")
        if not byhand.forwards():
            show.say("  careful: this machine forwards nothing; a hold works on the gateway")
        show.say(f"  for {spelled(length)}, until {show.when(decision.expires_at)}; then it ends by itself")
        show.say(f"  undo: {decision.undo}")
        if args.dry_run:
            document = nftables.hold(decision, now)
            show.say(nftables.base().text + document.text + "\n".join(" ".join(e) for e in document.extra))
            show.say("or by hand:\n" + paper.hold(decision, now))
            if args.json:
                show.emit(decision)
            return 0
        if not args.yes and not agreed("Hold it?"):
            show.say("nothing was done")
            return 0
        done = byhand.hold(decision, store, wait=args.wait)
        if args.json:
            show.emit(done.decision)
        else:
            show.console().print(done.text)
        return 0 if done.decision.state in decide.STANDING else 3
