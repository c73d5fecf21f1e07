"""What the information elements of NetFlow v9 and IPFIX say, as a fact.

Sources: IANA's registry "IPFIX Information Elements" (2026-11), RFC 3954 §8, RFC 5103 (reverse elements),
RFC 8158 (NAT events and their elements), Cisco "ASA NetFlow Implementation Guide" (NSEL; 40000-40005 before
8.4), CERT's yaf (enterprise 6871, initial flags of either side).

Surprises: natEvent of old Cisco exporters means the same as RFC 8158's first three. A NAT session that was
created is a connection with its translation; one that was deleted ends the translation and is no second
connection.
"""

from struct import unpack
from typing import TypeAlias

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import connection
from unlisted.evidence.flows import _links, sflow
from unlisted.evidence.flows._addresses import address, card
from unlisted.evidence.flows._sided import Sided, answers
from unlisted.messages import Translation
from unlisted.net import Address

Values: TypeAlias = dict[int, bytes]

_REVERSE = 29305 << 16  # RFC 5103 §6.1
_YAF = 6871 << 16
_PACKETS, _PROTOCOL, _FLAGS, SPORT, _SRC4, _DPORT, _DST4 = 2, 4, 6, 7, 8, 11, 12
_LAST, _FIRST, _SRC6, _DST6, _MAC = 21, 22, 27, 28, 56
_STATUS, _END_SECONDS, _START_SECONDS = 89, 151, 150
_START, _END = {150: 1.0, 152: 1e-3}, {151: 1.0, 153: 1e-3}
_BOOT = 160
_NAT4, _NAT_PORT, _NAT_EVENT, _FIREWALL, _NAT6 = 225, 227, 230, 233, 281
_BLOCK, _BLOCK_END, _BLOCK_STEP, _BLOCK_SIZE = 361, 362, 363, 364
_USER, _OLD_USER, _OLD_NAT, _OLD_NAT_PORT, _OLD_EVENT = 371, 40000, 40001, 40003, 40005
_PACKET, _FRAME = 313, 315  # PSAMP, RFC 5477 §8.5: the front of a packet
_SAMPLING = (34, 50, 305, 306, 309, 310)
WANTED = frozenset(
    (
        _PACKETS, _PROTOCOL, _FLAGS, SPORT, _SRC4, _DPORT, _DST4, _LAST, _FIRST, _SRC6, _DST6, _MAC, _STATUS,
        150, 151, 152, 153, 154, 155, 156, 157, 158, 159, _BOOT, 322, 323, 324, 325,
        _NAT4, _NAT_PORT, _NAT_EVENT, _FIREWALL, _NAT6, _BLOCK, _BLOCK_END, _BLOCK_STEP, _BLOCK_SIZE,
        _PACKET, _FRAME, _USER, _OLD_USER, _OLD_NAT, _OLD_NAT_PORT, _OLD_EVENT,
        _REVERSE | _PACKETS, _REVERSE | _FLAGS, _YAF | 14, _YAF | 15, _YAF | 16398, *_SAMPLING,
    )
)  # fmt: skip
# RFC 8158 §4.3
_SESSION, _SESSION_END = frozenset((1, 4)), frozenset((2, 5))
_BINDING, _BINDING_END = frozenset((6, 8, 12, 14)), frozenset((7, 9, 13, 15))
_CREATED, _TORN_DOWN, _DENIED = 1, 2, 3  # firewallEvent
_EVENTS = frozenset((_NAT_EVENT, _FIREWALL, _OLD_EVENT, _YAF | 14))
STEPS = 4096  # ports of a scattered block


def number(values: Values, key: int) -> int:
    """An unsigned number, 0 when it is missing."""
    return int.from_bytes(values.get(key, b""), "big")


def sampling(values: Values) -> bool:
    """True when options say that only some of the packets were looked at."""
    return (
        any(number(values, key) > 1 for key in (34, 50))
        or bool(number(values, 306))
        or (1 < number(values, 310) != number(values, 309))
    )


