"""Kea's lease files: kea-leases4.csv and kea-leases6.csv.

Source: Kea 2.6, src/lib/dhcpsrv/csv_lease_file4.cc, csv_lease_file6.cc, lease.h; Kea ARM, "Memfile". Newer
files have more columns; the header names them. Sample: tests/samples/kea_csv/.

Surprises: a row is appended at each change, `expire` is when the lease ends, in UTC, and `expire` less
`valid_lifetime` when it was given. A lifetime of zero deletes a lease, at a time that is not told. State 1
is declined, somebody else has that address; 2 is expired; 3 released; 4 registered, an address that the
client made itself. A comma in a name is written `&#x2c`. A DHCPv6 row of type 2 is a prefix.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.card import card
from unlisted.evidence.leases._client import colons, duid_mac, named
from unlisted.messages import Lease

HINT = ","

_FOUR = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state"
_SIX = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,"
    "hostname,hwaddr,state"
)
_ROW4 = re.compile(
    r"[0-9.]{7,15},[0-9a-fA-F:]*,[0-9a-fA-F:]*,\d{1,10},\d{9,11},\d{1,10},[01],[01],[^,]{0,400},[0-4](?:,|\s*$)"
)
_ROW6 = re.compile(
    r"[0-9a-fA-F:.]{2,45},[0-9a-fA-F:]{2,400},\d{1,10},\d{9,11},\d{1,10},\d{1,10},[0-2],\d{1,10},\d{1,3},"
    r"[01],[01],[^,]{0,400},[0-9a-fA-F:]*,[0-4](?:,|\s*$)"
)
_ESCAPE = re.compile(r"&#x([0-9a-fA-F]{2})")
_FOREVER = 0xFFFFFFFF
_HAD = ("0", "2", "3", "4", "")


def parse(line: str, near: float) -> Lease | Other | None:  # noqa: ARG001 - times are absolute
    """Read one row in the order of columns that all versions begin with."""
    if _ROW4.match(line):
        return _row(line, _FOUR.split(","))
    if _ROW6.match(line):
        return _row(line, _SIX.split(","))
    return OTHER if line.startswith((_FOUR, _SIX)) else None


def header(line: str) -> Parse | None:
    """The reader of a file whose columns a header line names."""
    names = line.strip().lstrip("\ufeff").split(",")
    needed = {"address", "valid_lifetime", "expire", "subnet_id"}
    if names[0] != "address" or not needed.issubset(names) or not {"hwaddr", "duid"}.intersection(names):
        return None

    def read(row: str, near: float) -> Lease | Other | None:  # noqa: ARG001
        return OTHER if row.startswith("address,") else _row(row, names)

    return read


def _row(line: str, names: list[str]) -> Lease | Other | None:
    told = dict(zip(names, line.rstrip("\r\n").split(","), strict=False))
    address, length, expire = net.ip(told["address"]), told.get("valid_lifetime", ""), told.get("expire", "")
    if address is None or not _number(length) or not _number(expire):
        return None
    client_id = colons(told.get("client_id", "") or told.get("duid", ""))
    mac = card(told.get("hwaddr", "")) or duid_mac(client_id)
    given = told.get("state", "").strip() in _HAD and int(length) > 0
    if not mac or not given or told.get("lease_type", "0") == "2":
        return OTHER
    name = _ESCAPE.sub(lambda m: chr(int(m[1], 16)), told.get("hostname", ""))
    start = float(int(expire) - int(length))
    end = float(expire) if int(length) < _FOREVER else None
    return Lease(address, mac, named(name), client_id, start, end)


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 11
