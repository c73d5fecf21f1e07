"""ISC dhcpd's lease files: dhcpd.leases and dhcpd6.leases, blocks that are only ever appended.

Source: dhcpd.leases(5) of ISC DHCP 4.4.3; server/db.c, server/mdb6.c. Sample: tests/samples/dhcpd_leases/.

Surprises: each renewal is another block of the same address, the last one counts; all are told here, since
one that was overwritten says who had it before. Times are UTC (`starts 1 2026/11/23 13:48:28`), or with
`db-time-format local` seconds (`epoch 1795441708`); `never` is for ever. A block of state free, released or
expired tells a lease that has ended; an abandoned address was somebody's who had no lease. The uid is
quoted octets with octal escapes. In the DHCPv6 file the key of a block is four octets of IAID and the DUID,
and a lease tells its end and its length. Blocks nest (`on expiry { … }`).
"""

import re
from collections.abc import Callable

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import stamp
from unlisted.evidence.leases._client import duid_mac, fingerprint, named
from unlisted.messages import Lease

HINT = ""

_DEPTH = 8  # of blocks in blocks; dhcpd writes three
_BEGIN = re.compile(r"lease ([0-9.]{7,15}) \{\s*")
_BEGIN6 = re.compile(r'ia-(na|ta|pd) ("(?:[^"\\]|\\.){0,600}"|[0-9a-fA-F:]{8,600}) \{\s*')
_ADDRESS6 = re.compile(r"\s+iaaddr ([0-9a-fA-F:.]{2,45}) \{\s*")
# Words that hardly anybody else writes so; a bare brace is everybody's.
_OURS = re.compile(
    r"\s*(?:(?:starts|ends|tstp|tsfp|atsfp|cltt) (?:\d \d{4}/|epoch \d|never;)"
    r'|(?:next |rewind )?binding state \w|uid "|client-hostname "|server-duid "|authoring-byte-order |iaaddr '
    r'|iaprefix |(?:preferred|max)-life \d|failover peer "|(?:my|partner) state [\w-]+ at '
    r"|# The format of this file is doc|# This lease file was written by isc|# authoring-byte-order entry is)"
)
_FIELD = re.compile(
    r"\s+(starts|ends|binding state|hardware ethernet|uid|client-hostname|max-life|abandoned"
    r"|set vendor-class-identifier =|set dhcp-parameter-request-list =) ?([^\r\n]{0,1200}?);(?:\s*#.*)?\s*"
)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_HAD = frozenset(("active", "expired", "released", "free", ""))


def parse(line: str, near: float) -> Other | None:  # noqa: ARG001 - a line alone tells no lease
    """Say whether a line is of such a file."""
    return OTHER if _BEGIN.fullmatch(line) or _BEGIN6.fullmatch(line) or _OURS.match(line) else None


def session() -> Callable[[str, float], Lease | Other | None]:
    """A reader of lines in their order."""
    return _Blocks().read


class _Blocks:
    """Where in the file the reader is: in which blocks, and what the innermost lease has told."""

    def __init__(self) -> None:
        self._depth = 0
        self._key = ""  # of a DHCPv6 block
        self._address = ""
        self._at = 0  # the depth of the lease's own lines
        self._told: dict[str, str] = {}

    def read(self, line: str, near: float) -> Lease | Other | None:
        """One line."""
        if begun := _BEGIN.fullmatch(line):
            self._open(1, begun[1], "")  # whatever was open was cut
            return OTHER
        if begun := _BEGIN6.fullmatch(line):
            self._open(1, "", begun[2] if begun[1] != "pd" else "")
            return OTHER
        if not self._depth:
            return parse(line, near)
        if (begun := _ADDRESS6.fullmatch(line)) and self._depth == 1 and self._key:
            self._open(2, begun[1], self._key)
            return OTHER
        bare = line.strip()
        if bare.endswith("{"):
            self._depth = min(self._depth + 1, _DEPTH)
        elif bare == "}":
            self._depth -= 1
            if self._address and self._depth == self._at - 1:
                return self._close(near)
        elif self._depth == self._at and self._address and (field := _FIELD.fullmatch(line)):
            self._told.setdefault(field[1], field[2])
        return OTHER

    def _open(self, depth: int, address: str, key: str) -> None:
        self._depth, self._at, self._address, self._key, self._told = depth, depth, address, key, {}

    def _close(self, near: float) -> Lease | Other:
        told, address = self._told, net.ip(self._address)
        self._address = ""
        key = _octets(self._key)[4:]
        client_id = ":".join(f"{octet:02x}" for octet in (key if self._key else _octets(told.get("uid", ""))))
        mac = card(told.get("hardware ethernet", "")) or duid_mac(client_id)
        if address is None or not mac or told.get("binding state", "") not in _HAD or "abandoned" in told:
            return OTHER
        start, end = _time(told.get("starts", ""), near), _time(told.get("ends", ""), near)
        life = told.get("max-life", "")
        if start is None and end is not None and life.isdigit() and len(life) < 10:
            start = end - int(life)
        if start is not None and end is not None and end < start:
            return OTHER  # offered and never taken, or a clock that went back
        options = ",".join(str(one) for one in _listed(told.get("set dhcp-parameter-request-list =", "")))
        vendor = _text(told.get("set vendor-class-identifier =", ""))
        return Lease(
            address,
            mac,
            named(_text(told.get("client-hostname", ""))),
            client_id,
            start,
            end,
            fingerprint(options, vendor),
        )


def _time(text: str, near: float) -> float | None:
    """`1 2026/11/23 13:48:28`, `epoch 1795441708`; None for `never` and for what is no time."""
    kind, _, rest = text.partition(" ")
    if kind == "epoch":
        return float(rest) if rest.isdigit() and len(rest) <= 11 else None
    when = stamp(rest + " ", float(near))  # dhcpd.leases(5): UTC, whatever zone the logs are in
    return when.at if when else None


def _octets(quoted: str) -> list[int]:
    """The octets of a quoted string with octal escapes, or of hexadecimal ones with colons."""
    if not quoted.startswith('"'):
        parts = quoted.split(":")
        hexadecimal = all(0 < len(part) <= 2 and part.isalnum() and part.isascii() for part in parts)
        try:
            return [int(part, 16) for part in parts] if hexadecimal else []
        except ValueError:
            return []
    plain = _ESCAPE.sub(lambda m: chr(int(m[1], 8) & 255) if m[1].isdigit() else m[1], quoted[1:-1])
    return [ord(character) & 255 for character in plain]


def _text(quoted: str) -> str:
    return bytes(_octets(quoted)).decode("utf-8", "replace") if quoted.startswith('"') else ""


def _listed(text: str) -> list[int]:
    """A parameter request list, as a site's configuration may keep it: quoted octets, or 1:3:6."""
    return _octets(text)
