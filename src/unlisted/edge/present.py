"""Who is on the network: lease files, the store, the kernel's neighbors; and a device by its name."""

import os
import time
from collections.abc import Iterable

from unlisted import evidence, net
from unlisted.edge import kernel, vendors
from unlisted.edge.store import Store
from unlisted.errors import UnlistedError
from unlisted.find.who import Who
from unlisted.messages import Device, Lease
from unlisted.net import Address

LARGEST = 16 << 20  # bytes: no office has a larger lease file


def lease_file(path: str) -> list[Lease]:
    """The leases of one file in any known format; UnlistedError when it cannot be read or holds none."""
    try:
        # Not to wait for a pipe's writer, who may never come.
        with open(
            path, encoding="utf-8", errors="replace", opener=lambda p, f: os.open(p, f | os.O_NONBLOCK)
        ) as file:
            lines = file.read(LARGEST).splitlines()
    except OSError as error:
        raise UnlistedError(
            f"cannot read the leases {path}: {error.strerror}",
            remedy="name an existing file that you may read",
            code=4 if isinstance(error, PermissionError) else 2,
        ) from None
    now = time.time()
    found = evidence.present(lines[:200], now)
    if not found:
        raise UnlistedError(
            f"{path} holds no leases in a format that is known", remedy="unlisted find --help"
        )
    readers = [(form.hint, form.reader()) for form in found]
    events = (parse(line, now) for line in lines for hint, parse in readers if hint in line)
    last: dict[tuple[Address, str, float | None], Lease] = {}
    for lease in (one for event in events for one in evidence.facts(event) if isinstance(one, Lease)):
        key = (lease.address, lease.mac, lease.start)
        last.pop(key, None)  # of a file that only grows the last word on a lease counts
        last[key] = lease
    return list(last.values())


def known(store: Store | None, files: Iterable[str] = ()) -> list[Lease]:
    """The leases and neighbors that can be found here and stand; the kernel's come last."""
    return standing(claims(store, files))


def claims(store: Store | None, files: Iterable[str] = ()) -> list[Lease]:
    """All that ever claimed an address here, in the order of time as far as it is known."""
    found = store.events(Lease) if store else []
    for path in files:
        found += lease_file(path)
    return [*found, *kernel.neighbors()]


def standing(leases: list[Lease]) -> list[Lease]:
    """Without those that tell no end and whose address another MAC has had since: they are history.

    A lease that tells its end stays until then, whoever claims its address: two claims are a conflict.
    """
    last = {lease.address: lease.mac for lease in leases}
    return [lease for lease in leases if lease.end is not None or lease.mac == last[lease.address]]


def find(name: str, leases: Iterable[Lease], now: float) -> Device:
    """The one device that goes by this MAC, address or host name; UnlistedError when none or several do."""
    who, there = Who(vendors.name), list(leases)
    for lease in there:
        who.add(lease)
    if mac := net.mac(name):
        return _by_mac(mac, who, there, now)
    if address := net.ip(name):
        return who.device(address, now)
    named = {one.mac: one for one in there if one.hostname and one.hostname.lower() == name.lower()}
    if len(named) > 1:
        raise UnlistedError(
            f"{len(named)} devices call themselves {name!r}: {', '.join(sorted(named))}",
            remedy="name one by its MAC",
            code=2,
        )
    for mac in named:
        return _by_mac(mac, who, there, now)
    raise UnlistedError(
        f"no device goes by {name[:80]!r} here",
        remedy="name it by MAC or address, or point at the DHCP leases with --leases FILE",
        code=2,
    )


def _by_mac(mac: str, who: Who, leases: list[Lease], now: float) -> Device:
    """The device with the last word on its address; leases that have ended say nothing about now."""
    live = [one for one in leases if one.mac == mac and (one.end is None or one.end > now)]
    if live:
        return who.device(live[-1].address, now, mac)
    hostname = next((one.hostname for one in reversed(leases) if one.mac == mac and one.hostname), "")
    return Device(address=None, mac=mac, vendor=vendors.name(mac), hostname=hostname)
