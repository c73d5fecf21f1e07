"""What `unlisted find` says of the same devices: roles before thresholds, by `rank.judge`."""

from collections import Counter
from ipaddress import IPv4Address
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from study import REPORTED, bots, honest
from study.traces import ANSWERED, PORT_25, Trace
from unlisted.find import rank
from unlisted.find.columns import Flows
from unlisted.find.who import Who
from unlisted.messages import Suspect

_INSIDE, _OUTSIDE = int(IPv4Address("10.0.0.1")), int(IPv4Address("11.0.0.7"))
CALLERS = 5  # networks outside that bring mail to a mail server


class Verdicts(NamedTuple):
    """Devices by what they are called at the end of the log."""

    devices: int
    bare: Counter[str]  # nothing is declared
    declared: Counter[str]  # every device is declared as a sender
    called: Counter[str]  # mail from outside is seen to be taken by it
    roles: Counter[str]  # the titles given when nothing is declared

    @property
    def accused(self) -> int:
        """Rogue or suspect when nothing is declared."""
        return self.bare["rogue"] + self.bare["suspect"]


def source(device: int) -> IPv4Address:
    """The address of a device."""
    return IPv4Address(_INSIDE + device)


def flows(trace: Trace, callers: int = 0) -> Flows:
    """The trace as a gateway log shows it; with `callers`, each device answers so many on its port 25."""
    given = trace.attempts
    targets, dst = np.unique(given.prefix, return_inverse=True)
    outside = [IPv4Address(_OUTSIDE + (int(target) << 8)) for target in targets]
    outside += [IPv4Address(int(IPv4Address("203.0.113.9")) - (i << 8)) for i in range(callers)]
    inbound = np.repeat(np.arange(trace.devices), callers)
    caller = trace.devices + len(targets) + np.tile(np.arange(callers), trace.devices)
    rows, size = len(given.at), len(given.at) + len(inbound)

    def column(ours: npt.ArrayLike, theirs: npt.ArrayLike, kind: type) -> npt.NDArray[Any]:
        parts = np.broadcast_to(np.asarray(ours), rows), np.broadcast_to(np.asarray(theirs), len(inbound))
        return np.concatenate(parts).astype(kind)

    return Flows(
        at=column(given.at, given.at.min() if rows else 0, np.int64),
        src=column(given.device, caller, np.int32),
        dst=column(trace.devices + dst, inbound, np.int32),
        sport=np.zeros(size, np.int32),
        port=column(given.port, PORT_25, np.int8),
        outcome=column(given.outcome, ANSWERED, np.int8),
        action=np.zeros(size, np.int8),
        mac=np.zeros(size, np.int32),
        file=np.zeros(size, np.int32),
        line=np.arange(1, size + 1, dtype=np.int64),
        local=np.zeros(size, np.bool_),
        addresses=(*map(source, range(trace.devices)), *outside),
        macs=("",),
        files=("gateway.log",),
        packets=(False,),
    )


def verdicts(trace: Trace, *, sender: bool = True) -> Verdicts:
    """Judge a trace thrice; `sender` tells whether declaring and being called make sense."""
    bare = rank.judge(flows(trace), Who(), rank.Setting()).suspects
    declared = called = bare
    if sender:
        everybody = rank.Setting(senders=tuple(str(source(device)) for device in range(trace.devices)))
        declared = rank.judge(flows(trace), Who(), everybody).suspects
        called = rank.judge(flows(trace, CALLERS), Who(), rank.Setting()).suspects
    named = Counter(one.role or "(no role)" for one in bare)
    return Verdicts(len(bare), _verdicts(bare), _verdicts(declared), _verdicts(called), named)


def _verdicts(found: list[Suspect]) -> Counter[str]:
    return Counter(one.verdict for one in found)


def role(one: honest.Role, scale: float = 1.0) -> Verdicts:
    """Devices of one seed, each judged by a log of at most 30 days."""
    devices = max(2, round(min(one.devices, 200) * scale))
    return verdicts(honest.made(one, REPORTED, devices, min(one.days, 30.0)))


def family(one: bots.Family, scale: float = 1.0) -> Verdicts:
    """Infected devices of one seed, judged by all that they did."""
    return verdicts(bots.made(one, REPORTED, max(4, round(100 * scale))), sender=False)
