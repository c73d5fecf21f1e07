"""hostapd's log: which card came to an access point or a switch's port, and when it left.

Source: hostapd 2.10, src/ap/ap_drv_ops.c, ieee802_11.c, ieee802_1x.c, hostapd.c (hostapd_logger),
wpa_ctrl.h. OpenWrt and UniFi write the same by syslog, hostapd itself on its terminal, hostapd_cli with
`<3>` before it. Sample: tests/samples/hostapd/. `wlan0: AP-STA-CONNECTED 3c:5a:b4:12:34:56`, `wlan0: STA
3c:5a:b4:12:34:56 IEEE 802.11: disassociated`.

Surprises: an address is not told, so these are no leases. `authenticated` of IEEE 802.11 comes before the
station is let in, that of IEEE 802.1X after. The identity stands in a line of its own, before.
"""

import re
from collections.abc import Callable

from msgspec import structs

from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import stamp
from unlisted.evidence.leases._client import tag
from unlisted.messages import Presence

HINT = ": "
CANDIDATE = rb"(?:AP-STA-|STA [0-9a-fA-F]{2}:)"

OPEN = 5000  # stations whose identity is kept
_MAC = r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}"
# UniFi puts model, MAC and version before the program; a word that ends in a colon is another program's tag.
_AHEAD = r"[\s|]*(?P<ahead>(?:(?:[\w.@+-]{1,255}|[\w.-]{1,40},[\w.,+-]{1,80}:?)[ \t]+){0,3}?)"
_FRONT = re.compile(_AHEAD + tag("hostapd|wevent|stahtd"))
_EVENT = re.compile(
    r"(?:<\d>)?(?:(?P<on>[\w.@-]{1,40}): )?"
    rf"(?:(?P<event>AP-STA-(?:DIS)?CONNECTED) (?P<mac>{_MAC})\b|STA (?P<sta>{_MAC}) "
    r"(?P<what>IEEE 802\.11|IEEE 802\.1X|WPA|RADIUS|MLME|WNM|DRIVER): (?P<said>[^\r\n]{0,400}))"
)
_BESIDE = re.compile(
    r"(?:<\d>)?(?:[\w.@-]{1,40}: )?(?:AP-(?:ENABLED|DISABLED|STA-POSSIBLE-PSK|CSA|MGMT)|CTRL-EVENT-[A-Z]"
    r"|interface state [A-Z]+->[A-Z]|ACS-|DFS-|WPS-|STA-OPMODE|STA [0-9a-f:]{17} |BEACON-|FT-|DAS: )"
)
_IDENTITY = re.compile(r"STA identity '(.{1,253})'\s*$")
_CAME = re.compile(r"(?:re)?associated \(aid \d{1,5}\)|associated\s*$")
_LEFT = re.compile(r"(?:disassociated|deauthenticated|deassociated)\b")
_IN = re.compile(r"authenticated(?: - EAP type|\s*$)")


def parse(line: str, near: float) -> Presence | Other | None:
    """Read one line by itself."""
    return _read(line, near, {})


def session() -> Callable[[str, float], Presence | Other | None]:
    """A reader of lines in their order."""
    identities: dict[str, str] = {}
    return lambda line, near: _read(line, near, identities)


def _read(line: str, near: float, identities: dict[str, str]) -> Presence | Other | None:
    at, host, start, tagged = _front(line, near)
    if not (found := _EVENT.match(line, start)):
        return OTHER if (tagged and at is not None) or _BESIDE.match(line, start) else None
    mac = card(found["mac"] or found["sta"])
    if not mac:
        return OTHER
    came = _came(found, identities, mac)
    if came is None:
        return OTHER
    where = f"{host} {found['on'] or ''}".strip()
    made = Presence(mac, at, None, account=identities.get(mac, ""), where=where)
    return made if came else structs.replace(made, start=None, end=at)


def _front(line: str, near: float) -> tuple[float | None, str, int, bool]:
    """When, by whom, where hostapd's words begin, and whether its tag stood before them."""
    when = stamp(line, near)
    if when is None:
        return None, "", 0, False
    if not (front := _FRONT.match(line, when.end)):
        plain = line[when.end : when.end + 2]  # `hostapd -t`: `1795441708.123456: wlan0: …`
        return (when.at, "", when.end + 2, False) if plain == ": " else (None, "", len(line), False)
    words = [word for word in front["ahead"].split() if not _FACILITY.match(word)]
    return when.at, words[0].partition(",")[0] if words else "", front.end(), True


_FACILITY = re.compile(r"(?:kern|user|daemon|auth|authpriv|syslog|local\d)\.\w+$")


def _came(found: re.Match[str], identities: dict[str, str], mac: str) -> bool | None:
    """True for one that came, False for one that left, None for what tells neither."""
    if event := found["event"]:
        return event == "AP-STA-CONNECTED"
    what, said = found["what"], found["said"]
    if what == "IEEE 802.1X":
        if identity := _IDENTITY.match(said):
            while len(identities) >= OPEN:
                del identities[next(iter(identities))]
            identities[mac] = identity[1]
        return True if _IN.match(said) else None
    if what != "IEEE 802.11":
        return None
    if _LEFT.match(said):
        return False
    return True if _CAME.match(said) else None
