"""What left the own network, each attempt once: no inner mail, no repetition, no connection seen twice.

A packet log repeats a connection that is not answered (SYN retransmissions, RFC 9293 §3.8.1): the same
source, port and destination again within `RETRANSMIT` is one attempt. A log of both sides of the address
translation tells a connection twice, with two sources: the inner one counts. Only what goes from inside
to outside counts: mail that stays inside lists nobody's address.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from unlisted import net
from unlisted.find.columns import ACTIONS, OUTCOMES, RETRANSMIT, Bools, Flows, Gatherer
from unlisted.find.inside import sides
from unlisted.net import Address, Network

BOTH_SIDES = 2_000_000  # microseconds between the lines that two interfaces write of one connection
TWICE = 3  # connections that two sources share before one is taken for the translation of the other
ALWAYS = 0.9  # share of a translated source's connections that have an inner line
PASSES = 3  # translations behind each other: container, its host, the router
_PORT_25 = 0
_PASS, _ANSWERED = ACTIONS.index("pass"), OUTCOMES.index("answered")

Numbers = npt.NDArray[np.int64]


class Outgoing(Struct, frozen=True):
    """What is left to judge, and what was left out, for saying so."""

    flows: Flows  # in order of time
    inside: int = 0  # stayed inside
    home: int = 0  # went from inside to our own public address, which leads back inside
    inbound: int = 0  # came from outside
    callers: dict[Address, tuple[int, int]] = field(
        default_factory=dict
    )  # who calls port 25 of an address inside, see `_callers`
    # Sources that are not inside though the destination is outside too, and how many rows each has.
    outer: dict[Address, int] = field(default_factory=dict)
    targets: tuple[Address, ...] = ()  # where those went; two are enough to tell
    repeats: int = 0  # retransmissions, and what two sources tell of
    again: dict[Address, int] = field(
        default_factory=dict
    )  # translated sources, and how many of their rows have an inner one
    sources: tuple[Address, ...] = ()  # every one inside, whatever it spoke to
    gateways: frozenset[str] = frozenset()  # MACs that hand on what comes from outside
    # Rows of `outer` without an inner line, nor brought by such a gateway.
    strangers: Flows = field(default_factory=lambda: Gatherer().flows())


def outgoing(
    flows: Flows,
    inside: tuple[Network, ...],
    macs: AbstractSet[str] = frozenset(),
    own: Sequence[Address] = (),
) -> Outgoing:
    """The attempts from inside to outside, each once, in order of time; `inside.py` says who is inside."""
    if not flows.size:
        return Outgoing(flows)
    from_us, to_us, home, gateways = sides(flows, inside, macs, own)
    outer = ~from_us & ~to_us & ~home
    # Who is called and calls as well, both outside: our own public address, seen from its outer side.
    ends = np.intersect1d(flows.src[outer], flows.dst[outer])
    called = outer & np.isin(flows.dst, ends) & ~np.isin(flows.src, ends)
    outer &= ~called
    kept = flows.rows(from_us & ~to_us & ~home)
    if (kept.at[1:] < kept.at[:-1]).any():
        kept = kept.rows(np.argsort(kept.at, kind="stable"))
    repeats = repeated(kept)
    kept = kept.rows(~repeats)
    kept, again = _inner(kept)
    hidden = flows.rows(outer)
    shown = _translated(kept, hidden)
    for address, count in _counted(hidden, shown).items():
        again[address] = again.get(address, 0) + count
    return Outgoing(
        kept,
        inside=int((from_us & to_us & ~home).sum()),
        home=int((from_us & home).sum()),
        inbound=int((~from_us & (to_us | home)).sum() + called.sum()),
        callers=_callers(flows.rows(~from_us & to_us)),
        outer=_counted(flows, outer),
        targets=tuple(flows.addresses[number] for number in np.unique(flows.dst[outer])[:2]),
        repeats=int(repeats.sum()),
        again=again,
        sources=tuple(flows.addresses[i] for i in np.unique(flows.src[from_us])),
        gateways=frozenset(flows.macs[card] for card in gateways),
        strangers=hidden.rows(~shown & ~np.isin(hidden.mac, sorted(gateways))),
    )


def _counted(flows: Flows, rows: Bools) -> dict[Address, int]:
    """The sources of these rows, and how many each has."""
    numbers, counts = np.unique(flows.src[rows], return_counts=True)
    return {flows.addresses[number]: int(count) for number, count in zip(numbers, counts, strict=True)}


def _callers(inbound: Flows) -> dict[Address, tuple[int, int]]:
    """Whose port 25 is called from outside, by how many networks, and how many of those were answered.

    A call proves nothing, for anybody can send one; an answer is the called machine's own.
    """
    rows = inbound.rows((inbound.port == _PORT_25) & (inbound.action <= _PASS))
    return {
        address: (count, answered.get(address, 0))
        for answered in [_networks(rows.rows(rows.outcome == _ANSWERED))]
        for address, count in _networks(rows.rows(rows.outcome <= _ANSWERED)).items()
    }


def _networks(rows: Flows) -> dict[Address, int]:
    """For each destination the number of networks that called it."""
    networks: dict[Address, set[int]] = {}
    for pair in np.unique(rows.dst.astype(np.int64) * len(rows.addresses) + rows.src):
        called, caller = divmod(int(pair), len(rows.addresses))
        networks.setdefault(rows.addresses[called], set()).add(net.prefix(rows.addresses[caller]))
    return {address: len(seen) for address, seen in networks.items()}


def repeated(flows: Flows) -> Bools:
    """Rows that repeat the connection of a row shortly before; all in order of time.

    A packet log repeats it, and another file tells of it again. A log of connections may well show two of the
    same ports one after the other.
    """
    again = np.zeros(flows.size, np.bool_)
    if not flows.size:
        return again
    packet = np.array(flows.packets, np.bool_)[flows.file] & (flows.sport > 0)
    order = np.lexsort((flows.at, flows.port, flows.sport, flows.dst, flows.src))
    before, after = _alike(order, (flows.src, flows.dst, flows.sport, flows.port))
    gaps = flows.at[after] - flows.at[before]
    named = flows.sport[after] > 0
    other = (flows.file[after] != flows.file[before]) & named
    # The same connection at the same microsecond is one that two sources tell of.
    doubled = (gaps == 0) & named
    again[after] = doubled | ((gaps <= RETRANSMIT) & (packet[after] | other))
    return again


def _alike(order: Numbers, columns: Sequence[npt.NDArray[np.integer[Any]]]) -> tuple[Numbers, Numbers]:
    """Rows that follow each other in this order and have the same in all columns: mostly very few."""
    places = np.arange(len(order) - 1)
    for column in columns:
        places = places[column[order[places]] == column[order[places + 1]]]
    return order[places], order[places + 1]


# ---- both sides of a translation in one log --------------------------------------------------------


def _inner(kept: Flows) -> tuple[Flows, dict[Address, int]]:
    """Without the rows that show a connection again after translation to another address inside."""
    again: dict[Address, int] = {}
    for _ in range(PASSES):
        drop = _second_lines(kept)
        if not drop.any():
            break
        for address, count in _counted(kept, drop).items():
            again[address] = again.get(address, 0) + count
        kept = kept.rows(~drop)
    return kept, again


def _second_lines(kept: Flows) -> Bools:
    """Rows whose connection (destination, both ports, moment) a row of another source tells as well.

    A translation keeps the source port where it can (RFC 4787 §4.2.1). Nearly all rows of a source must be
    so before it counts as an address after translation: two machines share a port now and then.
    """
    drop = np.zeros(kept.size, np.bool_)
    if kept.size < 2 * TWICE or not kept.sport.any() or (kept.src == kept.src[0]).all():
        return drop
    order = np.lexsort((kept.line, kept.file, kept.at, kept.sport, kept.port, kept.dst))
    one, two = order[:-1], order[1:]
    pair = (kept.sport[two] > 0) & (kept.src[one] != kept.src[two])
    pair &= (kept.mac[one] != kept.mac[two]) | (kept.mac[two] == 0)  # one card with two addresses forges one
    for column in (kept.dst, kept.port, kept.sport):
        pair &= column[one] == column[two]
    pair &= kept.at[two] - kept.at[one] <= BOTH_SIDES
    if not pair.any():
        return drop
    chain = np.cumsum(~pair)  # rows of one connection; more than so many sources are no translation
    pair &= np.bincount(chain, weights=pair)[chain] <= PASSES
    one, two = one[pair], two[pair]
    size = len(kept.addresses)
    masks = _masks(kept.src[one].astype(np.int64), kept.src[two].astype(np.int64), size)
    for inner, outer in masks:
        for a, b in ((one, two), (two, one)):
            drop[b[(kept.src[a] == inner) & (kept.src[b] == outer)]] = True
    shown = np.bincount(kept.src[drop], minlength=size)
    mostly = (shown >= TWICE) & (shown >= ALWAYS * np.bincount(kept.src, minlength=size))
    drop &= mostly[kept.src]
    return drop


def _masks(first: Numbers, second: Numbers, size: int) -> Iterator[tuple[int, int]]:
    """Which source (second of the pair) stands for which, from the sources of lines that belong together.

    Many machines hide behind one address; where that does not tell, the inner line was written first.
    """
    counts: dict[tuple[int, int], int] = {}
    for key, count in zip(*np.unique(first * size + second, return_counts=True), strict=True):
        counts[divmod(int(key), size)] = int(count)
    partners: dict[int, set[int]] = {}
    for a, b in counts:
        partners.setdefault(a, set()).add(b)
        partners.setdefault(b, set()).add(a)
    for a, b in {(min(pair), max(pair)) for pair in counts}:
        wider = len(partners[a]) - len(partners[b])
        if abs(wider) > 1:
            yield (b, a) if wider > 0 else (a, b)
        else:
            yield (a, b) if counts.get((a, b), 0) >= counts.get((b, a), 0) else (b, a)


def _translated(kept: Flows, outer: Flows) -> Bools:
    """Rows of sources outside that follow an inner one: same destination, port and moment.

    The source port may have been translated too, so it is not asked for.
    """
    if not kept.size or not outer.size:
        return np.zeros(outer.size, np.bool_)
    at = np.concatenate([kept.at, outer.at])
    target = np.concatenate([kept.dst, outer.dst]).astype(np.int64) * len(net.MAIL_PORTS)
    target += np.concatenate([kept.port, outer.port])
    is_outer = np.arange(len(at)) >= kept.size
    order = np.lexsort((is_outer, at, target))
    last = np.maximum.accumulate(np.where(is_outer[order], -1, np.arange(len(order))))
    before = order[np.maximum(last, 0)]  # the inner row before each, if there is one
    shown = is_outer[order] & (last >= 0) & (target[before] == target[order])
    shown &= at[order] - at[before] <= BOTH_SIDES
    told = np.zeros(outer.size, np.bool_)
    told[order[shown] - kept.size] = True
    return told