def started(values: Values) -> float | None:
    """When the exporter's count of milliseconds began, where options tell it."""
    return number(values, _BOOT) / 1e3 if _BOOT in values else None


def record(values: Values, exported: float, boot: float | None, sided: Sided, *, sampled: bool) -> Parsed:
    """One data record."""
    if _passed_over(values, sampled=sampled):
        return OTHER
    if _FRAME in values or _PACKET in values:
        frame = values.get(_FRAME) or values[_PACKET]
        link = _links.ethernet if _FRAME in values else _links.bare
        return sflow.packet(link(frame, 0, len(frame)), frame, _event_time(values, exported))
    src = address(values.get(_SRC4, b"")) or address(values.get(_SRC6, b""))
    dst = address(values.get(_DST4, b"")) or address(values.get(_DST6, b""))
    nat = _outside(values)
    event = number(values, _NAT_EVENT)
    if src is None:
        return OTHER  # a counter, an application's name, …
    if event:
        return _translated(values, event, src, dst, nat, exported)
    port = number(values, _NAT_PORT) or number(values, _OLD_NAT_PORT)
    firewall = number(values, _FIREWALL) or number(values, _OLD_EVENT)
    at = _moment(values, exported, boot, _FIRST, _START, (154, 156), 158)
    if firewall:
        return _guarded(values, firewall, src, dst, nat, port, _event_time(values, at))
    flags, outcome = number(values, _FLAGS), ""
    if _YAF | 14 in values:
        flags = number(values, _YAF | 14) | number(values, _YAF | 15)
        outcome = _answer(number(values, _YAF | 16398))
    if _REVERSE | _PACKETS in values and not outcome and not sampled:
        outcome = _returned(number(values, _REVERSE | _PACKETS), number(values, _REVERSE | _FLAGS), flags)
    return sided.flow(
        at, src, dst, number(values, SPORT), number(values, _DPORT), number(values, _PROTOCOL), flags,
        sampled=sampled, outcome=outcome, mac=card(values.get(_MAC, b"")),
        action=forwarding(number(values, _STATUS)), nat=nat, nat_port=port, account=_user(values),
        end=_moment(values, exported, boot, _LAST, _END, (155, 157), 159),
    )  # fmt: skip


def _passed_over(values: Values, *, sampled: bool) -> bool:
    """A quick look: the answer's half of a TCP connection, or a later part, as most records are."""
    if values.get(_PROTOCOL) != b"\x06" or not values.keys().isdisjoint(_EVENTS):
        return False
    sport = number(values, SPORT)
    if sport in net.MAIL_PORTS:
        return False  # the server's half says how the other went
    flags = values.get(_FLAGS)
    if flags and flags[-1] and not flags[-1] & 2 and not sampled:
        return True
    return answers(sport, number(values, _DPORT))


def forwarding(status: int) -> str:
    """forwardingStatus (RFC 7270 §4.12): the two upper bits."""
    return {1: "pass", 2: "block"}.get(status >> 6 & 3, "")


def _returned(packets: int, theirs: int, ours: int) -> str:
    """How a connection went whose both directions are counted; who never acknowledged was not let in."""
    if not packets:
        return "silent"
    if theirs:
        return _answer(theirs)
    return "refused" if ours and not ours & 0x10 else "answered"


def _answer(flags: int) -> str:
    return "answered" if flags & 0x12 == 0x12 else "refused" if flags & 0x04 else "" if flags else "silent"


def _outside(values: Values) -> Address | None:
    for key in (_NAT4, _NAT6, _OLD_NAT):
        made = address(values.get(key, b""))
        if made is not None and int(made):
            return made
    return None


