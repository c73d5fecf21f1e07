"""Which entry holds an address: intervals that overlap, made into disjoint ones that name the narrowest.

Nothing here knows what a list is. Intervals are columns: first and last (both included) and a number that
names the entry. Every step is a sort or a pass over columns, so that a million entries take tens of
milliseconds and hostile nesting takes no more than n log n.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
_NOWHERE = np.uint32(0xFFFFFFFF)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_LISTS = np.uint64(1 << 31)  # in a key: this one lists; of equals, an exclusion comes first


class Segments(NamedTuple):
    """Disjoint intervals in order; `name` is the entry that each belongs to."""

    first: Numbers
    last: Numbers
    name: Numbers


def order(first: Numbers) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Sorted, and where each came from: one sort of numbers, much faster than an argsort."""
    key = first.astype(np.uint64) << _HALF
    key |= np.arange(len(first), dtype=np.uint64)
    key.sort()
    first = (key >> _HALF).astype(np.uint32)
    key &= _LOW
    return first, key.view(np.int64)


def merge(first: Numbers, last: Numbers) -> tuple[Numbers, Numbers]:
    """The same addresses as disjoint intervals in order."""
    if _disjoint(first, last):
        return first, last
    first, came = order(first)
    reach = np.maximum.accumulate(last[came])
    new = np.flatnonzero(first[1:] > reach[:-1]) + 1
    starts = np.concatenate(([0], new))
    return first[starts], reach[np.concatenate((new, [len(first)])) - 1]


def flatten(first: Numbers, last: Numbers, out: Flags | None = None) -> Segments:
    """Disjoint segments, each with the place of the narrowest entry that holds it; `out` takes away."""
    first, came = order(first)
    last = last[came]
    name = came.astype(np.uint32)
    out = out[came] if out is not None and out.any() else None
    del came
    again = (first[1:] == first[:-1]) & (last[1:] == last[:-1])
    if out is None and again.any():
        kept = np.concatenate(([True], ~again))
        first, last, name = first[kept], last[kept], name[kept]
    if _disjoint(first, last):
        return _listing(first, last, name, out)
    joined = np.concatenate(([False], first[1:] <= np.maximum.accumulate(last)[:-1]))
    crowd = joined.copy()
    crowd[:-1] |= joined[1:]
    alone, some = ~crowd, np.flatnonzero(crowd)
    simple = _listing(first[alone], last[alone], name[alone], out[alone] if out is not None else None)
    those = _untangle(first[some], last[some], name[some], out[some] if out is not None else None)
    place = np.searchsorted(simple.first, those.first)
    return Segments(*(np.insert(one, place, more) for one, more in zip(simple, those, strict=True)))


def _untangle(first: Numbers, last: Numbers, name: Numbers, out: Flags | None) -> Segments:
    """Those that overlap, cut at every border."""
    low, high = first.astype(np.int64), last.astype(np.int64) + 1
    points = np.unique(np.concatenate((low, high)))
    won = narrowest(np.searchsorted(points, low), np.searchsorted(points, high), last - first, out)
    held = np.flatnonzero(won[:-1] >= 0)
    return Segments(points[held].astype(np.uint32), (points[held + 1] - 1).astype(np.uint32), name[won[held]])


def _disjoint(first: Numbers, last: Numbers) -> bool:
    """True when they are in order and none overlaps the next."""
    return bool((first[1:] > last[:-1]).all())


def _listing(first: Numbers, last: Numbers, name: Numbers, out: Flags | None) -> Segments:
    return Segments(first, last, name) if out is None else Segments(first[~out], last[~out], name[~out])


def narrowest(
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    width: npt.ArrayLike,
    out: Flags | None = None,
) -> npt.NDArray[np.int64]:
    """For each place on a line, which of the spans [left, right) over it is the narrowest; -1 for none.

    Each span is covered by two that are a power of two long (they may overlap); from the longest down, each
    hands its claim to its halves. A claim is one number: width, exclusions first, then the order given.
    """
    claim = np.asarray(width).astype(np.uint64) << _HALF
    claim |= np.arange(len(left), dtype=np.uint64)
    claim |= _LISTS if out is None else np.where(out, np.uint64(0), _LISTS)
    won = np.full(int(right.max()) + 1, _NONE)
    level = np.frexp((right - left).astype(np.float64))[1] - 1
    for height in range(int(level.max()), -1, -1):
        some = level == height
        span = 1 << height
        np.minimum.at(won, left[some], claim[some])
        np.minimum.at(won, right[some] - span, claim[some])
        if height:
            half = span >> 1
            won[half:] = np.minimum(won[half:], won[:-half].copy())
    lists = (won != _NONE) & ((won & _LISTS) != 0)
    return np.where(lists, (won & np.uint64((1 << 31) - 1)).astype(np.int64), -1)


def meet(own: tuple[Numbers, Numbers], those: Segments) -> Segments:
    """The parts of our own intervals (disjoint, in order) that lie in segments; one entry's are joined."""
    low = np.searchsorted(those.last, own[0], "left")
    there = np.append(those.first, _NOWHERE)[low] <= own[1]
    hit = np.flatnonzero(there & (low < len(those.last)))
    low = low[hit]
    count = np.searchsorted(those.first, own[1][hit], "right") - low
    mine = np.repeat(hit, count)
    begins = np.cumsum(count) - count
    theirs = np.arange(len(mine)) - np.repeat(begins - low, count)
    first = np.maximum(own[0][mine], those.first[theirs])
    last = np.minimum(own[1][mine], those.last[theirs])
    name = those.name[theirs]
    new = np.flatnonzero((first[1:] - last[:-1] > 1) | (name[1:] != name[:-1])) + 1
    if not len(first) or len(new) == len(first) - 1:
        return Segments(first, last, name)
    starts = np.concatenate(([0], new))
    return Segments(first[starts], last[np.concatenate((new, [len(first)])) - 1], name[starts])


def size(first: Numbers, last: Numbers) -> int:
    """How many addresses disjoint intervals hold."""
    return int((last - first).sum(dtype=np.int64)) + len(first)


# ---- addresses too long for a column of numbers ---------------------------------------------------

Long = tuple[int, int, int]  # first, last, name


def flatten_long(spans: Sequence[tuple[int, int, bool]]) -> list[Long]:
    """`flatten` for IPv6: the same claims, on the places of the sorted borders."""
    if not spans:
        return []
    points = sorted({one[0] for one in spans} | {one[1] + 1 for one in spans})
    place = {point: number for number, point in enumerate(points)}
    left = np.array([place[one[0]] for one in spans], np.int64)
    right = np.array([place[one[1] + 1] for one in spans], np.int64)
    width = np.array([(one[1] - one[0]).bit_length() for one in spans], np.uint64)
    won = narrowest(left, right, width, np.array([one[2] for one in spans], np.bool_))
    return [
        (points[at], points[at + 1] - 1, int(name)) for at, name in enumerate(won[:-1].tolist()) if name >= 0
    ]


def merge_long(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """`merge` for IPv6."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def meet_long(own: Sequence[tuple[int, int]], those: Sequence[Long]) -> list[Long]:
    """`meet` for IPv6: both in order and disjoint, so one walk along both."""
    found, at = [], 0
    for first, last in own:
        while at < len(those) and those[at][1] < first:
            at += 1
        here = at
        while here < len(those) and those[here][0] <= last:
            found.append((max(first, those[here][0]), min(last, those[here][1]), those[here][2]))
            here += 1
    return found
