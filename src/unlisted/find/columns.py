"""Attempts as columns: gathered from messages or tables, and handed to the trip's kernel with a device
for each row. Between the two stands `outgoing.py`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unlisted import net
from unlisted.find.trip import Attempts
from unlisted.find.who import Identity, Who
from unlisted.messages import Attempt, Evidence
from unlisted.net import Address

OUTCOMES = ("", "answered", "refused", "silent")  # the kernel's numbers
ACTIONS = ("", "pass", "block", "held")

# Linux doubles from 1 s and gives up after six tries, the longest gap being 32 s (tcp(7), tcp_syn_retries);
# Windows waits 3 s and 6 s. A port is not used again for the same destination that soon.
RETRANSMIT = 35_000_000  # microseconds
ROUTED = 4  # more IPv4 addresses than this behind one MAC: it is a router's, and tells no devices apart
PORT_NUMBER = {port: number for number, port in enumerate(net.MAIL_PORTS)}
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

    def busiest(self) -> list[Address]:
        """The sources, those of the most rows first."""
        counts = np.bincount(self.src, minlength=len(self.addresses))
        return [self.addresses[number] for number in np.argsort(-counts, kind="stable") if counts[number]]

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
        self._done = [_stacked(self._done)]
        return self._done[0]._replace(addresses=tuple(self._addresses), macs=tuple(self._macs))


def _stacked(parts: Sequence[Flows]) -> Flows:
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
    return _stacked(parts)._replace(
        addresses=tuple(addresses), macs=tuple(macs), files=tuple(files), packets=tuple(packets)
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
