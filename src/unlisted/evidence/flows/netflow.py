"""Flow exports as they come in datagrams: NetFlow v5, v9 and IPFIX; live and in captures and files alike.

Sources: Cisco "NetFlow Export Datagram Format" (v5), RFC 3954 (v9), RFC 7011 (IPFIX), RFC 5103 (biflows).
What the fields mean stands in `_elements.py`.

Surprises: v9 and IPFIX describe their records in templates that come now and then, perhaps after the first
records: those are kept for a while. Templates belong to an exporter and its observation domain. A template
of no fields takes one back (RFC 7011 §8.1). Anybody can send such datagrams: what is remembered is bounded.
"""

import struct
from collections.abc import Iterator

from msgspec import Struct

from unlisted import net
from unlisted.evidence import OTHER, Fact, Parsed, facts
from unlisted.evidence.flows._addresses import address
from unlisted.evidence.flows._elements import SPORT, WANTED, Values, number, record, sampling, started
from unlisted.evidence.flows._sided import Sided
from unlisted.evidence.flows.sflow import sampled

TEMPLATES = 4096  # remembered, of all exporters
FIELDS = 1024  # in one template
WAITING = 2 << 20  # octets of records whose template has not come yet
PORTS = frozenset((2055, 2056, 4432, 4739, 4729, 6343, 9025, 9555, 9991, 9993, 9995, 9996, 9999))
_V5, _V9, _IPFIX = 5, 9, 10
_HEAD5 = struct.Struct("!HHIIIIBBH")
_FLOW5 = struct.Struct("!4s4s4sHHIIIIHHxBBBHHBBxx")
_HEAD9 = struct.Struct("!HHIIII")
_HEAD10 = struct.Struct("!HHIII")
_PAIR = struct.Struct("!HH")
_VARIABLE = 0xFFFF


class Field(Struct, frozen=True, gc=False):
    """One field of a template."""

    key: int  # the element's number, the enterprise's above it
    length: int


class Template(Struct, frozen=True):
    """How the records of one set are laid out."""

    fields: tuple[Field, ...]
    smallest: int  # octets of the shortest record
    options: bool
    fixed: tuple[tuple[int, int, int], ...]  # key, start, end of what is wanted; () with variable lengths


class Domain(Struct):
    """One exporter's observation domain."""

    templates: dict[int, Template]
    waiting: list[tuple[int, bytes, "Clock"]]
    sampled: bool = False
    boot: float | None = None  # the exporter's start, where its options tell it


class Clock(Struct, frozen=True, gc=False):
    """The export's own time, and the exporter's start where it counts from that (v5, v9)."""

    at: float
    boot: float | None = None


def exported(data: bytes, start: int, end: int, dport: int) -> bool:
    """A quick look: a datagram that may be an export, by its port or its version and length."""
    if end - start < 20 or data[start]:
        return False
    version, size = data[start + 1], end - start
    if version == _V5:
        return size == 24 + 48 * (data[start + 2] << 8 | data[start + 3])
    if version == _IPFIX:
        return size == (data[start + 2] << 8 | data[start + 3])
    if version == _V9:
        kind, length = _PAIR.unpack_from(data, start + 20) if size >= 24 else (0, 0)
        return dport in PORTS or (4 <= length <= size - 20 and (kind in (0, 1) or kind > 255))
    return dport in PORTS and data[start : start + 4] == b"\0\0\0\5"  # sFlow


