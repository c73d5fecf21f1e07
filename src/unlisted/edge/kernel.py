"""The kernel's own words, straight from netlink: logged packets (NFLOG) and neighbors.

Source: linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_log.h, linux/neighbour.h,
net/netfilter/nfnetlink_log.c (Linux 6.12). The readers are functions of bytes and never raise; the socket
class counts what it lost: a sequence gap for each message that the kernel could not deliver (linux counts
`NFULA_SEQ` up whether or not the message fits), and ENOBUFS once for each time that this happened.

A packet's time is the kernel's when it took one (it does while somebody asks: the socket class does),
else the moment of reading.
"""

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from msgspec import Struct

from unlisted import net
from unlisted.errors import UnlistedError
from unlisted.messages import Attempt, Evidence, Lease
from unlisted.net import Address
from unlisted.stop.enforcers.nftables import ACTIONS, GROUP

# ---- netlink, linux/netlink.h ----
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ERROR, _DONE, _OVERRUN = 2, 3, 4
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ATTRIBUTE = struct.Struct("=HH")  # length, type; host order, values of NFLOG in network order
_FAMILY = struct.Struct("!BBH")  # nfgenmsg: family, version, resource id (the group)

# ---- nfnetlink_log.h ----
_ULOG = 4 << 8  # NFNL_SUBSYS_ULOG
_PACKET, _CONFIG = _ULOG | 0, _ULOG | 1
_TIMESTAMP, _INDEV, _OUTDEV, _HWADDR, _PAYLOAD, _PREFIX, _SEQ, _HWHEADER = 3, 4, 5, 8, 9, 10, 12, 16
_CFG_CMD, _CFG_MODE, _CFG_NLBUFSIZ, _CFG_TIMEOUT, _CFG_QTHRESH, _CFG_FLAGS = 1, 2, 3, 4, 5, 6
_CMD_BIND, _CMD_UNBIND, _COPY_PACKET, _F_SEQ = 1, 2, 2, 1

COPY = 128  # bytes of each packet: IPv6 and TCP headers with room for extension headers
BUFFER = 64 << 20  # bytes; 1-4 MB lost 23 % of unpaced SYNs, 64 MB none of 200,000. Only used when it is full
KERNEL_BUFFER = 32768  # bytes in which the kernel gathers messages before it sends them
QUIET, FLOOD = 1, 16  # queue thresholds: each packet at once, or sixteen together
FLOOD_RATE = 2000  # messages a second above which they are gathered
TIMEOUT = 1  # 1/100 s until the kernel sends a gathered batch that is not full


class Logged(Struct, frozen=True, gc=False):
    """One packet that a rule logged, before anybody looks into it."""

    prefix: str
    packet: bytes  # from the network header on, cut at COPY
    mac: str  # of the sender, "" when the link has none
    header: bytes  # the link header
    indev: int  # interface indexes, 0 when there is none
    outdev: int
    at: float | None
    seq: int | None


def _attributes(data: bytes, start: int, end: int) -> dict[int, bytes]:
    """Attributes by type; what is broken ends the list."""
    found = {}
    while start + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, start)
        if length < 4 or start + length > end:
            break
        found[kind & 0x3FFF] = data[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def _number(value: bytes | None) -> int | None:
    return int.from_bytes(value, "big") if value else None


def _logged(found: dict[int, bytes]) -> Logged:
    stamp, hardware = found.get(_TIMESTAMP, b""), found.get(_HWADDR, b"")
    # nfulnl_msg_packet_hw: length, padding, 8 bytes. Only Ethernet has 6.
    mac = hardware[4:10].hex(":") if hardware[:2] == b"\0\6" and len(hardware) >= 10 else ""
    return Logged(
        prefix=found.get(_PREFIX, b"").rstrip(b"\0").decode("ascii", "replace"),
        packet=found.get(_PAYLOAD, b""),
        mac=mac,
        header=found.get(_HWHEADER, b""),
        indev=_number(found.get(_INDEV)) or 0,
        outdev=_number(found.get(_OUTDEV)) or 0,
        at=int.from_bytes(stamp[:8], "big") + int.from_bytes(stamp[8:16], "big") / 1e6 if stamp else None,
        seq=_number(found.get(_SEQ)),
    )


def read_nflog(data: bytes) -> list[Logged]:
    """The packets of one datagram from the kernel, in order. Never raises; broken ends are left out."""
    logged, start = [], 0
    while start + 16 <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, start)
        if length < 16 or start + length > len(data):
            break
        if kind == _PACKET:
            logged.append(_logged(_attributes(data, start + 20, start + length)))
        start += (length + 3) & ~3
    return logged


