"""Asks the blocklists about addresses: listed, clear, or unknown with the reason why.

Without an address it asks about your own (`own` in the configuration). A range (203.0.113.0/28) is every
address in it; a domain name goes to the lists of domains. Every list is first asked about its own test
points, so that neither a dead list nor a lying resolver is believed.
Exit codes: 0 nothing listed, 1 listed, 2 wrong use, 3 could not tell.
"""

import argparse
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from unlisted import net, show
from unlisted.errors import ConfigError, UnlistedError
from unlisted.messages import Listing
from unlisted.net import Address

if TYPE_CHECKING:
    from rich.console import Console

    from unlisted.edge.survey import Names, Survey
    from unlisted.notice.lists import Catalogue, Entry

HELP = "ask every blocklist about your address"

TIMEOUT = 5.0  # seconds for all of it; an honest list answers within one
MOST = 4096  # addresses in one look: a /20
PER_SECOND = 2000  # questions that a small resolver bears; a range gets that much more time
# How much of a listing's weight is ours to bear, by its scope.
_SHARE = {"address": 1.0, "domain": 1.0, "range": 0.6, "policy": 0.4, "network": 0.1}
_DOTTED = re.compile(r"(?<![0-9])[0-9]{1,4}(?:\.[0-9]{1,4}){1,5}(?![0-9])")


