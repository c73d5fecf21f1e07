"""Attempts as columns: gathered from messages or tables, freed of what is no attempt of ours, and handed
to the trip's kernel with a device for each row.

A packet log repeats a connection that is not answered (SYN retransmissions, RFC 9293 §3.8.1): the same
source, port and destination again within `RETRANSMIT` is one attempt. Only what goes from inside to
outside counts: mail that stays inside lists nobody's address.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unlisted import net
from unlisted.find.trip import Attempts
from unlisted.find.who import Identity, Who
from unlisted.messages import Attempt, Evidence
from unlisted.net import Address, Network

OUTCOMES = ("", "answered", "refused", "silent")  # the kernel's numbers
ACTIONS = ("", "pass", "block", "held")

# Linux doubles from 1 s and gives up after six tries, the longest gap being 32 s (tcp(7), tcp_syn_retries);
# Windows waits 3 s and 6 s. A port is not used again for the same destination that soon.
RETRANSMIT = 35_000_000  # microseconds
ROUTED = 4  # more IPv4 addresses than this behind one MAC: it is a router's, and tells no devices apart
PORT_NUMBER = {port: number for number, port in enumerate(net.MAIL_PORTS)}
_PORT_25, _PASS, _ANSWERED = 0, 1, 1  # places in net.MAIL_PORTS, ACTIONS and OUTCOMES
_BATCH = 16_384  # attempts turned into columns at once
_KEPT = 200_000  # addresses known by object before the quick index is emptied

Bools = npt.NDArray[np.bool_]


class Flows(NamedTuple):
    """Attempts as columns of equal length, with the values that they index."""

    at: npt.NDArray[np.int64]  # microseconds since 1970, UTC
    src: npt.NDArray[np.int32]  # into addresses
    dst: npt.NDArray[np.int32]
    sport: npt.NDArray[np.int32]  # 0: unknown
    port: npt.NDArray[np.int8]  # into net.MAIL_PORTS
    outcome: npt.NDArray[np.int8]  # into OUTCOMES
    action: npt.NDArray[np.int8]  # into ACTIONS
    mac: npt.NDArray[np.int32]  # into macs; 0: unknown
    file: npt.NDArray[np.int32]  # into files
    line: npt.NDArray[np.int64]
    addresses: tuple[Address, ...]
    macs: tuple[str, ...]
    files: tuple[str, ...]
    packets: tuple[bool, ...]  # per file: a line is a packet, not a connection

    @property
    def size(self) -> int:
        """How many rows."""
        return len(self.at)

    def rows(self, keep: npt.NDArray[np.int64] | Bools) -> "Flows":
        """Some of the rows, in that order."""
        return self._replace(
            at=self.at[keep],
            src=self.src[keep],
            dst=self.dst[keep],
            sport=self.sport[keep],
            port=self.port[keep],
            outcome=self.outcome[keep],
            action=self.action[keep],
            mac=self.mac[keep],
            file=self.file[keep],
            line=self.line[keep],
        )

    def evidence(self, rows: Sequence[int]) -> tuple[Evidence, ...]:
        """Where these rows were read; the text is quoted by the edge."""
        return tuple(Evidence(self.files[self.file[row]], int(self.line[row]), "") for row in rows)

    def attempts(self) -> Iterator[Attempt]:
        """The rows as messages."""
        for row in range(len(self.at)):
            yield Attempt(
                at=int(self.at[row]) / 1e6,
                src=self.addresses[self.src[row]],
                dst=self.addresses[self.dst[row]],
                dport=net.MAIL_PORTS[self.port[row]],
                sport=int(self.sport[row]),
                mac=self.macs[self.mac[row]],
                action=ACTIONS[self.action[row]],
                outcome=OUTCOMES[self.outcome[row]],
                seen=self.evidence([row])[0],
            )


class Gatherer:
    """Takes attempts one by one and keeps them as columns: about 45 bytes each."""

    def __init__(self, source: str = "", *, packets: bool = True) -> None:
        self._source, self._packets = source, packets
        self._batch: list[Attempt] = []
        self._numbers: list[int] = []
        self._done: list[Flows] = []
        self._addresses: dict[Address, int] = {}
        self._macs: dict[str, int] = {"": 0}
        # Hashing an address costs more than all else here, and `net.ip` hands out the same objects again.
        self._quick: dict[int, tuple[int, Address]] = {}

    def add(self, attempt: Attempt, line: int = 0) -> None:
        """One more, read at `line`."""
        self._batch.append(attempt)
        self._numbers.append(line)
        if len(self._batch) >= _BATCH:
            self._flush()

    def _index(self, address: Address) -> int:
        if (known := self._quick.get(id(address))) is not None:
            return known[0]
        number = self._addresses.setdefault(address, len(self._addresses))
        if len(self._quick) > _KEPT:
            self._quick.clear()
        self._quick[id(address)] = (number, address)  # the reference keeps the id from being used again
        return number

    def _flush(self) -> None:
        """The batch as columns. What no column holds (another port, the year 300,000) is left out."""
        batch, numbers = self._batch, self._numbers
        self._batch, self._numbers = [], []
        keep = [one.dport in PORT_NUMBER and 0 <= one.at < 4e12 for one in batch]
        if not all(keep):
            numbers = [number for number, kept in zip(numbers, keep, strict=True) if kept]
            batch = [one for one, kept in zip(batch, keep, strict=True) if kept]
        macs, index = self._macs, self._index
        at = np.array([one.at for one in batch], np.float64)
        self._done.append(
            Flows(
                at=np.rint(at * 1e6).astype(np.int64),
                src=np.array([index(one.src) for one in batch], np.int32),
                dst=np.array([index(one.dst) for one in batch], np.int32),
                sport=np.array([one.sport for one in batch], np.int32),
                port=np.array([PORT_NUMBER[one.dport] for one in batch], np.int8),
                outcome=np.array([OUTCOMES.index(one.outcome) for one in batch], np.int8),
                action=np.array([ACTIONS.index(one.action) for one in batch], np.int8),
                mac=np.array([macs.setdefault(one.mac, len(macs)) for one in batch], np.int32),
                file=np.zeros(len(batch), np.int32),
                line=np.array(numbers, np.int64),
                addresses=(),
                macs=(),
                files=(self._source,),
                packets=(self._packets,),
            )
        )

    def flows(self) -> Flows:
        """What was gathered so far."""
        self._flush()
        self._done = [stacked(self._done)]
        return self._done[0]._replace(addresses=tuple(self._addresses), macs=tuple(self._macs))


def stacked(parts: Sequence[Flows]) -> Flows:
    """Rows under rows; what they index is the first one's."""
    return parts[0]._replace(
        at=np.concatenate([part.at for part in parts]),
        src=np.concatenate([part.src for part in parts]),
        dst=np.concatenate([part.dst for part in parts]),
        sport=np.concatenate([part.sport for part in parts]),
        port=np.concatenate([part.port for part in parts]),
        outcome=np.concatenate([part.outcome for part in parts]),
        action=np.concatenate([part.action for part in parts]),
        mac=np.concatenate([part.mac for part in parts]),
        file=np.concatenate([part.file for part in parts]),
        line=np.concatenate([part.line for part in parts]),
    )


