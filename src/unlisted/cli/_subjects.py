"""What `check` is asked about, and on which lists: words of the command line, and what was meant by them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from unlisted import net, show
from unlisted.cli import _own
from unlisted.errors import ConfigError, UnlistedError
from unlisted.net import Address, Network

if TYPE_CHECKING:
    from unlisted.notice.lists import Catalogue, Entry
    from unlisted.notice.subjects import Subjects

MOST = 1 << 20  # addresses in one look: a /12, or an IPv6 /108; a million takes minutes, not hours
PATIENCE = 60.0  # seconds that one list may keep all the others waiting
_DOTTED = re.compile(r"(?<![0-9])[0-9]{1,4}(?:\.[0-9]{1,4}){1,5}(?![0-9])")


def wanted(texts: Sequence[str], own: Sequence[Address], *, chosen: bool) -> "Subjects":
    """The subjects that the words name, or our own; ConfigError says what was meant.

    `chosen`: the lists were named, so that a private list may be asked about private addresses.
    """
    if not texts and not own:
        raise _own.unknown()
    from unlisted.notice.subjects import Subjects

    subjects = Subjects([_read(text) for text in texts] or own)
    if texts and not chosen and (private := subjects.inside()):
        raise ConfigError(
            f"{private} is an address of your own network: lists know your public address only",
            remedy="give the address that the world sees, e.g. as a bounce cites it",
        )
    if len(subjects) > MOST:
        raise _too_many(f"{len(subjects):,} addresses")
    return subjects


def _read(text: str) -> Address | Network | str:
    """One word of the command line."""
    from unlisted.notice import dnsbl

    if (address := net.ip(text)) is not None and "/" not in text:
        return address
    if "/" in text and (network := net.network(text)) is not None:
        if network.num_addresses > MOST:
            raise _too_many(str(network))
        return network
    if "/" not in text and ":" not in text:
        try:
            name = dnsbl.hostname(text if text.isascii() else text.encode("idna").decode())
        except UnicodeError:
            name = ""
        if name:
            return name
    raise ConfigError(f"{show.clean(text, 80)!r} is no address{_because(text)}", remedy=_meant(text))


def _too_many(what: str) -> ConfigError:
    return ConfigError(
        f"{what} at once is more than the lists bear (at most {MOST:,})",
        remedy="give a /12 (IPv6: a /108) or smaller; list files know no bound: --offline",
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
