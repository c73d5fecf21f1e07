"""Whose address it is that `check` asks about where nobody says: found, and said how and how surely."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from unlisted import net, show
from unlisted.errors import ConfigError, UnlistedError
from unlisted.net import Address

if TYPE_CHECKING:
    from unlisted.config import Config
    from unlisted.edge.wan import Named


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the search takes."""
    parser.add_argument(
        "--stun", metavar="HOST[:PORT]", help="without ADDR: ask this server which address it sees"
    )
    parser.add_argument(
        "--own-name", metavar="NAME", help="without ADDR: a DNS name of yours (dynamic DNS) tells the address"
    )
    parser.add_argument(
        "--no-discovery",
        action="store_true",
        help="without ADDR: ask nobody but --own-name and --stun",
    )


def found(args: argparse.Namespace, settings: "Config") -> tuple[Address, ...]:
    """Our own addresses: as configured, else looked for. Who is named on the command line is asked anyway."""
    asked = bool(args.stun or args.own_name)
    if not asked and (args.no_discovery or settings.own):
        return settings.own
    from unlisted.edge import wan

    told = wan.discover(_named(args, settings))
    addresses = tuple(dict.fromkeys((*settings.own, *told.addresses)))
    if not addresses:
        raise unknown((*told.doubts, *told.tried), asked=bool(args.stun or settings.stun))
    show.say(f"your address: {show.clean(told.says or 'not found: ' + '; '.join(told.tried), 1000)}")
    for doubt in told.doubts:
        show.say(f"  but {show.clean(doubt)}")
    if settings.own and set(told.addresses) - set(settings.own):
        show.say("  but the configuration's `own` says another: all of them are asked about")
    return addresses


def again(args: argparse.Namespace, settings: "Config", before: tuple[Address, ...]) -> tuple[Address, ...]:
    """Our own addresses now; as before, without a word, where there is no new one or nobody could tell.

    One that is not found this time may be back the next: it stays until a new one of its kind is found.
    """
    if args.address or ((args.no_discovery or settings.own) and not (args.stun or args.own_name)):
        return before
    from unlisted.edge import wan

    try:
        found = wan.discover(_named(args, settings)).addresses
    except UnlistedError:
        return before
    if set(found) <= set(before):
        return before
    kept = [one for one in before if one in settings.own or one.version not in {new.version for new in found}]
    now = tuple(dict.fromkeys((*kept, *found)))
    was = ", ".join(str(one) for one in before if one not in now)
    new = ", ".join(str(one) for one in now if one not in before)
    show.say(f"your address is now {new}" + (f" (was {was})" if was else ""))
    return now


def unknown(tried: Sequence[str] = (), *, asked: bool = False) -> UnlistedError:
    """That nobody here knows it, with what was tried and what is left to do."""
    because = f": {'; '.join(tried)}" if tried else ""
    remedy = "unlisted check 203.0.113.7 with yours, as a bounce cites it"
    if tried and not asked:
        remedy += ", or --stun HOST, a server of your choice that sees it"
    return UnlistedError(
        f"I do not know your public address{because}",
        remedy=f'{remedy}; own = ["203.0.113.7"] in the configuration keeps it',
        code=3,
    )


def _named(args: argparse.Namespace, settings: "Config") -> "Named":
    """Whom the person named, on the command line or in the configuration."""
    from unlisted.edge import resolver, wan
    from unlisted.notice import dnsbl
    from unlisted.notice.wan import stun

    server, name = args.stun or settings.stun, args.own_name or settings.own_name
    place = stun.place(server) if server else None
    if server and place is None:
        raise ConfigError(
            f"{show.clean(server, 80)!r} is no STUN server", remedy="give it as in stun.example.net:3478"
        )
    if name and not dnsbl.hostname(name):
        raise ConfigError(f"{show.clean(name, 80)!r} is no DNS name", remedy="give it as in home.example.net")
    servers: tuple[resolver.Server, ...] = ()
    if name or (place and net.ip(place[0]) is None):
        asked = args.resolver or settings.resolver
        servers = (resolver.parse(asked),) if asked else resolver.system()
    return wan.Named(place, dnsbl.hostname(name) if name else "", servers, args.no_discovery)
