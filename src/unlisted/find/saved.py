"""The trip's state as bytes, and back: to resume a stream after a restart, or on another machine.

    magic  version  slots  devices  digest  zlib of the columns

Numbers are little-endian; the digest covers all that stands before and behind it. What is damaged, cut,
written by another version or holds values that the kernel cannot have made is refused as a whole. The digest
finds accidents; against forgery the file needs the same protection as the program.
"""

import hashlib
import struct
import zlib
from typing import NamedTuple

import numpy as np

from unlisted.find import trip

VERSION = 1  # raise it when the columns change, or what a number in them means
MOST = 1 << 24  # devices; 5 GB. A file that claims more is refused before anything is allocated
_MAGIC = b"unlisted trip\n"
_HEAD = struct.Struct("<14sHHQ")
_DIGEST = 16  # bytes of BLAKE2b
_NUMBER = np.dtype("<i8")
_MARK = np.dtype("<i4")
_NUMBERS = len(trip.State._fields) - 1


class Refused(NamedTuple):
    """Why these bytes are no state."""

    why: str


def dump(state: trip.State) -> bytes:
    """The state as bytes: about 60 for a device with few destinations."""
    head = _HEAD.pack(_MAGIC, VERSION, trip.SLOTS, len(state.fast))
    packer = zlib.compressobj(1)
    kinds = (_NUMBER,) * _NUMBERS + (_MARK,)
    body = b"".join(
        packer.compress(np.ascontiguousarray(column, kind).data.cast("B") if column.size else b"")
        for column, kind in zip(state, kinds, strict=True)
    )
    body += packer.flush()
    return head + _digest(head, body) + body


def load(data: bytes) -> trip.State | Refused:
    """The state that `dump` wrote, or why it is refused."""
    if not data.startswith(_MAGIC) or len(data) < _HEAD.size + _DIGEST:
        return Refused("this is no saved state of the trip, or only its beginning")
    head, digest = data[: _HEAD.size], data[_HEAD.size : _HEAD.size + _DIGEST]
    body = memoryview(data)[_HEAD.size + _DIGEST :]
    _, version, slots, devices = _HEAD.unpack(head)
    if (version, slots) != (VERSION, trip.SLOTS):
        return Refused(f"format {version} with {slots} slots; this program reads {VERSION} with {trip.SLOTS}")
    if digest != _digest(head, body):
        return Refused("it is damaged: the digest does not fit")
    if devices > MOST:
        return Refused(f"it claims {devices:,} devices, more than {MOST:,}")
    wide, narrow = _NUMBERS * devices * _NUMBER.itemsize, trip.SLOTS * devices * _MARK.itemsize
    raw = _inflated(body, wide + narrow)
    if raw is None:
        return Refused("its columns have another length than it says")
    numbers = np.frombuffer(raw, _NUMBER, _NUMBERS * devices).astype(np.int64).reshape(_NUMBERS, devices)
    marks = np.frombuffer(raw, _MARK, trip.SLOTS * devices, wide).astype(np.int32)
    columns: list[trip.Column] = [*(row.copy() for row in numbers), marks.reshape(devices, trip.SLOTS)]
    state = trip.State(*columns)
    return state if _possible(state) else Refused("it holds numbers that the trip never makes")


def _digest(head: bytes, body: bytes | memoryview) -> bytes:
    made = hashlib.blake2b(head, digest_size=_DIGEST)
    made.update(body)
    return made.digest()


def _inflated(body: memoryview, size: int) -> bytes | None:
    """Exactly `size` bytes, or None; never more memory than that."""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(body, size + 1)
    except zlib.error:
        return None
    return raw if len(raw) == size and unpacker.eof and not unpacker.unused_data else None


def _possible(state: trip.State) -> bool:
    """What keeps the kernel's arithmetic within 63 bits, and each number a thing that it can have been."""
    scores = (state.fast, state.slow, state.fast_peak, state.slow_peak)
    return (
        all(_within(column, 0, trip.HIGHEST) for column in scores)
        and all(_within(column, -1, trip.LAST) for column in (state.last, state.counted))
        and all(_within(column, 0, trip.LAST) for column in (state.tries, state.fresh))
        and bool((state.fast <= state.fast_peak).all() and (state.slow <= state.slow_peak).all())
        and bool((state.fresh <= state.tries).all() and (state.seen >= 0).all())
    )


def _within(column: trip.Column, low: int, high: int) -> bool:
    return not len(column) or bool(low <= column.min() and column.max() <= high)
