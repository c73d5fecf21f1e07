"""SonicWall: SonicOS 6.5 and 7 by syslog in ArcSight's CEF. Its own format: sonicwall.py.

Source: SonicWall, "SonicOS Log Events Reference Guide", "ArcSight CEF". Sample: tests/samples/sonicwall_cef/.
`CEF:0|SonicWall|NSa 4700|7.0.1-5080|98|Connection Opened|4|cat=262144 gcat=6 src=192.168.1.5 spt=51512
deviceInboundInterface=X0 cs1Label=203.0.113.1 snpt=40122 dst=198.51.100.7 dpt=25
deviceOutboundInterface=X1 proto=tcp/smtp …`.

Surprises: labels hold values: `cs1Label` is the translated source, `cn1Label` packets that came back,
`cn3Label` the length in milliseconds. The line tells no time; that is syslog's. The message's number is the
class: 98 opened, 537 closed, 97 a web page.
"""

from unlisted import net
from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.gateway._cef import event
from unlisted.evidence.gateway._front import front, translated
from unlisted.evidence.gateway._pairs import Pairs, seconds
from unlisted.evidence.gateway._told import LONGEST, SLACK, Line, Told, alone

HINT = "|SonicWall|"
PACKETS = True  # what is dropped is told packet by packet
CANDIDATE = rb"dpt=(?:25|465|587) "

_OPENED, _CLOSED, _WEB = "98", "537", "97"
_DROPPED = frozenset(("36", "37", "38", "41", "173", "174", "175", "524"))
_BLOCKS = ("drop", "deny", "block", "reject")


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    return alone(_read(line, near))


def session() -> Parse:
    """A reader of lines in their order: an end whose start was told is no second attempt."""
    return Told().of(_read)


def _read(line: str, near: float) -> Line | Parsed:
    made = event(line)
    if made is None or made.vendor != "SonicWall" or (ahead := front(line, made.begin, near)) is None:
        return None
    if made.id not in (_OPENED, _CLOSED, _WEB) and made.id not in _DROPPED:
        return OTHER
    words = made.values
    src, dst = net.ip(words["src"]), net.ip(words["dst"])
    protocol = words["proto"].partition("/")[0]
    if ahead[0] is None or src is None or dst is None or not protocol:
        return None  # no time, or cut off
    if protocol in ("tcp", "udp") and "dpt" not in words:
        return None
    ported = not protocol.startswith("icmp")
    sport, dport = (port(words["spt"]), port(words["dpt"])) if ported else (0, 0)
    at = ahead[0].at
    end, length = at, ""
    if made.id == _CLOSED:
        length = words["cn3Label"]
        at -= seconds(length) / 1000
    stopped = made.id in _DROPPED or words["fw_action"].strip('"').lower().startswith(_BLOCKS)
    nat = translated(words["cs1Label"])
    user = words["susr"].strip('"').replace("\\\\", "\\")
    fact = connection(
        at, src, dst, dport, sport, protocol,
        mac=card(words["smac"]), action="block" if stopped else "pass",
        outcome=_outcome(words, protocol) if made.id == _CLOSED else "",
        nat=nat, nat_port=port(words["snpt"]) if nat else 0,
        account="" if user.startswith("Unknown") else user[:253],
    )  # fmt: skip
    return Line(fact, SLACK if length else LONGEST, end, last=True) if made.id == _CLOSED else Line(fact)


def _outcome(words: Pairs, protocol: str) -> str:
    """One packet in answer is a refusal as well as an acceptance, for TCP."""
    packets = words["cn1Label"]
    if packets == "0" or ("in" not in words and "out" in words and not packets):
        return "silent"
    if packets == "1" and protocol == "tcp":
        return ""
    return "answered" if packets or words.get("in", "0").strip("0") else ""