class Row(Struct, frozen=True):
    """What `check --json` promises, a line for each address and list."""

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


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `check` takes."""
    parser.add_argument(
        "address", nargs="*", metavar="ADDR", help="address, range or domain (default: your own)"
    )
    parser.add_argument(
        "--zone", action="append", default=[], metavar="ZONE", help="ask this list only (may be repeated)"
    )
    parser.add_argument(
        "--resolver", metavar="ADDR[:PORT]", help="ask through this resolver, not the system's"
    )
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", help=f"seconds for all of it (default {TIMEOUT:g})"
    )
    parser.add_argument(
        "--offline",
        action="append",
        default=[],
        metavar="FILE",
        help="ask nobody, look into this list file (may be repeated); ADDR may be @FILE, or - for stdin",
    )
    parser.add_argument("--no-save", action="store_true", help="do not remember the answers for `delist`")


def run(args: argparse.Namespace) -> int:
    """Ask, show, remember."""
    if args.offline:
        # NumPy would start threads for a linear algebra that nobody asks for: 0.05 s.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from unlisted.cli import _offline

        return _offline.run(args)
    from unlisted import config
    from unlisted.edge import resolver
    from unlisted.edge.survey import survey
    from unlisted.notice import dnsbl, lists

    settings = config.load(args.config)
    subjects = wanted(args.address, settings.own, chosen=bool(args.zone))
    catalogue = lists.load()
    named = [_named(zone, catalogue) for zone in dict.fromkeys(args.zone)]
    kinds = dict.fromkeys(dnsbl.kind_of(subject) for subject in subjects)
    entries = named or list({entry.key: entry for kind in kinds for entry in catalogue.live(kind)}.values())
    named_resolver = args.resolver or settings.resolver
    servers = (resolver.parse(named_resolver),) if named_resolver else resolver.system()
    timeout = args.timeout or TIMEOUT + len(subjects) * len(entries) / PER_SECOND
    if len(subjects) > 1:
        many = show.count(len(subjects), "address", "addresses")
        show.say(f"asking {show.count(len(entries), 'list')} about {many}, at most {timeout:.0f} s")
    found = survey(subjects, entries, servers, timeout, named=bool(named))
    if args.json:
        for listing in found.listings:
            show.emit(_row(listing))
    else:
        render(found, {entry.key: entry for entry in entries}, show.console())
    if found.trouble:
        show.say(f"unlisted: {show.clean(found.trouble)}\n  try: another resolver, --resolver ADDR[:PORT]")
    if not args.no_save:
        _save(found.listings, settings.store)
    return verdict(found.listings)


def verdict(listings: Sequence[Listing]) -> int:
    """The exit code: 1 listed; 0 clear; 3 where those that answered carry less than half of the weight."""
    if any(one.state == "listed" for one in listings):
        return 1
    told = sum(one.weight for one in listings if one.state == "clear")
    everything = sum(one.weight for one in listings)
    clear = any(one.state == "clear" for one in listings)
    return 0 if clear and told * 2 >= everything else 3


def wanted(texts: Sequence[str], own: Sequence[Address], *, chosen: bool) -> list[Address | str]:
    """The subjects that the words name, or our own; ConfigError says what was meant.

    `chosen`: the lists were named, so that a private list may be asked about private addresses.
    """
    if not texts and not own:
        raise UnlistedError(
            "I do not know your public address",
            remedy='unlisted check 203.0.113.7 with yours, or own = ["203.0.113.7"] in the configuration',
            code=2,
        )
    subjects: dict[Address | str, None] = dict.fromkeys(own) if not texts else {}
    for text in texts:
        for subject in _read(text):
            if not chosen and not isinstance(subject, str) and net.inside(subject):
                raise ConfigError(
                    f"{subject} is an address of your own network: lists know your public address only",
                    remedy="give the address that the world sees, e.g. as a bounce cites it",
                )
            subjects[subject] = None
    if len(subjects) > MOST:
        raise _too_many(f"{len(subjects):,} addresses")
    return list(subjects)


def _read(text: str) -> list[Address | str]:
    """One word of the command line."""
    from unlisted.notice import dnsbl

    if (address := net.ip(text)) is not None and "/" not in text:
        return [address]
    if "/" in text and (network := net.network(text)) is not None:
        if network.num_addresses > MOST:
            raise _too_many(str(network))
        return list(network)
    if "/" not in text and ":" not in text:
        try:
            name = dnsbl.hostname(text if text.isascii() else text.encode("idna").decode())
        except UnicodeError:
            name = ""
        if name:
            return [name]
    raise ConfigError(f"{show.clean(text, 80)!r} is no address{_because(text)}", remedy=_meant(text))


def _too_many(what: str) -> ConfigError:
    return ConfigError(
        f"{what} at once is more than the lists bear (at most {MOST:,})", remedy="give a /20 or smaller"
    )


def _because(text: str) -> str:
    """What is wrong with it, where that can be seen."""
    if (found := _DOTTED.search(text)) is None:
        return ""
    octets = found[0].split(".")
    if any(int(octet) > 255 for octet in octets):
        return f": {max(octets, key=int)} is more than 255"
    if len(octets) != 4:
        return f": it has {len(octets)} numbers, an IPv4 address has 4"
    if any(len(octet) > 1 and octet[0] == "0" for octet in octets):
        return ": a number begins with 0"
    return ""


def _meant(text: str) -> str:
    """The command that was probably meant."""
    dotted = text.replace(",", ".")
    for found in _DOTTED.finditer(dotted[:200]):
        plain = ".".join(str(int(octet)) for octet in found[0].split("."))
        if (address := net.ip(plain)) is not None:
            return f"unlisted check {address}"
    return "an address such as 203.0.113.7 or 2001:db8::7, a range, or a domain name"


def _named(zone: str, catalogue: "Catalogue") -> "Entry":
    from unlisted.notice import dnsbl, lists

    if entry := catalogue.find(zone):
        return entry
    name = dnsbl.hostname(zone)
    if not name:
        raise ConfigError(
            f"{show.clean(zone, 80)!r} is no zone", remedy="name it as in: --zone zen.spamhaus.org"
        )
    return lists.stranger(name)


def _seconds(text: str) -> float:
    """argparse's reader of --timeout."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no time: give seconds, more than 0, at most 3600")
    return value


def _row(listing: Listing) -> Row:
    return Row(*(getattr(listing, field) for field in Row.__struct_fields__))


