"""Attempts as columns: gathered from messages or tables, and handed to the trip's kernel with a device
for each row. Between the two stands `outgoing.py`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unlisted import net
from unlisted.find.trip import Attempts
from unlisted.messages import Attempt, Evidence
from unlisted.net import Address

OUTCOMES = ("", "answered", "refused", "silent")  # the kernel's numbers
ACTIONS = ("", "pass", "block", "held")

# Linux doubles from 1 s and gives up after six tries, the longest gap being 32 s (tcp(7), tcp_syn_retries);
# Windows waits 3 s and 6 s. A port is not used again for the same destination that soon.
RETRANSMIT = 35_000_000  # microseconds
NEW_DEVICE = 3600.0  # seconds since its first lease, in which a device counts as new to us
ROUTED = 4  # more IPv4 addresses than this behind one MAC: it is a router's, and tells no devices apart
PORT_NUMBER = {port: number for number, port in enumerate(net.MAIL_PORTS)}
# Rows in memory, of all sources together and of one once there are that many: 40 bytes each, and as much
# again while they are put in order.
MOST = 2_500_000
ENOUGH = 10_000
# Addresses of one file, some 250 bytes each, and rows whatever their sources: whoever makes up sources has
# any number of them.
CROWD = 1_000_000
UTMOST = 2 * MOST
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
    local: npt.NDArray[np.bool_]  # the machine that logs sent it itself
    addresses: tuple[Address, ...]
    macs: tuple[str, ...]
    files: tuple[str, ...]
    packets: tuple[bool, ...]  # per file: a line is a packet, not a connection

    @property
    def size(self) -> int:
        """How many rows."""
        return len(self.at)

    def rows(self, keep: npt.NDArray[np.int64] | Bools) -> "Flows":
        """Some of the rows, in that order; itself, uncopied, when that is all of them as they stand."""
        if keep.dtype == np.bool_ and keep.all():
            return self
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
            local=self.local[keep],
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
                local=bool(self.local[row]),
            )


class Gatherer:
    """Takes attempts one by one, or columns of them, and keeps them as columns: 40 bytes each.

    Once there are `MOST`, a source that has `ENOUGH` gets no more rows: what it did stands by then. Those of
    it that come later are counted in `left`, and so is what comes of new addresses behind the first `CROWD`.
    """

    def __init__(self, source: str = "", *, packets: bool = True) -> None:
        self.left = 0
        self._source, self._packets = source, packets
        self._batch: list[Attempt] = []
        self._numbers: list[int] = []
        self._done: list[Flows] = []
        self._rows = 0
        self._of: dict[int, int] = {}  # rows of each source, once there are many
        self._addresses: dict[Address, int] = {}
        self._macs: dict[str, int] = {"": 0}
        # Hashing an address costs more than all else here, and `net.ip` hands out the same objects again.
        self._quick: dict[int, int] = {}
        self._alive: list[Address] = []

    def add(self, attempt: Attempt, line: int = 0) -> None:
        """One more, read at `line`."""
        self._batch.append(attempt)
        self._numbers.append(line)
        if len(self._batch) >= _BATCH:
            self._flush()

    def many(self, attempts: Sequence[Attempt], lines: Sequence[int]) -> None:
        """Several at once, and where each was read."""
        self._batch += attempts
        self._numbers += lines
        if len(self._batch) >= _BATCH:
            self._flush()

    def extend(self, part: "Flows", lines: int = 0) -> None:
        """Columns that were gathered elsewhere, of the same source, behind so many lines."""
        if len(self._addresses) >= CROWD:
            known = np.array([address in self._addresses for address in part.addresses], np.bool_)
            keep = known[part.src] & known[part.dst]
            self.left += int(part.size - keep.sum())
            part = part.rows(keep)
        else:
            known = np.ones(len(part.addresses), np.bool_)
        hosts = np.array(
            [self._index(one) if there else 0 for one, there in zip(part.addresses, known, strict=True)],
            np.int32,
        )
        cards = np.array([self._macs.setdefault(mac, len(self._macs)) for mac in part.macs], np.int32)
        src, dst, mac, line = hosts[part.src], hosts[part.dst], cards[part.mac], part.line + lines
        self._keep(
            part._replace(
                src=src, dst=dst, mac=mac, line=line, file=np.zeros(part.size, np.int32),
                addresses=(), macs=(), files=(self._source,), packets=(self._packets,),
            )
        )  # fmt: skip

    def _index(self, address: Address) -> int:
        number = self._addresses.setdefault(address, len(self._addresses))
        if len(self._quick) > _KEPT:
            self._quick.clear()
            self._alive.clear()
        self._quick[id(address)] = number
        self._alive.append(address)  # its id is not used again as long as it is kept
        return number

    def _flush(self) -> None:
        """The batch as columns. What no column holds (another port, the year 300,000) is left out."""
        batch, numbers = self._batch, self._numbers
        self._batch, self._numbers = [], []
        if len(self._addresses) >= CROWD:
            known = [one.src in self._addresses and one.dst in self._addresses for one in batch]
            self.left += known.count(False)
            numbers = [number for number, there in zip(numbers, known, strict=True) if there]
            batch = [one for one, there in zip(batch, known, strict=True) if there]
        if not batch:
            return
        times, sources, targets, sports, dports, outcomes, actions, cards, local = zip(
            *map(_PARTS, batch), strict=True
        )
        macs, quick, index = self._macs, self._quick, self._index
        at, dport = np.array(times, np.float64), np.array(dports, np.int32)
        part = Flows(
            at=np.rint(at * 1e6, where=np.abs(at) < LATEST, out=np.full(len(at), -1.0)).astype(np.int64),
            src=np.array([quick[k] if (k := id(one)) in quick else index(one) for one in sources], np.int32),
            dst=np.array([quick[k] if (k := id(one)) in quick else index(one) for one in targets], np.int32),
            sport=np.array(sports, np.int32),
            port=((dport == _PORTS[1]) + 2 * (dport == _PORTS[2])).astype(np.int8),
            outcome=np.array([*map(_OUTCOME.__getitem__, outcomes)], np.int8),
            action=np.array([*map(_ACTION.__getitem__, actions)], np.int8),
            mac=np.array([macs.setdefault(one, len(macs)) for one in cards], np.int32),
            file=np.zeros(len(batch), np.int32),
            line=np.array(numbers, np.int64),
            local=np.array(local, np.bool_),
            addresses=(),
            macs=(),
            files=(self._source,),
            packets=(self._packets,),
        )
        good = np.isin(dport, _PORTS) & (part.at >= 0)
        self._keep(part if good.all() else part.rows(good))

    def _keep(self, part: "Flows") -> None:
        """Columns with our numbers; of a source that has enough nothing more."""
        if self._rows + part.size > MOST:
            if not self._of:
                self._of = dict(Counter(np.concatenate([one.src for one in self._done]).tolist()))
            full = np.zeros(part.size, np.bool_)
            for source, count in zip(*np.unique(part.src, return_counts=True), strict=True):
                had = self._of.get(int(source), 0)
                self._of[int(source)] = had + int(count)
                if had + count > ENOUGH:
                    full[np.flatnonzero(part.src == source)[max(0, ENOUGH - had) :]] = True
            full[np.flatnonzero(~full)[max(0, UTMOST - self._rows) :]] = True
            self.left += int(full.sum())
            part = part.rows(~full)
        self._rows += part.size
        self._done.append(part)

    def flows(self) -> Flows:
        """What was gathered so far."""
        self._flush()
        if not self._done:
            self._done = [_nothing(self._source, packets=self._packets)]
        self._done = [stacked(self._done)]
        return self._done[0]._replace(addresses=tuple(self._addresses), macs=tuple(self._macs))


_PORTS = net.MAIL_PORTS
LATEST = 4e12  # seconds; in microseconds it still fits into 64 bits
_PARTS = attrgetter("at", "src", "dst", "sport", "dport", "outcome", "action", "mac", "local")
_OUTCOME = {name: number for number, name in enumerate(OUTCOMES)}
_ACTION = {name: number for number, name in enumerate(ACTIONS)}
_KINDS = (
    np.int64, np.int32, np.int32, np.int32, np.int8, np.int8, np.int8, np.int32, np.int32, np.int64, np.bool_,
)  # fmt: skip


def _nothing(source: str, *, packets: bool) -> Flows:
    """No rows."""
    empty = (np.zeros(0, kind) for kind in _KINDS)
    return Flows._make((*empty, (), (), (source,), (packets,)))


def stacked(parts: list[Flows]) -> Flows:
    """Rows under rows; what they index is the first one's."""
    if len(parts) == 1:
        return parts[0]
    whole = (np.concatenate([part[place] for part in parts]) for place in range(len(_KINDS)))
    return Flows._make((*whole, *parts[0][len(_KINDS) :]))


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


def is_new(at: float, first_seen: float | None) -> bool:
    """True in the first hour after a device's first lease; where no lease tells, its age is unknown."""
    return first_seen is not None and 0 <= at - first_seen < NEW_DEVICE


def columns(flows: Flows, ids: npt.NDArray[np.int32], first_seen: Sequence[float | None] = ()) -> Attempts:
    """What the kernel reads, `ids` telling whose each row is and `first_seen` since when each was known.

    `flows` must be in order of time.
    """
    prefixes = np.array([net.prefix(address) for address in flows.addresses], np.int64)
    age = np.zeros(flows.size, np.int8)
    if first_seen:
        first = np.array([np.nan if one is None else one for one in first_seen], np.float64)
        since = flows.at / 1e6 - first[ids]
        age = ((since >= 0) & (since < NEW_DEVICE)).astype(np.int8)
    return Attempts(ids, flows.at, prefixes[flows.dst], flows.port, flows.outcome, age)
