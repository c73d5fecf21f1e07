"""What is true around this machine, for the guard: gateway, name and DHCP servers, its own addresses, the
administrator's machine.

Read from `ip -j`, /etc/resolv.conf, the leases of this machine's own DHCP client and the login's
environment. What cannot be read is left out.
"""

import glob
import os
import re
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from unlisted import net
from unlisted.config import Config
from unlisted.edge import kernel
from unlisted.edge.apply import run
from unlisted.messages import Lease
from unlisted.stop import guard

# Where dhclient, systemd-networkd and NetworkManager keep what they were given.
DHCP_CLIENTS = (
    "/var/lib/dhcp/dhclient*.leases",
    "/run/systemd/netif/leases/*",
    "/var/lib/NetworkManager/*.lease",
)
MOST_FILES = 50  # of one client; it keeps one for each interface
LARGEST = 1 << 20  # bytes of one of them
_SERVER = re.compile(r"(?:option dhcp-server-identifier |SERVER_ADDRESS=)([0-9.]{7,15})")


class _AddrInfo(Struct):
    local: str = ""


class _Interface(Struct):
    ifname: str = ""
    address: str = ""
    addr_info: list[_AddrInfo] = []


class _Route(Struct):
    dst: str = ""
    gateway: str = ""
    dev: str = ""


def _ip(kind: type[Struct], *words: str) -> list[object]:
    """What `ip -j …` says; [] where it says nothing that can be read."""
    done = run(("ip", "-j", *words))
    try:
        return msgspec.json.decode(done.stdout or b"[]", type=list[kind])  # type: ignore[valid-type]
    except msgspec.DecodeError:
        return []


def default_routes() -> list[_Route]:
    """The default routes of both families."""
    routes = _ip(_Route, "-4", "route", "show", "default") + _ip(_Route, "-6", "route", "show", "default")
    return [route for route in routes if isinstance(route, _Route)]


def _name_servers() -> list[str]:
    try:
        with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file]
    except OSError:
        return []
    return [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]


def _dhcp_servers() -> list[str]:
    """Who gave this machine its address, as its DHCP client wrote it down (RFC 2132 §9.7)."""
    found = []
    for path in [path for pattern in DHCP_CLIENTS for path in glob.glob(pattern)[:MOST_FILES]]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found += _SERVER.findall(file.read(LARGEST))
        except OSError:
            continue
    return found


def administrator() -> str:
    """Where the person at the keyboard is logged in from, by SSH_CONNECTION; "" for a local one.

    sudo drops the variable, so the parents are asked too. A mere TCP connection to port 22 proves no
    administrator: anybody on the network can open one, and would become untouchable by it.
    """
    connection = os.environ.get("SSH_CONNECTION", "")
    process = os.getppid()
    for _ in range(32):  # more parents than any login has
        if connection or process <= 1:
            break
        try:
            with open(f"/proc/{process}/environ", "rb") as file:
                variables = file.read(1 << 20).split(b"\0")
            with open(f"/proc/{process}/stat", "rb") as file:
                process = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        for variable in variables:
            if variable.startswith(b"SSH_CONNECTION="):
                connection = variable.partition(b"=")[2].decode("ascii", "replace")
    return connection.split()[0] if connection.split() else ""


def _spelled(texts: Iterable[str]) -> frozenset[str]:
    """Addresses and MACs as the guard compares them; what is neither is left out."""
    return frozenset(spelled for text in texts if (spelled := str(net.ip(text) or "") or net.mac(text)))


def look(config: Config, leases: Iterable[Lease] = ()) -> guard.Network:
    """What the guard must know, read from this machine and the configuration."""
    interfaces = [one for one in _ip(_Interface, "addr") if isinstance(one, _Interface)]
    mine = [one.address for one in interfaces if net.mac(one.address) != "00:00:00:00:00:00"]
    mine += [info.local for one in interfaces for info in one.addr_info]
    return guard.Network(
        gateway=_spelled(route.gateway for route in default_routes()),
        dns=_spelled(_name_servers()),
        dhcp=_spelled(_dhcp_servers()),
        this_host=_spelled(mine),
        admin=_spelled([administrator()]),
        senders=_spelled(config.senders),
        protect=_spelled(config.protect),
        known=(*leases, *kernel.neighbors()),
        max_holds=config.max_holds,
    )