def _guarded(
    values: Values, event: int, src: Address, dst: Address | None, nat: Address | None, port: int, at: float
) -> Parsed:
    """ASA's word about a connection."""
    sport, dport, protocol = number(values, SPORT), number(values, _DPORT), str(number(values, _PROTOCOL))
    if event in (_CREATED, _DENIED):
        return connection(
            at, src, dst, dport, sport, protocol, mac=card(values.get(_MAC, b"")),
            action="pass" if event == _CREATED else "block", nat=nat, nat_port=port, account=_user(values),
        )  # fmt: skip
    if event == _TORN_DOWN and nat is not None and (nat != src or port != sport):
        return Translation(
            src, nat, end=at, inside_port=sport, port=port, protocol=_protocol(protocol), dst=dst, dport=dport
        )
    return OTHER


def _translated(
    values: Values, event: int, src: Address, dst: Address | None, nat: Address | None, exported: float
) -> Parsed:
    """A NAT event of RFC 8158."""
    at = _event_time(values, exported)
    sport, dport, port = number(values, SPORT), number(values, _DPORT), number(values, _NAT_PORT)
    protocol = str(number(values, _PROTOCOL) or "")
    if nat is None:
        return OTHER  # pools, quotas, thresholds
    if event in _SESSION and dst is not None and dport:
        return connection(
            at, src, dst, dport, sport, protocol or "6", nat=nat, nat_port=port, account=_user(values)
        )
    starts = event in _SESSION | _BINDING
    if not starts and event not in _SESSION_END | _BINDING_END:
        return OTHER
    first, size, step = _block(values)
    made = Translation(
        src,
        nat,
        start=at if starts else None,
        end=None if starts else at,
        inside_port=0 if size else sport,
        port=first if size else port,
        ports=size or 1,
        protocol=_protocol(protocol),
        dst=dst if dst is not None and int(dst) else None,
        dport=dport,
        account=_user(values),
    )
    if step > 1:
        return tuple(
            Translation(src, nat, made.start, made.end, port=first + step * n, account=made.account)
            for n in range(min(number(values, _BLOCK_SIZE) or size, size // step + 1, STEPS))
        )
    return made


def _block(values: Values) -> tuple[int, int, int]:
    """First port, number of ports from there, and the step between them; a size of 0 for no block."""
    first, last = number(values, _BLOCK), number(values, _BLOCK_END)
    size = number(values, _BLOCK_SIZE)
    step = number(values, _BLOCK_STEP) or 1
    if not first:
        return 0, 0, 1
    if last >= first:
        return first, last - first + 1, step
    return first, size * step, step


def _protocol(text: str) -> str:
    return {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6", "0": ""}.get(text, text)


def _user(values: Values) -> str:
    raw = values.get(_USER) or values.get(_OLD_USER) or b""
    return raw[:256].rstrip(b"\0 ").decode("utf-8", "replace")


def _event_time(values: Values, otherwise: float) -> float:
    if 323 in values:
        return number(values, 323) / 1e3
    if 322 in values:
        return float(number(values, 322))
    for key in (324, 325):
        if len(values.get(key, b"")) == 8:
            return _ntp(values[key])
    return otherwise


def _moment(
    values: Values,
    exported: float,
    boot: float | None,
    uptime: int,
    absolute: dict[int, float],
    fine: tuple[int, int],
    before: int,
) -> float:
    """When a flow began, or ended, in whichever of the ways the exporter says it."""
    for key, unit in absolute.items():
        if key in values and (ticks := number(values, key)):
            return ticks * unit
    for key in fine:
        if len(values.get(key, b"")) == 8:
            return _ntp(values[key])
    if before in values:
        return exported - number(values, before) / 1e6
    if _BOOT in values:
        boot = number(values, _BOOT) / 1e3
    if boot is not None and uptime in values:
        ticks = number(values, uptime)
        now = (exported - boot) * 1000
        return boot + (ticks - (1 << 32) if ticks > now + 86_400_000 else ticks) / 1000
    return _event_time(values, exported)


def _ntp(raw: bytes) -> float:
    """RFC 7011 §6.1.9: seconds since 1900 and a fraction."""
    seconds, fraction = unpack("!II", raw)
    return float(seconds - 2_208_988_800 + fraction / (1 << 32))
