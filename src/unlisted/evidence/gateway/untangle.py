"""Untangle NG Firewall (Arista): its session events by syslog, JSON behind the tag `uvm`.

Source: uvm/api/com/untangle/uvm/app/SessionEvent.java (names of the properties), NG Firewall 16, "Events".
Sample: tests/samples/untangle/. `uvm[0]: {"class":"class com.untangle.uvm.app.SessionEvent","protocol":6,
"CClientAddr":"192.168.1.5","CClientPort":51512,"SServerAddr":"198.51.100.7","SServerPort":25,"SClientAddr":…}`.

Surprises: C is the side of the client, S that of the server: `SClient…` is the translated source,
`SServer…` the destination as it was reached. Addresses may begin with a slash. Statistics of a session are
other events.
"""

import re

import msgspec

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection
from unlisted.evidence.framing import stamp, tagged
from unlisted.messages import Attempt, Contact

HINT = "com.untangle.uvm"
CANDIDATE = rb'ServerPort": ?(?:25|465|587)[,}]'

_TAG = re.compile(r"\buvm(?:\[\d{1,7}\])?: (?=\{)")


class _Session(msgspec.Struct):
    kind: str = msgspec.field(name="class", default="")
    protocol: int = 0
    c_client: str = msgspec.field(name="CClientAddr", default="")
    c_client_port: int = msgspec.field(name="CClientPort", default=0)
    s_client: str = msgspec.field(name="SClientAddr", default="")
    s_client_port: int = msgspec.field(name="SClientPort", default=0)
    s_server: str = msgspec.field(name="SServerAddr", default="")
    s_server_port: int = msgspec.field(name="SServerPort", default=0)
    user: str | None = msgspec.field(name="username", default=None)


_JSON = msgspec.json.Decoder(_Session)


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line; Other for every event that is no session's."""
    when = stamp(line, near)
    tag = _TAG.search(line, when.end, when.end + 300) if when else None
    if when is None or tag is None or not tagged(line, when, tag.start()):
        return None
    try:
        told = _JSON.decode(line[tag.end() :].strip())
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not told.kind.endswith(".SessionEvent"):
        return OTHER
    ports = (told.c_client_port, told.s_client_port, told.s_server_port)
    if any(not 0 <= number <= 65535 for number in ports):
        return None
    return connection(
        when.at, net.ip(told.c_client.lstrip("/")), net.ip(told.s_server.lstrip("/")), told.s_server_port,
        told.c_client_port, str(told.protocol), nat=net.ip(told.s_client.lstrip("/")),
        nat_port=told.s_client_port, account=(told.user or "")[:253],
    )  # fmt: skip
