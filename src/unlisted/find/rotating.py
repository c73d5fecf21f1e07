"""One machine that takes a new IPv6 address for each connection, where the log shows no MAC.

A machine may take as many addresses of its /64 as it likes (RFC 8981), and each one looks like a device
that hardly sent anything. Taken together they are judged once more, and since several machines may share
the /64, that is said and nobody is accused.
"""

from collections.abc import Iterator
from ipaddress import IPv6Network

import numpy as np

from unlisted.find import trip
from unlisted.find.cards import Devices
from unlisted.find.columns import Flows, columns

FEW = 3  # attempts for each address; with more, the addresses are judged one by one well enough
_HOST = 64  # bits


def rotating(flows: Flows, made: Devices, table: trip.Table) -> Iterator[str]:
    """A sentence for each /64 that trips only as a whole."""
    nameless = np.array([not one.device.mac for one in made.who], np.bool_)
    six = np.array([address.version == 6 for address in flows.addresses], np.bool_)
    rows = np.flatnonzero(nameless[made.id] & six[flows.src])
    groups: dict[int, int] = {}
    of: dict[int, int] = {}
    for source in np.unique(flows.src[rows]).tolist():
        network = int(flows.addresses[source]) >> _HOST
        of[source] = groups.setdefault(network, len(groups))
    if not groups:
        return
    numbers = np.zeros(len(flows.addresses), np.int32)
    numbers[list(of)] = list(of.values())
    ids = numbers[flows.src[rows]]
    members = np.bincount(list(of.values()), minlength=len(groups))
    tries = np.bincount(ids, minlength=len(groups))
    together = columns(flows.rows(rows), ids)
    _, alarms = trip.advance(trip.State.new(len(groups)), together, table)
    tripped = set(alarms.device.tolist())
    for network, number in groups.items():
        if number in tripped and members[number] > 1 and tries[number] < FEW * members[number]:
            span = IPv6Network((network << _HOST, 128 - _HOST))
            yield (
                f"{tries[number]:,} attempts from {members[number]:,} addresses of {span}, hardly one twice:"
                " together they are as a spamming machine's that changes its address, or of several machines"
                "; this log shows no MAC to tell. Give the neighbor table (ip neigh) with --leases"
            )