def gather(attempts: Sequence[Attempt]) -> Flows:
    """Columns from messages, with where each was seen."""
    by_file: dict[str, Gatherer] = {}
    for one in attempts:
        source, line = (one.seen.source, one.seen.line) if one.seen else ("", 0)
        by_file.setdefault(source, Gatherer(source)).add(one, line)
    return join([one.flows() for one in by_file.values()])


def join(many: Sequence[Flows]) -> Flows:
    """Several as one."""
    if not many:
        return Gatherer().flows()
    if len(many) == 1:
        return many[0]
    addresses: dict[Address, int] = {}
    macs: dict[str, int] = {}
    parts: list[Flows] = []
    files: list[str] = []
    packets: list[bool] = []
    for one in many:
        hosts = np.array([addresses.setdefault(a, len(addresses)) for a in one.addresses], np.int32)
        cards = np.array([macs.setdefault(m, len(macs)) for m in one.macs], np.int32)
        parts.append(
            one._replace(
                src=hosts[one.src],
                dst=hosts[one.dst],
                mac=cards[one.mac],
                file=one.file + np.int32(len(files)),
            )
        )
        files += one.files
        packets += one.packets
    return stacked(parts)._replace(
        addresses=tuple(addresses), macs=tuple(macs), files=tuple(files), packets=tuple(packets)
    )


class Outgoing(NamedTuple):
    """What is left to judge, and what was left out, for saying so."""

    flows: Flows  # in order of time
    inside: int  # stayed inside
    inbound: int  # came from outside
    callers: dict[Address, tuple[int, int]]  # who calls port 25 of an address inside, see `_callers`
    outer: tuple[Address, ...]  # sources that are not inside though the destination is outside too
    outer_rows: int
    repeats: int  # retransmissions, and what two sources tell of


