"""The words of `check ADDR…` spread out: files (`@FILE`, `FILE`, `-`), commas, and ranges `A-B`."""

import os
import sys
from collections.abc import Iterator, Sequence
from ipaddress import summarize_address_range
from urllib.parse import urlsplit

from unlisted import net, show
from unlisted.errors import ConfigError, UnlistedError

MOST = 16 << 20  # octets of a file: a million addresses
_APART = str.maketrans(",;", "  ")


def spread(words: Sequence[str]) -> list[str]:
    """Each address, CIDR or name by itself, in the order in which they were given."""
    made = [one for word in words for text in _texts(word) for one in _ranged(text)]
    if words and not made:
        raise UnlistedError("no address among what was given", remedy="one address a line", code=2)
    return made


def _texts(word: str) -> Iterator[str]:
    if word == "-" or word[:1] == "@" or (os.path.isfile(word) and net.ip(word) is None):
        for line in _lines(word if word == "-" else word.removeprefix("@")):
            yield from line.partition("#")[0].translate(_APART).split()
        return
    pieces = [piece for piece in word.split(",") if piece]
    whole = len(pieces) > 1 and all(_plain(piece) for piece in pieces)
    yield from pieces if whole else [word]


def _plain(piece: str) -> bool:
    """An address, a CIDR, a range or a name: "192,0,2,7" is a slip of the finger, and no four of them."""
    return bool(net.ip(piece) or net.network(piece) or "-" in piece or "." in piece)


def _lines(path: str) -> list[str]:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MOST + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MOST + 1)
    except OSError as error:
        raise UnlistedError(
            f"{path[:200]}: {error.strerror}", remedy="name a file that is there", code=2
        ) from error
    name = "stdin" if path == "-" else path[:200]
    if len(data) > MOST:
        raise UnlistedError(f"{name} is larger than {MOST >> 20} MB", remedy="--offline LIST @FILE", code=2)
    return data.decode("utf-8-sig", "replace").splitlines()


def _ranged(text: str) -> Iterator[str]:
    """`203.0.113.4-203.0.113.9` (also `-9`) as the CIDRs that it is; anything else as it stands."""
    begin, dash, end = text.partition("-")
    first = net.ip(begin) if dash else None
    if first is None:
        yield _hinted(text)
        return
    last = net.ip(end) or net.ip(f"{begin.rpartition('.')[0]}.{end}")
    if last is None or last.version != first.version or int(last) < int(first):
        raise ConfigError(
            f"{show.clean(text, 80)!r} is no range", remedy="FIRST-LAST, e.g. 203.0.113.4-203.0.113.9"
        )
    for one in summarize_address_range(first, last):
        yield str(one.network_address) if one.num_addresses == 1 else str(one)


def _hinted(text: str) -> str:
    """A mail address and an address of a page hold a name that can be asked about."""
    host = ""
    if "://" in text:
        try:
            host = urlsplit(text).hostname or ""
        except ValueError:
            host = ""
    elif "@" in text[1:]:
        host = text.rpartition("@")[2].strip("<>[]")
    if host and net.ip(host) is None and "." in host:
        what = "an address of a page" if "://" in text else "a mail address"
        raise ConfigError(
            f"{show.clean(text, 80)!r} is {what}", remedy=f"unlisted check {show.clean(host, 253)}"
        )
    return text