def _save(listings: Sequence[Listing], path: str) -> None:
    """Remember what was told. An unknown answer is none: it must not hide what is known."""
    from unlisted.edge.store import Store

    told = [one for one in listings if one.state != "unknown" and not one.address.startswith("127.")]
    if not told:
        return
    try:
        with Store(path) as store:
            store.add_many(told)
    except UnlistedError as error:
        show.say(f"not remembered: {error.what}\n  try: {error.remedy or '--no-save'}")


def render(found: "Survey", entries: dict[str, "Entry"], console: "Console") -> None:
    """For people: what is worst first, the unknown apart, the next step last."""
    for names in found.names:
        console.print(_names(names))
    listed = [one for one in found.listings if one.state == "listed"]
    unknown = [one for one in found.listings if one.state == "unknown"]
    clear = [one for one in found.listings if one.state == "clear"]
    if listed:
        _table(sorted(listed, key=_severity), entries, console)
    for one in clear:
        if one.meaning or one.why:
            console.print(
                f"{one.address} on {_name(one, entries)}: clear ({show.clean(one.meaning or one.why)})"
            )
    if unknown:
        console.print(f"\ncould not tell ({len(unknown)}; neither listed nor clear):")
        _reasons(unknown, entries, console)
    total = len(found.listings)
    console.print(
        f"\n{len(listed)} listed, {len(clear)} clear, {len(unknown)} unknown of {total}"
        f" answers in {found.seconds:.1f} s"
        + (f"; {found.doubtful} packets were not believed" if found.doubtful else "")
    )
    console.print(_next(listed, unknown, clear), soft_wrap=True)


def _severity(listing: Listing) -> tuple[float, str, str]:
    return (-listing.weight * _SHARE.get(listing.scope, 1.0), listing.address, listing.list)


def _name(listing: Listing, entries: dict[str, "Entry"]) -> str:
    entry = entries.get(listing.list)
    return entry.name if entry else show.clean(listing.list)


def _table(listed: list[Listing], entries: dict[str, "Entry"], console: "Console") -> None:
    from rich.table import Table

    table = Table(title="LISTED", title_justify="left", show_lines=True)
    for heading in ("address", "list", "what it says", "way off"):
        table.add_column(heading, overflow="fold")
    for one in listed:
        says = one.meaning + (f"\n{one.reason}" if one.reason else "")
        codes = " ".join(one.codes)
        lines = "\n".join(show.clean(line) for line in says.split("\n"))
        table.add_row(one.address, f"{_name(one, entries)}\n{codes}", lines, show.clean(one.removal))
    console.print(table)


def _reasons(unknown: list[Listing], entries: dict[str, "Entry"], console: "Console") -> None:
    """One line for each reason, with the lists that share it."""
    groups: dict[str, list[str]] = {}
    for one in unknown:
        names = groups.setdefault(one.why, [])
        if (name := _name(one, entries)) not in names:
            names.append(name)
    for why, names in groups.items():
        console.print(f"  {', '.join(names)}: {show.clean(why)}")


def _names(names: "Names") -> str:
    """Reverse DNS in one line; receivers refuse senders without it (RFC 1912 §2.1)."""
    if names.why:
        return f"{names.address}: PTR unknown ({show.clean(names.why)})"
    if not names.pointers:
        return f"{names.address}: no PTR name; many receivers refuse mail from it for that alone"
    shown = show.clean(", ".join(names.pointers), 200)
    if names.confirmed:
        return f"{names.address}: PTR {shown}, and it leads back (forward-confirmed)"
    return f"{names.address}: PTR {shown}, but that name does not lead back to it"


def _next(listed: list[Listing], unknown: list[Listing], clear: list[Listing]) -> str:
    """The last line: what to do now."""
    if any(one.scope not in ("policy", "network") for one in listed):
        return "next: find what sends: unlisted investigate FOLDER (bounces, gateway log, leases)"
    if listed:
        return "next: no accusation of yours: send through the provider's relay, or see unlisted delist"
    if not clear and unknown:
        return "next: ask through your own resolver: unlisted check --resolver ADDR[:PORT]"
    return "next: mail still refused? unlisted explain BOUNCE says who refuses it and why"
