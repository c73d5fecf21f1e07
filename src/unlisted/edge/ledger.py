"""The lists over time: since when each accuses us, what was asked when, and which lists can be believed."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from unlisted.edge.store import Store

if TYPE_CHECKING:
    from unlisted.notice.lists import Kind

Place: TypeAlias = tuple[str, str]  # address or name, list


def since(store: Store, addresses: Sequence[str]) -> dict[Place, float]:
    """Since when each list has named each address without a break, as far as we looked (Unix seconds)."""
    rows = store.rows(
        "SELECT address, list, first_seen FROM spans WHERE state = 'listed' AND id IN (SELECT max(id)"
        " FROM spans WHERE address IN (SELECT value FROM json_each(?)) GROUP BY address, list)",
        (json.dumps(addresses),),
    )
    return {(str(address), str(name)): float(str(first)) for address, name, first in rows}


def ever(store: Store, addresses: Sequence[str]) -> frozenset[Place]:
    """Who of them was on which list at any time."""
    rows = store.rows(
        "SELECT DISTINCT address, list FROM spans WHERE state = 'listed'"
        " AND address IN (SELECT value FROM json_each(?))",
        (json.dumps(addresses),),
    )
    return frozenset((str(address), str(name)) for address, name in rows)


def trusted(store: Store, resolver: str, after: float, now: float) -> "frozenset[tuple[str, Kind]]":
    """The zones whose test points were right, asked through this resolver, since `after`.

    What a clock that went ahead wrote down is not believed until that day comes.
    """
    rows = store.rows(
        "SELECT zone, subject FROM trusted WHERE resolver = ? AND at > ? AND at <= ?", (resolver, after, now)
    )
    return frozenset((str(zone), subject) for zone, subject in rows)  # type: ignore[misc]  # as `trust` put it


def trust(store: Store, resolver: str, places: "Iterable[tuple[str, Kind]]", at: float) -> None:
    """Remember test points that were right. What was wrong is never remembered: it is asked again."""
    told = [(resolver, zone, kind, at) for zone, kind in places]

    def work(connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT OR REPLACE INTO trusted VALUES (?, ?, ?, ?)", told)

    store.submit(work).result()
