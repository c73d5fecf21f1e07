"""MikroTik RouterOS: the tables of leases and neighbors as `print` (detail, terse) and `export` show them.

Source: RouterOS 6.49 and 7.15, "/ip dhcp-server lease", "/ip arp". Sample: tests/samples/mikrotik_leases/.
Snapshots without a date. A record of `print detail` and of `export` goes over several lines; `export` ends
them with a backslash. What is not bound but stands there is a reservation of that address for that MAC; an
offered one is nobody's. The client's own address stands in `active-address`, when it has one.
"""

import re
from collections.abc import Callable

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.leases._client import colons, named
from unlisted.messages import Lease

HINT = ""

MOST = 4000  # characters of one exported record
_MAC = r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}"
_FLAGS = r"[XRDBIHPC ]{0,6}"
_HEAD = re.compile(r"\s*#\s+(?:[A-Z-]+\s+){0,4}ADDRESS\s+MAC-ADDRESS\b")
_ROW = re.compile(rf"\s{{0,6}}\d{{1,5}} {_FLAGS}\s*([0-9.]{{7,15}})\s+({_MAC})\b")
_RECORD = re.compile(rf"\s{{0,6}}\d{{1,5}} {_FLAGS}\s*(?=;;; |[a-z-]+=)")
_ADD = re.compile(r"(?:/ip dhcp-server lease )?add (?=(?:disabled=\S+ )?[a-z-]+=)")
_PAIR = re.compile(r'([a-z][a-z0-9-]{1,40})=("(?:[^"\\]|\\.){0,400}"|[^\s"]{0,400})(?=\s|\\|$)')
_KNOWN = frozenset(("address", "mac-address", "active-mac-address"))
_BESIDE = re.compile(
    r"/ip (?:dhcp-server lease|arp)\s*$|Flags: [A-Z] [-,] |Columns: (?:[A-Z-]+, ){0,4}ADDRESS, MAC-ADDRESS"
    r"|\[[^\]]{1,80}\] (?:/ip[ /]dhcp-server[ /]lease )?> "
)
_STATUS = re.compile(r"\b(bound|waiting|offered|authorizing|testing|busy|declined|conflict)\b")
_TAKEN = ("bound", "waiting", "")


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line by itself."""
    return session()(line, near)


def session() -> Callable[[str, float], Lease | Other | None]:
    """A reader of lines in their order."""
    return _Table().read


class _Table:
    """The record that is being read, and where the name stands in a table."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._open = False
        self._name: tuple[int, int] = (0, 0)
        self._lease: Lease | None = None
        self._cut = ""  # the front of an exported line that goes on

    def read(self, line: str, near: float) -> Lease | Other | None:  # noqa: ARG002 - no dates
        """One line."""
        line, self._cut = self._cut + (line.lstrip() if self._cut else line), ""
        if line.endswith("\\") and len(line) <= MOST and _ADD.match(line):
            self._cut = line[:-1]
            return OTHER
        if not line.strip():
            self._open = False
            return OTHER if self._told else None
        if _HEAD.match(line):
            self._name = _column(line)
            return OTHER
        if row := _ROW.match(line):
            return self._row(line, row)
        begun = _RECORD.match(line) or _ADD.match(line)
        if begun:
            self._told, self._open, self._lease = {}, True, None
        elif not self._open or not line.startswith("  "):
            return OTHER if _BESIDE.match(line) else None
        pairs = _PAIR.findall(line, begun.end() if begun else 0)
        told = {name for name, _ in pairs}
        if begun and told and not told.intersection(_KNOWN):
            self._open = False
            return None  # another menu's record
        for name, value in pairs:
            self._told.setdefault(name, value.strip('"'))
        return self._record()

    def _row(self, line: str, row: re.Match[str]) -> Lease | Other | None:
        status = _STATUS.search(line, row.end())
        address, mac = net.ip(row[1]), card(row[2])
        if address is None or not mac or (status and status[1] not in _TAKEN):
            return OTHER
        start, end = self._name
        name = line[start:end] if start >= row.end() - 1 and end > start else ""
        return Lease(address, mac, named(name.removesuffix("...")))

    def _record(self) -> Lease | Other:
        """The lease as far as it is told; once more when a later line tells more."""
        told = self._told
        active = "active-mac-address" in told
        address = net.ip(told.get("active-address" if active else "address", ""))
        mac = card(told.get("active-mac-address" if active else "mac-address", ""))
        if address is None or not mac or told.get("status", "") not in _TAKEN:
            return OTHER
        client_id = _identifier(told.get("active-client-id") or told.get("client-id", ""))
        made = Lease(address, mac, named(told.get("host-name", "")), client_id)
        if made == self._lease:
            return OTHER
        self._lease = made
        return made


def _column(line: str) -> tuple[int, int]:
    """Where the column of names begins and ends."""
    start = line.find("HOST-NAME")
    if start < 0:
        return 0, 0
    following = re.compile(r"\S").search(line, start + len("HOST-NAME"))
    return start, following.start() if following else len(line)


def _identifier(text: str) -> str:
    """`1:aa:bb:c:d:e:f`, each octet without its leading zero, as octets of two digits."""
    parts = text.split(":")
    return colons("".join(part.rjust(2, "0") for part in parts)) if len(parts) > 1 else ""
