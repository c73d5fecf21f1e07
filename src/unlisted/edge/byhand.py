"""What a person decides, carried out at once: hold, release, the standing rule. Each leaves an audit line.

A hold is said to be verified only when the kernel counted packets of the device that it stopped; a silent
device's hold stays `applied`.
"""

import getpass
import os
import socket
import time

from msgspec import Struct

from unlisted import net
from unlisted.edge import apply, surroundings
from unlisted.edge.store import Store
from unlisted.errors import UnlistedError
from unlisted.messages import Decision, Device
from unlisted.stop import decide
from unlisted.stop.enforcers.nftables import Standing

NOTHING = "nothing was held"  # as edge/apply.py says it
LOOK = 0.1  # seconds between two looks at the counters


class Done(Struct, frozen=True):
    """The decision as it stands now, and a sentence for the person."""

    decision: Decision
    text: str


def now() -> float:
    """The moment of a person's decision, Unix seconds."""
    return time.time()


def person() -> str:
    """Who decides: the login name, also behind sudo."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def hold(decision: Decision, store: Store, *, wait: float) -> Done:
    """Hold, end the open connections, and watch for `wait` seconds whether traffic is stopped."""
    key = decision.device.key
    store.save_decision(decision, time.time(), decision.by)
    with apply.Nft() as nft:
        try:
            done = nft.hold(decision, time.time())
        except UnlistedError:
            store.save_decision(decide.failed(decision), time.time(), decision.by)
            raise
        after = decide.applied(decision, time.time(), done.ok)
        store.save_decision(after, time.time(), decision.by)
        if not done.ok:
            return Done(after, f"NOT held: {key}: {done.detail}")
        flows = nft.end_flows(after)
        until = time.monotonic() + wait
        while not (stopped := nft.held_traffic(after)) and time.monotonic() < until:
            time.sleep(LOOK)
    if not stopped:
        return Done(
            after, f"{key}: hold applied; {flows}; it has sent nothing since, so nothing is proven yet"
        )
    after = decide.verified(after, time.time())
    store.save_decision(after, time.time(), decision.by)
    return Done(after, f"{key}: held; {stopped} of its packets stopped so far; {flows}")


def release(decision: Decision, store: Store) -> Done:
    """Let go, and keep who did it.

    A proposal was most likely never carried out, and is dismissed; the kernel is asked all the same, for
    whoever held it may have been killed before it could say so.
    """
    with apply.Nft() as nft:
        done = nft.release(decision)
    if not done.ok:
        raise UnlistedError(f"not released: {done.detail}", remedy="nft list table inet unlisted")
    after = decide.release(decision, person(), time.time())
    store.save_decision(after, time.time(), person())
    never = decision.state not in decide.STANDING and done.detail == NOTHING
    what = "proposal dismissed" if never else after.state
    return Done(after, f"{decision.device.key}: {what}")


def standing(store: Store, at: float) -> list[Decision]:
    """The holds that stand, by the store and by the kernel: a reboot or a flushed table takes them away.

    Where the kernel may not be asked, the store's word counts.
    """
    told = store.decisions(at)
    if not told:
        return []
    try:
        with apply.Nft() as nft:
            there = {element.decision for element in nft.held()}
    except UnlistedError:
        return told
    return [decision for decision in told if decision.id in there]


def held_here(device: Device, at: float) -> list[Decision]:
    """The holds of a device that the kernel knows and the store does not: one for each decision there."""
    with apply.Nft() as nft:
        names = {device.mac, str(device.address or "")} - {""}
        found = [element for element in nft.held() if element.name in names]
    ends = {element.decision: at + max(1, element.seconds) for element in found}
    return [
        Decision(name, device, "found in the kernel", "", at, end, "applied", "")
        for name, end in ends.items()
    ]


def forwards() -> bool:
    """False where this network namespace passes no packet on: then it is no gateway. True when not known."""
    for path in ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"):
        try:
            with open(path, encoding="ascii") as file:
                if file.read().strip() != "0":
                    return True
        except OSError:
            return True
    return False


def interfaces() -> set[str]:
    """The interfaces of this network namespace; /sys may still show another one's."""
    return {name for _, name in socket.if_nameindex()}


def outside() -> list[str]:
    """The interfaces of the default routes."""
    return list(dict.fromkeys(route.dev for route in surroundings.default_routes() if route.dev))


def install(rule: Standing, store: Store) -> str:
    """Install the standing rule; a sentence. UnlistedError when it does not stand afterwards."""
    with apply.Nft() as nft:
        done = nft.install(rule)
    if not done.ok:
        raise UnlistedError(f"the rule does not stand: {done.detail}", remedy="nft list table inet unlisted")
    allowed = ", ".join(rule.senders) or "nobody"
    store.audit(
        time.time(), person(), f"standing rule installed towards {', '.join(rule.wan)}, for {allowed}"
    )
    return "the standing rule is installed and was read back from the kernel"


def remove(store: Store) -> str:
    """Remove the standing rule; the whole table when nobody is held. A sentence."""
    with apply.Nft() as nft:
        held = {element.decision for element in nft.held()}
        done = nft.remove_standing() if held else nft.remove()
    if not done.ok:
        raise UnlistedError(f"not removed: {done.detail}", remedy="nft delete table inet unlisted")
    store.audit(time.time(), person(), "standing rule removed")
    if held:
        return f"the standing rule is gone; {len(held)} hold(s) stay until released (unlisted release DEVICE)"
    return "the standing rule is gone, nothing of it is left"


def spelled(name: str) -> set[str]:
    """The ways in which a decision may be meant: as typed, as an address, as a MAC."""
    return {name, str(net.ip(name) or ""), net.mac(name)} - {""}