def outgoing(flows: Flows, inside: tuple[Network, ...], macs: AbstractSet[str] = frozenset()) -> Outgoing:
    """The attempts from inside to outside, each once, in order of time.

    A machine inside has a public IPv6 address as well, which no list of private ranges holds: it is
    inside when its MAC is, because `macs` (from leases) or an attempt from a private address names it.
    """
    ours = np.array([net.inside(address, inside) for address in flows.addresses], np.bool_)
    if not flows.size:
        return Outgoing(flows, 0, 0, {}, (), 0, 0)
    from_us, to_us = ours[flows.src], ours[flows.dst]
    known = {int(card) for card in np.unique(flows.mac[from_us])} - {0}
    known |= {number for number, mac in enumerate(flows.macs) if mac in macs}
    six = np.array([address.version == 6 for address in flows.addresses], np.bool_)
    from_us |= np.isin(flows.mac, sorted(known)) & six[flows.src]
    outer = ~from_us & ~to_us
    # Who is called and calls as well, both outside: our own public address, seen from its outer side.
    ends = np.intersect1d(flows.src[outer], flows.dst[outer])
    called = outer & np.isin(flows.dst, ends) & ~np.isin(flows.src, ends)
    outer &= ~called
    sources = tuple(flows.addresses[i] for i in np.unique(flows.src[outer]))
    kept = flows.rows(from_us & ~to_us)
    kept = kept.rows(np.argsort(kept.at, kind="stable"))
    again = repeated(kept)
    return Outgoing(
        kept.rows(~again),
        int((from_us & to_us).sum()),
        int((~from_us & to_us).sum() + called.sum()),
        _callers(flows.rows(~from_us & to_us)),
        sources,
        int(outer.sum()),
        int(again.sum()),
    )


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
    """Rows of packet logs that repeat the connection of a row shortly before; all in order of time."""
    again = np.zeros(flows.size, np.bool_)
    if not flows.size:
        return again
    packet = np.array(flows.packets, np.bool_)[flows.file] & (flows.sport > 0)
    order = np.lexsort((flows.at, flows.port, flows.sport, flows.dst, flows.src))
    same = np.ones(len(order) - 1, np.bool_)
    for column in (flows.src, flows.dst, flows.sport, flows.port):
        same &= column[order[1:]] == column[order[:-1]]
    gaps = np.diff(flows.at[order])
    # The same connection at the same microsecond is one that two sources tell of.
    doubled = (gaps == 0) & (flows.sport[order[1:]] > 0)
    again[order[1:]] = same & (doubled | ((gaps <= RETRANSMIT) & packet[order[1:]]))
    return again


def wrong_side(out: Outgoing, own: Sequence[Address] = ()) -> str:
    """Why this log cannot name a device: it shows addresses after translation. "" when it can."""
    if out.flows.size or not out.outer:
        return ""
    if len(out.outer) == 1 or all(address in own for address in out.outer):
        return (
            f"every attempt comes from {out.outer[0]}, which is not inside: this log was taken on the outer"
            " side of the address translation. It cannot tell which machine sent, and nobody is accused"
        )
    return (
        f"none of the {len(out.outer)} sources is inside the own network"
        " (name it with --inside NET if it has public addresses)"
    )


class Devices(NamedTuple):
    """Who made each attempt."""

    id: npt.NDArray[np.int32]  # per row
    who: tuple[Identity, ...]  # per id
    notes: tuple[str, ...]


def devices(flows: Flows, who: Who) -> Devices:
    """A device for each row: by MAC where it is known, by lease where it is not, else by address."""
    ids = np.zeros(flows.size, np.int32)
    known: dict[str, int] = {}
    found: list[Identity] = []
    notes: list[str] = []
    routers = _routers(flows)
    notes += [
        f"{flows.macs[mac]} stands before {count} addresses: it is a router's, so these go by address"
        for mac, count in routers.items()
    ]

    def number(identity: Identity) -> int:
        key = identity.device.key
        if key not in known:
            known[key] = len(found)
            found.append(identity)
        return known[key]

    for pair, rows in _groups(flows.src.astype(np.int64) * len(flows.macs) + flows.mac):
        address = flows.addresses[pair // len(flows.macs)]
        card = pair % len(flows.macs)
        mac = "" if card in routers else flows.macs[card]
        first = who.identify(address, flows.at[rows[0]] / 1e6, mac)
        last = who.identify(address, flows.at[rows[-1]] / 1e6, mac)
        # The one lease that is known may begin, or end, between these rows.
        if mac or (not who.moves(address) and first.device.key == last.device.key):
            ids[rows] = number(first)
        else:
            for row in rows:
                ids[row] = number(who.identify(address, flows.at[row] / 1e6))
    return Devices(ids, tuple(found), tuple(notes))


def _groups(keys: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Each distinct key with its rows in order; keys by their first row."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(keys[order]) != 0]) if len(order) else order
    parts = np.split(order, starts[1:])
    for rows in sorted((part for part in parts if len(part)), key=lambda part: int(part[0])):
        yield int(keys[rows[0]]), rows


def _routers(flows: Flows) -> dict[int, int]:
    """MACs with more addresses than one device has, and how many."""
    width = len(flows.macs)
    pairs = np.unique(flows.src.astype(np.int64) * width + flows.mac)
    counts: dict[int, int] = {}
    for pair in pairs:
        if pair % width and flows.addresses[pair // width].version == 4:
            counts[int(pair % width)] = counts.get(int(pair % width), 0) + 1
    return {mac: count for mac, count in counts.items() if count > ROUTED}


def columns(flows: Flows, ids: npt.NDArray[np.int32]) -> Attempts:
    """What the kernel reads. `flows` must be in order of time."""
    prefixes = np.array([net.prefix(address) for address in flows.addresses], np.int64)
    age = np.zeros(flows.size, np.int8)
    return Attempts(ids, flows.at, prefixes[flows.dst], flows.port, flows.outcome, age)