def _tcp(packet: bytes) -> tuple[Address, Address, int] | None:
    """Source, destination and the offset of the TCP header; None for what is no TCP of its own."""
    if len(packet) < 20:
        return None
    if packet[0] >> 4 == 4:  # RFC 791 §3.1
        later_fragment = int.from_bytes(packet[6:8], "big") & 0x1FFF
        if packet[9] != 6 or later_fragment or packet[0] & 15 < 5:
            return None
        return IPv4Address(packet[12:16]), IPv4Address(packet[16:20]), (packet[0] & 15) * 4
    if packet[0] >> 4 != 6 or len(packet) < 40:
        return None
    kind, offset = packet[6], 40  # RFC 8200 §4: walk the extension headers
    while kind in (0, 43, 44, 51, 60):
        if offset + 8 > len(packet):
            return None
        if kind == 44:
            if int.from_bytes(packet[offset + 2 : offset + 4], "big") & 0xFFF8:
                return None
            length = 8
        else:  # RFC 4302 §2.2 counts in words, the others in eights
            length = (packet[offset + 1] + 2) * 4 if kind == 51 else (packet[offset + 1] + 1) * 8
        kind, offset = packet[offset], offset + length
    if kind != 6:
        return None
    return IPv6Address(packet[8:24]), IPv6Address(packet[24:40]), offset


def attempt(logged: Logged, now: float, names: Mapping[int, str], group: int = GROUP) -> Attempt | None:
    """The connection attempt that was logged; None for other packets. `names`: interfaces by index."""
    packet = logged.packet
    ends = _tcp(packet)
    if ends is None:
        return None
    src, dst, tcp = ends
    if len(packet) < tcp + 16 or packet[tcp + 13] & 0x17 != 0x02:  # SYN without FIN, RST, ACK: RFC 9293 §3.1
        return None
    sport, dport = (
        int.from_bytes(packet[tcp : tcp + 2], "big"),
        int.from_bytes(packet[tcp + 2 : tcp + 4], "big"),
    )
    if dport not in net.MAIL_PORTS:
        return None
    # The line that a kernel log would hold, so that evidence from here reads like evidence from a file.
    text = (
        f"{logged.prefix}IN={names.get(logged.indev, '')} OUT={names.get(logged.outdev, '')} "
        f"MAC={logged.header[:14].hex(':')} SRC={src} DST={dst} "
        f"PROTO=TCP SPT={sport} DPT={dport} WINDOW={int.from_bytes(packet[tcp + 14 : tcp + 16], 'big')} SYN"
    )
    return Attempt(
        at=now if logged.at is None else logged.at,
        src=net.ip(str(src)) or src,
        dst=net.ip(str(dst)) or dst,
        dport=dport,
        sport=sport,
        mac=logged.mac,
        action=ACTIONS.get(logged.prefix.strip(), ""),
        seen=Evidence(f"nflog:{group}", 0, text),
    )


# ---- the socket -----------------------------------------------------------------------------------


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(16 + len(body), kind, flags, 1, 0) + body


class Loss(Struct):
    """What a socket read and could not: messages, lost ones by sequence, times the buffer was full."""

    read: int = 0
    lost: int = 0
    overruns: int = 0


