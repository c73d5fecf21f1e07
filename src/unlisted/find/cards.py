"""Which device made each attempt, and what the cards (MACs) tell of it: which stand before many machines,
which one moves from address to address, and whose a row is in which another source left the card out.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unlisted.find.columns import ROUTED, Flows, columns
from unlisted.find.trip import Attempts
from unlisted.find.who import Identity, Who

ABOUT = 3_600_000_000  # microseconds between a row with the card and one without: no lease is that short
STAYS = 3  # rows under each address, on average, before one after the other tells of a single machine


class Cards(NamedTuple):
    """By number in `flows.macs`, with how many addresses."""

    routers: dict[int, int]  # used at the same time
    movers: dict[int, int]  # used one after the other


def cards(flows: Flows) -> Cards:
    """MACs with more IPv4 addresses than one device has at a time. `flows` is in order of time.

    A machine that changes its address leaves the old one behind; machines behind a router take turns.
    """
    four = np.array([address.version == 4 for address in flows.addresses], np.bool_)
    rows = np.flatnonzero((flows.mac > 0) & four[flows.src])
    rows = rows[np.argsort(flows.mac[rows], kind="stable")]
    found = Cards({}, {})
    for part in np.split(rows, np.flatnonzero(np.diff(flows.mac[rows])) + 1) if len(rows) else ():
        sources = flows.src[part]
        count = np.unique(sources).size
        if count > ROUTED:
            turns = 1 + np.count_nonzero(np.diff(sources))
            moves = turns == count and len(part) >= STAYS * count and _stays(sources) * 2 > count
            (found.movers if moves else found.routers)[int(flows.mac[part[0]])] = count
    return found


def _stays(sources: npt.NDArray[np.int32]) -> int:
    """How many addresses were used more than once."""
    return int((np.unique(sources, return_counts=True)[1] > 1).sum())


def filled(flows: Flows) -> Flows:
    """With the card in rows of a source that leaves it out, where the rows about then show exactly one.

    `flows` is in order of time. An address under two cards is not settled here.
    """
    bare = (flows.mac == 0) & np.isin(flows.src, np.unique(flows.src[flows.mac > 0]))
    if not bare.any():
        return flows
    mac = flows.mac.copy()
    routers = set(cards(flows).routers)
    among = np.flatnonzero(np.isin(flows.src, np.unique(flows.src[bare])))
    for _, places in _groups(flows.src[among].astype(np.int64)):
        rows = among[places]
        shown, without = rows[flows.mac[rows] > 0], rows[flows.mac[rows] == 0]
        card = int(flows.mac[shown[0]])
        if card in routers or (flows.mac[shown] != card).any():
            continue
        place = np.searchsorted(flows.at[shown], flows.at[without])
        before = flows.at[without] - flows.at[shown[np.maximum(place - 1, 0)]]
        after = flows.at[shown[np.minimum(place, len(shown) - 1)]] - flows.at[without]
        mac[without[np.minimum(np.abs(before), np.abs(after)) <= ABOUT]] = card
    return flows._replace(mac=mac)


class Devices(NamedTuple):
    """Who made each attempt."""

    id: npt.NDArray[np.int32]  # per row
    who: tuple[Identity, ...]  # per id
    notes: tuple[str, ...]


def attempts(flows: Flows, made: Devices) -> Attempts:
    """What the kernel reads; `flows` in order of time."""
    return columns(flows, made.id, [one.device.first_seen for one in made.who])


def devices(flows: Flows, who: Who) -> Devices:
    """A device for each row: by MAC where it is known, by lease where it is not, else by address."""
    ids = np.zeros(flows.size, np.int32)
    known: dict[str, int] = {}
    found: list[Identity] = []
    notes: list[str] = []
    routers, movers = cards(flows)
    notes += [
        f"{flows.macs[mac]} stands before {count} addresses: it is a router's, so these go by address"
        for mac, count in routers.items()
    ]
    notes += [
        f"{flows.macs[mac]} had {count} addresses one after the other: one device that changes its address"
        for mac, count in movers.items()
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
