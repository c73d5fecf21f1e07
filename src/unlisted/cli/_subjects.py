"""What `check` is asked about, and on which lists: words of the command line, and what was meant by them."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from unlisted import net, show
from unlisted.cli import _own
from unlisted.errors import ConfigError, UnlistedError
from unlisted.net import Address, Network

if TYPE_CHECKING:
    from unlisted.notice.lists import Catalogue, Entry
    from unlisted.notice.subjects import Subjects

MOST = 1 << 20  # addresses in one look: a /12, or an IPv6 /108; a million takes minutes, not hours
MOST_LABELS = 6  # of a name; whose parents are asked about, too
_PUBLIC = ("info", "mail", "store", "gouv", "asso")  # second labels under countries that belong to all
TEST_POINTS = frozenset(net.NOBODY[1][0].network_address + number for number in range(1, 256))
PATIENCE = 60.0  # seconds that one list may keep all the others waiting
_DOTTED = re.compile(r"(?<![0-9])[0-9]{1,4}(?:\.[0-9]{1,4}){1,5}(?![0-9])")


def wanted(
    texts: Sequence[str], own: Sequence[Address], zones: Sequence[str], catalogue: "Catalogue"
) -> "Subjects":
    """The subjects that the words name, or our own; ConfigError says what was meant.

    Where only lists were named that the catalogue does not know, they may be private lists, and hold
    private addresses.
    """
    if not texts and not own:
        raise _own.unknown()
    from unlisted.notice.subjects import Subjects

    named = [_read(text) for text in texts]
    subjects = Subjects([*named, *parents(one for one in named if isinstance(one, str))] or own)
    if len(subjects) > MOST:
        raise _too_many(f"{len(subjects):,} addresses")
    private = bool(zones) and all(catalogue.find(zone) is None for zone in zones)
    if not private and (inside := subjects.inside()):
        raise ConfigError(
            f"{inside} is an address of your own network: lists know your public address only",
            remedy="give the address that the world sees, e.g. as a bounce cites it",
        )
    _nobody(subjects, named=bool(zones))
    if example := subjects.among(net.EXAMPLES):
        show.say(f"{example} is an example's or a laboratory's address: nobody has it, and no list holds it")
    return subjects


def _nobody(subjects: "Subjects", *, named: bool) -> None:
    """Refuse what is no host's address. A list's test points may be asked of a list that was named."""
    for network, what in net.NOBODY:
        if (address := subjects.among([network])) is None:
            continue
        looped = {one for one in subjects.singles if isinstance(one, Address) and one in network}
        wide = any(one.version == network.version and one.overlaps(network) for one in subjects.ranges)
        if named and not wide and looped <= TEST_POINTS:
            show.say(f"{address} is a test point (RFC 5782 §5): listed, it shows that a list lives")
            continue
        raise ConfigError(
            f"{address} {what}: no list can say anything of it",
            remedy="give the address that the world sees"
            + (", or --zone ZONE to ask one list about its test point" if address in TEST_POINTS else ""),
        )


def parents(names: Iterable[str]) -> list[str]:
    """The names above each name, down to the registered one: lists of domains hold mostly that.

    Which suffixes are public (co.uk) only a list of them knows; a short label before a country is taken
    for one.
    """
    found: dict[str, None] = {}
    for name in names:
        labels = name.split(".")[-MOST_LABELS:]
        for start in range(1, len(labels) - 1):
            rest = labels[start:]
            if not (len(rest) == 2 and len(rest[1]) == 2 and (len(rest[0]) < 4 or rest[0] in _PUBLIC)):
                found[".".join(rest)] = None
    return list(found)


def _read(text: str) -> Address | Network | str:
    """One word of the command line."""
    from unlisted.notice import dnsbl

    if (address := net.ip(text)) is not None and "/" not in text:
        if (four := net.embedded(address)) is not None:
            show.say(f"{address} stands for the IPv4 address {four}: that is asked about")
            return four
        return address
    if "/" in text and (network := net.network(text)) is not None:
        if network.num_addresses > MOST:
            raise _too_many(str(network), network if network.version == 6 else None)
        return network
    if "/" not in text and ":" not in text:
        try:
            name = dnsbl.hostname(text if text.isascii() else text.encode("idna").decode())
        except UnicodeError:
            name = ""
        if name:
            return name
    raise ConfigError(f"{show.clean(text, 80)!r} is no address{_because(text)}", remedy=_meant(text))


def _too_many(what: str, six: Network | None = None) -> ConfigError:
    one = f"lists hold whole /64 networks, so one address tells: unlisted check {six[1]}; or " if six else ""
    return ConfigError(
        f"{what} at once is more than the lists bear (at most {MOST:,} addresses)",
        remedy=f"{one}give a /12 (IPv6: a /108) or smaller; list files know no bound: --offline",
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


def listed(zone: str, catalogue: "Catalogue") -> "Entry":
    """The list that a word names: by its zone, its key in the catalogue, or its name as it is shown."""
    from unlisted.notice import dnsbl, lists

    if entry := catalogue.find(zone):
        return entry
    name = dnsbl.hostname(zone)
    if not name:
        raise ConfigError(
            f"{show.clean(zone, 80)!r} is no zone", remedy="name it as in: --zone zen.spamhaus.org"
        )
    return lists.stranger(name)


def bearing(entries: "Sequence[Entry]", count: int, *, named: bool) -> "list[Entry]":
    """The lists that bear a question about each of so many; the `named` ones are asked as far as they do."""
    from unlisted.edge.sweep import pace

    slow = [one for one in entries if (bears := pace(one)) and (count - 1) / bears > PATIENCE]
    full = [one for one in entries if one.per_day and count > one.per_day and one not in slow]
    for some, what in ((slow, "a second"), (full, "a day")):
        names = ", ".join(one.key for one in some)
        if some and named:
            show.say(
                f"{names}: few questions {what} are borne; only a mirror in your own network is asked faster"
            )
        elif some:
            show.say(
                f"not asked of so many: {names} bear few questions {what}; by name: --zone {some[0].key}"
            )
    able = [one for one in entries if named or not (one in slow or one in full)]
    if entries and not able:
        raise UnlistedError(
            f"no public list bears {count:,} questions",
            remedy="a list of your own: --zone ZONE --resolver ADDR; or list files: --offline FILE",
            code=2,
        )
    return able