class Nflog:
    """A listener on one NFLOG group of the present network namespace. Non-blocking; `fileno` for a loop."""

    def __init__(self, group: int = GROUP, *, buffer: int = BUFFER) -> None:
        self.group = group
        self.loss = Loss()
        self._bound = True
        self._expected: int | None = None
        self._names: dict[int, str] = {}
        self._threshold = QUIET
        self._rate_from, self._rate_read = time.monotonic(), 0
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
        except (OSError, AttributeError) as error:
            raise UnlistedError(
                f"this system has no netfilter log: {error}", remedy="run it on the Linux gateway", code=4
            ) from None
        try:
            self._widen(buffer)
            self._configure(bind=True)
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        # While any socket asks for receive times the kernel stamps every packet, so that a logged one
        # carries its own moment. Nothing is ever sent or received here.
        self._clock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._clock.setsockopt(socket.SOL_SOCKET, 29, 1)  # SO_TIMESTAMP

    def _widen(self, buffer: int) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, 33, buffer)  # SO_RCVBUFFORCE, asks for CAP_NET_ADMIN
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)

    def _configure(self, *, bind: bool) -> None:
        """Bind to the group and set how packets are copied; the same message later sets a new threshold."""
        body = _FAMILY.pack(socket.AF_UNSPEC, 0, self.group)
        if bind:
            body += _attribute(_CFG_CMD, bytes([_CMD_BIND]))
            body += _attribute(_CFG_MODE, struct.pack("!IBB", COPY, _COPY_PACKET, 0))
            body += _attribute(_CFG_NLBUFSIZ, struct.pack("!I", KERNEL_BUFFER))
            body += _attribute(_CFG_TIMEOUT, struct.pack("!I", TIMEOUT))
            body += _attribute(_CFG_FLAGS, struct.pack("!H", _F_SEQ))
        body += _attribute(_CFG_QTHRESH, struct.pack("!I", self._threshold))
        self._socket.send(_message(_CONFIG, _REQUEST | (_ACK if bind else 0), body))
        if not bind:
            return
        code = -struct.unpack_from("=i", self._socket.recv(65536), 16)[0]
        if code == errno.EBUSY or (code == errno.EPERM and self._taken()):
            raise UnlistedError(
                f"another program listens to NFLOG group {self.group}",
                remedy="stop it, or name another group with --nflog",
            )
        if code:
            remedy = "run as root (it needs CAP_NET_ADMIN)"
            raise UnlistedError(
                f"cannot listen to NFLOG group {self.group}: {os.strerror(code)}", remedy=remedy, code=4
            )

    def _taken(self) -> bool:
        """True when somebody listens to the group: the kernel answers EPERM then, as without rights."""
        try:
            with open("/proc/thread-self/net/netfilter/nfnetlink_log", encoding="ascii") as file:
                return any(line.split()[:1] == [str(self.group)] for line in file)
        except OSError:
            return False

    def fileno(self) -> int:
        """The descriptor, for `loop.add_reader`."""
        return self._socket.fileno()

    def unbind(self) -> None:
        """Ask for no more packets. The kernel hands over what it gathered, so that what waits is the end."""
        body = _FAMILY.pack(socket.AF_UNSPEC, 0, self.group) + _attribute(_CFG_CMD, bytes([_CMD_UNBIND]))
        with suppress(OSError):
            self._socket.send(_message(_CONFIG, _REQUEST, body))
        self._bound = False

    def waiting(self) -> bool:
        """True when something waits to be received."""
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        return bool(ready.poll(0))

    def close(self) -> None:
        """Stop listening. What still waits was not read: it is counted as lost."""
        if self._socket.fileno() < 0:
            return
        self.unbind()
        while True:
            try:
                self.loss.lost += len(read_nflog(self._socket.recv(KERNEL_BUFFER * 2)))
            except OSError as error:  # nothing waits, or the buffer was full
                if error.errno != errno.ENOBUFS:
                    break
                self.loss.overruns += 1
        self._socket.close()
        self._clock.close()

    def receive(self, most: int = 64) -> list[Attempt]:
        """What arrived, at most `most` datagrams; [] when nothing waits. Losses are counted."""
        attempts: list[Attempt] = []
        for _ in range(most):
            try:
                data = self._socket.recv(KERNEL_BUFFER * 2)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.loss.overruns += 1
                continue
            now = time.time()
            for logged in read_nflog(data):
                self._count(logged.seq)
                for index in (logged.indev, logged.outdev):
                    self._name(index)
                if made := attempt(logged, now, self._names, self.group):
                    attempts.append(made)
        self._adapt()
        return attempts

    def _count(self, seq: int | None) -> None:
        self.loss.read += 1
        if seq is not None:
            if self._expected is not None:
                self.loss.lost += (seq - self._expected) & 0xFFFFFFFF
            self._expected = seq + 1 & 0xFFFFFFFF

    def _name(self, index: int) -> None:
        if index and index not in self._names:
            if len(self._names) > 256:  # interfaces come and go; nobody has this many at once
                self._names.clear()
            try:
                self._names[index] = socket.if_indextoname(index)
            except OSError:
                self._names[index] = f"if{index}"

    def _adapt(self) -> None:
        """Gather packets while they flood in, hand over each at once when it is quiet again."""
        now = time.monotonic()
        if now - self._rate_from < 0.1:
            return
        rate = (self.loss.read - self._rate_read) / (now - self._rate_from)
        self._rate_from, self._rate_read = now, self.loss.read
        wanted = FLOOD if rate > FLOOD_RATE else QUIET
        if self._bound and wanted != self._threshold:
            self._threshold = wanted
            self._configure(bind=False)


