"""NAT-PMP: the router's own address, by the one request that changes nothing on it.

RFC 6886 §3.2 (external address request), §3.5 (result codes). There is no number to match an answer to its
question: whoever listens must hear the router alone (§3.1).
Its successor PCP (RFC 6887) is left out: it tells the external address only in the answer to a MAP or PEER
request, and those open something on the router; ANNOUNCE changes nothing and tells no address.
"""

from ipaddress import IPv4Address

from unlisted.notice.wan import WITHOUT

PORT = 5351  # RFC 6886 §3
QUESTION = b"\x00\x00"  # version 0, opcode 0
RESULTS = {
    1: "it speaks another version only (PCP)",
    2: "it refuses, or this is switched off",
    3: WITHOUT,  # network failure, e.g. no DHCP lease
    4: "it is out of resources",
    5: "it does not know this question",
}


def read(packet: bytes) -> IPv4Address | str:
    """The address that the router gives, or why there is none. Never raises."""
    if len(packet) >= 4 and packet[0] == 2 and packet[3] == 1:
        return RESULTS[1]  # RFC 6887 §9 and appendix A: a server of PCP alone answers in its own version
    if len(packet) < 4 or packet[:2] != b"\x00\x80":
        return "what came is no answer to it"
    if result := int.from_bytes(packet[2:4]):
        return RESULTS.get(result, f"it says result {result}")
    if len(packet) != 12:
        return "what came is no answer to it"
    return IPv4Address(packet[8:12])