class Exports:
    """What exporters told; one for each stream of datagrams."""

    def __init__(self) -> None:
        self._domains: dict[tuple[bytes, int, int], Domain] = {}
        self._sided = Sided()
        self._templates = 0
        self._waiting = 0

    def datagram(self, data: bytes, source: bytes = b"", received: float = 0.0) -> list[Fact] | None:
        """The facts of one datagram; None when it is no export. `source`: the exporter's address."""
        read = self.records(data, source, received)
        return None if read is None else [fact for one in read for fact in facts(one)]

    def records(self, data: bytes, source: bytes = b"", received: float = 0.0) -> list[Parsed] | None:
        """Each record of one datagram as it was read."""
        if len(data) < 16:
            return None
        version, count = _PAIR.unpack_from(data)
        if version == _V5 and len(data) >= 24:
            return list(self._v5(data, count))
        if version == _V9 and len(data) >= 20:
            _, _, uptime, seconds, _, where = _HEAD9.unpack_from(data)
            clock = Clock(float(seconds), seconds - uptime / 1000)
            return list(self._sets(data, 20, len(data), (source, _V9, where), clock))
        if version == _IPFIX and 16 <= count <= len(data):
            _, _, seconds, _, where = _HEAD10.unpack_from(data)
            return list(self._sets(data, 16, count, (source, _IPFIX, where), Clock(float(seconds))))
        if data[:4] == b"\0\0\0\5":
            return sampled(data, received)
        return None

    def _v5(self, data: bytes, count: int) -> Iterator[Parsed]:
        _, _, uptime, seconds, nanoseconds, _, _, _, interval = _HEAD5.unpack_from(data)
        boot = seconds + nanoseconds / 1e9 - uptime / 1000
        thinned = interval & 0x3FFF > 1
        ends = min(24 + 48 * count, len(data) - 47)
        flows = [_FLOW5.unpack_from(data, place) for place in range(24, ends, 48)]
        flows.sort(key=lambda flow: flow[9] not in net.MAIL_PORTS)  # a server's half tells of the other
        for src, dst, _, _, _, _, _, first, last, sport, dport, flags, protocol, *_ in flows:
            yield self._sided.flow(
                boot + wrapped(first, uptime) / 1000,
                address(src),
                address(dst),
                sport,
                dport,
                protocol,
                flags,
                sampled=thinned,
                end=boot + wrapped(last, uptime) / 1000,
            )

    def _sets(
        self, data: bytes, place: int, end: int, key: tuple[bytes, int, int], clock: Clock
    ) -> Iterator[Parsed]:
        domain = self._domain(key)
        modern = key[1] == _IPFIX
        while place + 4 <= end:
            kind, length = _PAIR.unpack_from(data, place)
            if length < 4 or place + length > end:
                break
            body = data[place + 4 : place + length]
            place += length
            if kind == (2 if modern else 0):
                yield OTHER
                self._learn(domain, body, modern=modern, options=False)
                yield from self._late(domain)
            elif kind == (3 if modern else 1):
                yield OTHER
                self._learn(domain, body, modern=modern, options=True)
            elif kind > 255 and (template := domain.templates.get(kind)):
                yield from self._data(domain, template, body, clock)
            elif kind > 255 and self._waiting + len(body) <= WAITING:
                self._waiting += len(body)
                domain.waiting.append((kind, body, clock))

    def _domain(self, key: tuple[bytes, int, int]) -> Domain:
        domain = self._domains.get(key)
        if domain is None:
            if len(self._domains) >= TEMPLATES:
                self._domains.clear()  # somebody invents exporters
                self._templates = self._waiting = 0
            domain = self._domains[key] = Domain({}, [])
        return domain

    def _learn(self, domain: Domain, body: bytes, *, modern: bool, options: bool) -> None:
        place = 0
        while place + 4 <= len(body):
            number, count = _PAIR.unpack_from(body, place)
            place += 4
            if options:
                if place + 2 > len(body):
                    return
                more = int.from_bytes(body[place : place + 2], "big")
                place += 2
                # v9 counts octets of scope and options, IPFIX fields, the scope's among them.
                count = count if modern else (count + more) // 4
            if number < 256:
                return  # padding, or broken
            if not count:
                domain.templates.pop(number, None)
                continue
            fields, place = _fields(body, place, count, modern=modern)
            if len(fields) != count or count > FIELDS:
                return
            self._templates += number not in domain.templates
            if self._templates > TEMPLATES:
                domain.templates.clear()
                self._templates = 0
            domain.templates[number] = _template(fields, options=options)

    def _late(self, domain: Domain) -> Iterator[Parsed]:
        """Records that waited for a template that is known now."""
        if not domain.waiting:
            return
        left = []
        for kind, body, clock in domain.waiting:
            if template := domain.templates.get(kind):
                self._waiting -= len(body)
                yield from self._data(domain, template, body, clock)
            else:
                left.append((kind, body, clock))
        domain.waiting = left

    def _data(self, domain: Domain, template: Template, body: bytes, clock: Clock) -> Iterator[Parsed]:
        place, records = 0, []
        while place + template.smallest <= len(body) and template.smallest:
            values, place = _values(template, body, place)
            if place > len(body):
                break
            records.append(values)
        if template.options:
            for values in records:
                domain.sampled |= sampling(values)
                domain.boot = started(values) or domain.boot
                yield OTHER
            return
        boot = domain.boot if clock.boot is None else clock.boot
        records.sort(key=lambda values: number(values, SPORT) not in net.MAIL_PORTS)  # as in _v5
        for values in records:
            yield record(values, clock.at, boot, self._sided, sampled=domain.sampled)


def wrapped(moment: int, now: int) -> int:
    """Milliseconds of uptime, before `now`: the counter begins again after 49.7 days."""
    return moment - (1 << 32) if moment > now + 86_400_000 else moment


def _fields(body: bytes, place: int, count: int, *, modern: bool) -> tuple[list[Field], int]:
    fields: list[Field] = []
    while len(fields) < count and place + 4 <= len(body):
        number, length = _PAIR.unpack_from(body, place)
        place += 4
        if modern and number & 0x8000:
            if place + 4 > len(body):
                break
            number = (number & 0x7FFF) | int.from_bytes(body[place : place + 4], "big") << 16
            place += 4
        fields.append(Field(number, length))
    return fields, place


def _template(fields: list[Field], *, options: bool) -> Template:
    smallest, fixed = 0, []
    for field in fields:
        size = 1 if field.length == _VARIABLE else field.length
        if field.key in WANTED and field.length != _VARIABLE:
            fixed.append((field.key, smallest, smallest + size))
        smallest += size
    if any(field.length == _VARIABLE for field in fields):
        fixed = []
    return Template(tuple(fields), smallest, options, tuple(fixed))


def _values(template: Template, body: bytes, place: int) -> tuple[Values, int]:
    """The wanted fields of the record at `place`, and where the next begins. The first of two counts."""
    if template.fixed:
        made: Values = {}
        for key, start, end in template.fixed:
            made.setdefault(key, body[place + start : place + end])
        return made, place + template.smallest
    values: Values = {}
    for field in template.fields:
        size = field.length
        if size == _VARIABLE:  # RFC 7011 §7
            if place >= len(body):
                return values, len(body) + 1
            size, place = body[place], place + 1
            if size == 255:
                size, place = int.from_bytes(body[place : place + 2], "big"), place + 2
        if field.key in WANTED and place + size <= len(body):
            values.setdefault(field.key, body[place : place + size])
        place += size
    return values, place