# ---- rtnetlink ------------------------------------------------------------------------------------

_NEWNEIGH, _GETNEIGH = 28, 30
_NEIGHBOR = struct.Struct("=BBHiHBB")  # ndmsg: family, padding, padding, interface, state, flags, type
_NDA_DST, _NDA_LLADDR = 1, 2
# Incomplete and failed entries name nobody; NOARP ones are multicast and broadcast.
_NOBODY = 0x01 | 0x20 | 0x40


def messages(data: bytes, wanted: int, head: int) -> Iterator[tuple[bytes, dict[int, bytes]]]:
    """Head and attributes of each message of one kind; what is broken ends them."""
    start = 0
    while start + 16 <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, start)
        if length < 16 or start + length > len(data):
            break
        if kind == wanted and length >= 16 + head:
            begin = start + 16
            yield data[begin : begin + head], _attributes(data, begin + head, start + length)
        start += (length + 3) & ~3


def read_neighbors(data: bytes) -> list[Lease]:
    """The neighbors of one answer to RTM_GETNEIGH. Never raises."""
    neighbors = []
    for head, found in messages(data, _NEWNEIGH, _NEIGHBOR.size):
        state = _NEIGHBOR.unpack(head)[4]
        raw, link = found.get(_NDA_DST, b""), found.get(_NDA_LLADDR, b"")
        if not state & _NOBODY and len(raw) in (4, 16) and len(link) == 6:
            address = IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)
            neighbors.append(Lease(address, link.hex(":"), seen=Evidence("neighbors", 0, "")))
    return neighbors


def neighbors() -> list[Lease]:
    """Who the kernel knows on its links at this moment, both families; [] where there is no netlink."""
    found = dump(_GETNEIGH, _NEIGHBOR.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0))
    return [one for data in found for one in read_neighbors(data)]


def dump(kind: int, body: bytes) -> list[bytes]:
    """The datagrams of the kernel's answer; as far as it came."""
    found: list[bytes] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
            link.settimeout(1.0)
            link.send(_message(kind, _REQUEST | _DUMP, body))
            while True:
                found.append(link.recv(1 << 17))
                if len(found[-1]) < 16 or _last(found[-1]):
                    return found
    except (OSError, AttributeError):
        return found


def _last(data: bytes) -> bool:
    """True when the dump ends in this datagram."""
    start = 0
    while start + 16 <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, start)
        if kind in (_DONE, _ERROR) or length < 16:
            return True
        start += (length + 3) & ~3
    return False
