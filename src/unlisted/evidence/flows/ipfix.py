"""IPFIX files: messages one after another, as yaf, ipfixcol2, pmacct and super_mediator write them.

Source: RFC 5655 §4 (a file is a stream of messages), RFC 7011. What a message tells stands in `netflow.py`.

Surprises: There is no magic: version 10, a length, and a set behind the header that fits into it must do.
"""

from collections.abc import Iterable

from unlisted.evidence import Feed, Parsed
from unlisted.evidence.flows.netflow import Exports

MAGIC = (b"\x00\x0a",)
_HEAD = 16


def begins(first: bytes) -> bool:
    """A message whose first set is whole or longer than what is seen."""
    if len(first) < _HEAD + 4:
        return False
    length, kind, size = (int.from_bytes(first[at : at + 2], "big") for at in (2, 16, 18))
    return _HEAD + 4 <= _HEAD + size <= length and size >= 4 and (kind in (2, 3) or kind > 255)


def stream() -> Feed:
    """A reader of one file."""
    exports, rest, number, broken = Exports(), b"", 0, False

    def feed(data: bytes) -> Iterable[tuple[int, Parsed]]:
        nonlocal rest, number, broken
        if broken:
            return
        if not data:
            if rest:
                yield number + 1, None  # cut off in the middle of a message
            return
        data = rest + data if rest else data
        start, end = 0, len(data)
        while start + _HEAD <= end:
            size = data[start + 2] << 8 | data[start + 3]
            if data[start : start + 2] != MAGIC[0] or size < _HEAD:
                broken = True
                number += 1
                yield number, None
                return
            if start + size > end:
                break
            for made in exports.records(data[start : start + size]) or ():
                number += 1
                yield number, made
            start += size
        rest = data[start:]

    return feed
