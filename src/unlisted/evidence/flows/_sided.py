"""A flow that goes one way (NetFlow, IPFIX, nfdump): who opened it, and how it went.

Sources: RFC 3954 §8 and RFC 7012 (tcpControlBits: the flags of all packets, or-ed), RFC 6335 §6 (ports
below 1024 are servers'). An exporter tells either half of a connection on its own, and a long one in
several parts.

Surprises: Many exporters leave the flags at zero. Where packets are sampled, a missing SYN means nothing,
and neither does a lone one. A router that counts on two interfaces tells each flow twice.
"""

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection
from unlisted.evidence.flows.halves import Halves
from unlisted.messages import Attempt, Contact
from unlisted.net import Address

REMEMBERED = 65_536  # flows, by their ends
AGAIN = 1.0  # seconds between the starts of one flow as two interfaces saw it
_TCP = 6
_SYN, _ACK = 0x02, 0x10

Key = tuple[Address, Address, int, int, int]


class Sided:
    """The flows of one file or exporter, in their order."""

    def __init__(self) -> None:
        self._starts: dict[Key, float] = {}
        self._halves = Halves()

    def flow(
        self,
        at: float,
        src: Address | None,
        dst: Address | None,
        sport: int,
        dport: int,
        protocol: int,
        flags: int = 0,
        *,
        sampled: bool = False,
        outcome: str = "",
        mac: str = "",
        action: str = "",
        nat: Address | None = None,
        nat_port: int = 0,
        account: str = "",
        end: float | None = None,
    ) -> Attempt | Contact | Other | None:
        """One flow; OTHER for an answer's half, a later part, or one that was told already."""
        if src is None or dst is None:
            return None
        tcp = protocol == _TCP
        whole = bool(flags) and not sampled
        if tcp and sport in net.MAIL_PORTS and dport not in net.MAIL_PORTS:
            self._halves.answers((dst, dport, src, sport), at, _letters(flags) if whole else None, 0)
            return OTHER
        if tcp and ((whole and not flags & _SYN) or answers(sport, dport)):
            return OTHER
        back = self._starts.get((dst, src, dport, sport, protocol))
        if back is not None and back <= at + AGAIN and (tcp or sport or dport):
            return OTHER
        key = (src, dst, sport, dport, protocol)
        known = self._starts.get(key)
        if known is not None and abs(at - known) <= AGAIN:
            return OTHER
        if known is None and len(self._starts) >= REMEMBERED:
            del self._starts[next(iter(self._starts))]
        self._starts[key] = at
        if tcp and whole and not outcome:
            outcome = "answered" if flags & _ACK else "silent" if flags & 0x3F == _SYN else ""
        if tcp and outcome != "answered" and (told := self._halves.told((src, sport, dst, dport), at)):
            outcome = told
        if protocol in (1, 58):
            sport = dport = 0  # type and code
        return connection(
            at, src, dst, dport, sport, str(protocol),
            mac=mac, action=action, outcome=outcome, nat=nat, nat_port=nat_port, account=account, end=end,
        )  # fmt: skip


def answers(sport: int, dport: int) -> bool:
    """True when the ports tell that the server speaks."""
    return sport < 1024 <= dport and sport != 0


def _letters(flags: int) -> str:
    return "".join(letter for bit, letter in ((_SYN, "S"), (0x04, "R"), (_ACK, "A")) if flags & bit)
