"""What a gateway's or a recorder's line is made into: an attempt on a mail port, or some other contact."""

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.messages import Attempt, Contact
from unlisted.net import Address

# IANA's numbers, and what logs call them. What is not here goes by its own name.
PROTOCOLS = {
    "6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6", "47": "gre", "50": "esp", "132": "sctp", "2": "igmp",
    "icmpv6": "icmp6", "ipv6-icmp": "icmp6",
}  # fmt: skip


def port(text: str) -> int:
    """The number of a port, 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535 else 0


def connection(
    at: float,
    src: Address | None,
    dst: Address | None,
    dport: int,
    sport: int = 0,
    protocol: str = "tcp",
    *,
    opens: bool = True,
    mac: str = "",
    action: str = "",
    outcome: str = "",
    nat: Address | None = None,
    nat_port: int = 0,
    account: str = "",
    end: float | None = None,
) -> Attempt | Contact | Other | None:
    """The fact that these make; None without both addresses, OTHER for a packet that opens nothing.

    `opens`: a SYN without ACK, a flow, a session; False for an answer or for a packet in the middle.
    `nat` equal to `src` says that nothing was translated.
    """
    if src is None or dst is None:
        return None
    if not opens:
        return OTHER
    if nat == src and nat_port in (0, sport):
        nat, nat_port = None, 0
    name = protocol.lower()
    name = PROTOCOLS.get(name, name)
    if name == "tcp" and dport in net.MAIL_PORTS:
        return Attempt(at, src, dst, dport, sport, mac, action, outcome, nat, nat_port, account)
    return Contact(at, src, dst, dport, sport, name, mac, action, outcome, nat, nat_port, account, end)
