"""Packet captures of tcpdump, dumpcap, ulogd2, routers: pcap, all of its variants.

Source: draft-ietf-opsawg-pcap-05 (the file and its link types). Either byte order, micro- and nanoseconds,
and Kuznetzov's layout with a longer head before each packet. What packets tell stands in `_packets.py`.

Surprises: The upper bits of the link type hold the length of the frame check sequence. A record longer than
any packet means that the file is damaged: what stands behind it is not guessed at.
"""

import struct
from collections.abc import Generator, Iterable

from unlisted.evidence import OTHER, Feed, Parsed
from unlisted.evidence.flows._links import Link, dull, ethernet, link
from unlisted.evidence.flows._packets import Packets

MAGIC = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
    b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34",
)  # fmt: skip
PACKETS = True

HEAD = 24  # octets of the file's header
_AGAIN = frozenset((0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34))  # as seconds these would be in the year 2055
LONGEST = 1 << 20  # octets; libpcap takes no packet longer than 256 KiB


def refuse(first: bytes) -> str:
    """Why this capture is not read."""
    if len(first) < HEAD:
        return "a packet capture (pcap), cut off in its header"
    kind = int.from_bytes(first[20:24], "big" if first[0] == 0xA1 else "little") & 0xFFFF
    return "" if link(kind, big=False) else f"a packet capture of link type {kind}: not read"


def stream() -> Feed:
    """A reader of one capture."""
    capture = _Capture()
    return capture.feed


class _Capture:
    def __init__(self) -> None:
        self._packets = Packets()
        self._rest = self._front = b""
        self._number = 0
        self._record: struct.Struct | None = None
        self._link: Link | None = None
        self._part, self._broken = 1e-6, False

    def feed(self, data: bytes) -> Iterable[tuple[int, Parsed]]:
        """The next octets of the file; b"" at its end."""
        if not data:
            if self._rest and not self._broken:
                yield self._number + 1, None  # cut off in the middle of a packet
            yield from self._packets.end()
            return
        if self._broken:
            return
        data = self._rest + data if self._rest else data
        start = 0
        while True:
            if self._record is None:
                if len(data) < start + HEAD:
                    break
                self._header(data[start : start + HEAD])
                start += HEAD
            start = yield from self._records(data, start)
            if self._record is not None:
                break
        self._rest = data[start:]

    def _header(self, data: bytes) -> None:
        big = data[0] == 0xA1
        self._front = data[:6]  # the magic and the version
        order = ">" if big else "<"
        magic, *_, kind = struct.unpack_from(f"{order}IHHiIII", data)
        self._part = 1e-9 if magic == 0xA1B23C4D else 1e-6
        self._record = struct.Struct(f"{order}IIII8x" if magic == 0xA1B2CD34 else f"{order}IIII")
        self._link = link(kind & 0xFFFF, big=big)

    def _records(self, data: bytes, start: int) -> Generator[tuple[int, Parsed], None, int]:
        """The records from `start` on, and where they end; another header ends them too."""
        record, link, read, done = self._record, self._link, self._packets.read, self._packets.done
        assert record is not None  # noqa: S101 - the header was read
        unpack, head, number, part, end = (
            record.unpack_from,
            record.size,
            self._number,
            self._part,
            len(data),
        )
        wired = link is ethernet
        while start + head <= end:
            seconds, fraction, size, _ = unpack(data, start)
            if seconds in _AGAIN and data[start : start + 6] == self._front:
                self._record = None  # another capture, put behind this one
                break
            if size > LONGEST:
                self._broken = True
                yield number + 1, None
                break
            body = start + head
            if body + size > end:
                break
            number += 1
            start = body + size
            if link is None:
                yield number, None
                continue
            if wired and dull(data, body, start):
                yield number, OTHER
                continue
            made = read(link, number, seconds + fraction * part, data, body, start)
            if made is not False:
                yield number, made
        yield from done()
        self._number = number
        return start
