"""UPnP: finding the Internet gateway of a LAN, and the question for its public address. Texts only.

UPnP Device Architecture 1.1 §1.3 (search), §2 (description), §3 (control); UPnP Forum, WANIPConnection:1
§2.4.18 and WANPPPConnection:1 (GetExternalIPAddress: it takes nothing and changes nothing).
Whoever answers is a stranger: he may send us to himself alone, his XML holds no entities, and what is too
large is not read.
"""

import re
from contextlib import suppress
from urllib.parse import urljoin, urlsplit
from xml.parsers import expat

from msgspec import Struct

from unlisted import net
from unlisted.net import Address
from unlisted.notice.wan import WITHOUT

SSDP = ("239.255.255.250", 1900)  # §1.3.2; link-scoped when sent with a TTL of 1
LARGEST = 128 << 10  # octets of a page; descriptions of routers have 3 to 20 kB
HEAD = 8 << 10  # octets of an answer's head
MAX_LEAVES = 5000  # elements of a page; a gateway's description has some hundred
MAX_SERVICES = 4  # WAN services that are asked; a gateway has one for each line
SEARCHED = (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",  # a :2 must answer to it as well
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
)
_SERVICE = re.compile(r"urn:schemas-upnp-org:service:WAN(?:IP|PPP)Connection:[12]")
_URL = re.compile(r"[!-~]{1,400}")


class Head(Struct, frozen=True):
    """What an answer's head says of its body; `length` None: until the end."""

    status: int
    length: int | None = None
    chunked: bool = False


class Service(Struct, frozen=True):
    """A WAN service and where it is asked."""

    kind: str
    url: str


def search(target: str) -> bytes:
    """The question to all (§1.3.2); answers come within MX seconds."""
    lines = ("M-SEARCH * HTTP/1.1", "HOST: 239.255.255.250:1900", 'MAN: "ssdp:discover"', "MX: 1")
    return "\r\n".join((*lines, f"ST: {target}", "", "")).encode()


def location(packet: bytes, sender: str) -> str:
    """Where a gateway that answered describes itself; "" unless that is the very address that answered."""
    first, _, rest = packet[:HEAD].decode("latin-1").partition("\r\n")
    named = _fields(rest)
    if not first.startswith(("HTTP/1.1 200", "HTTP/1.0 200")) or named.get("st", "") not in SEARCHED:
        return ""
    url = named.get("location", "")
    return url if sender and _host(url) == sender else ""


def _fields(text: str) -> dict[str, str]:
    """Header fields by lower-case name, the first of a name; up to the empty line."""
    found: dict[str, str] = {}
    for line in text.split("\r\n"):
        if not line:
            break
        name, _, value = line.partition(":")
        found.setdefault(name.strip().lower(), value.strip(" \t"))
    return found


def _host(url: str) -> str:
    """The address in an http URL; "" for a name, which might lead anywhere, and for anything odd."""
    try:
        parts = urlsplit(url) if _URL.fullmatch(url) else None
        # A "%" is a zone to `net.ip` and a letter of a name to a resolver, which would ask the world for it.
        if parts is None or parts.scheme != "http" or parts.port == 0 or set("@%") & set(parts.netloc):
            return ""
        return str(net.ip(parts.hostname or "") or "")
    except ValueError:
        return ""


def head(data: bytes) -> Head | str:
    """The head of an HTTP answer, or why it is none. Never raises."""
    first, _, rest = data[:HEAD].decode("latin-1").partition("\r\n")
    words = first.split(" ")
    if (
        words[0] not in ("HTTP/1.0", "HTTP/1.1")
        or len(words) < 2
        or not re.fullmatch("[1-5][0-9]{2}", words[1])
    ):
        return "what came is no HTTP"
    named = _fields(rest)
    length = named.get("content-length", "")
    return Head(
        int(words[1]),
        int(length) if re.fullmatch("[0-9]{1,9}", length) else None,
        named.get("transfer-encoding", "").lower() == "chunked",
    )


def chunk(line: bytes) -> int | None:
    """The size that a chunk's first line names (RFC 9112 §7.1); None when it is none."""
    found = re.match(rb"([0-9A-Fa-f]{1,8})[ \t]*[;\r]", line)
    return int(found[1], 16) if found else None


def request(url: str, service: str = "") -> bytes:
    """A page's GET, or the POST that asks `service` for the external address (§3.1.1)."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"HOST: {parts.netloc}", "CONNECTION: close"]
    if not service:
        return "\r\n".join((f"GET {path} HTTP/1.1", *lines, "", "")).encode()
    body = (
        '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:GetExternalIPAddress xmlns:u="{service}"></u:GetExternalIPAddress></s:Body></s:Envelope>\r\n'
    )
    lines += [f"CONTENT-LENGTH: {len(body)}", 'CONTENT-TYPE: text/xml; charset="utf-8"']
    lines += [f'SOAPACTION: "{service}#GetExternalIPAddress"']
    return "\r\n".join((f"POST {path} HTTP/1.1", *lines, "", body)).encode()


def services(page: bytes, url: str) -> list[Service]:
    """The WAN services in the description that was read at `url`, those that are asked at that address."""
    found, kind, place, base = dict[Service, None](), "", "", url
    for name, text in _leaves(page):
        if name == "URLBase" and _host(text):
            base = text
        elif name == "serviceType":
            kind = text if _SERVICE.fullmatch(text) else ""
        elif name == "controlURL":
            place = text if _URL.fullmatch(text) else ""
        elif name == "service":
            if kind and place and (whole := _joined(base, place)) and _host(whole) == _host(url):
                found[Service(kind, whole)] = None
            kind = place = ""
    return list(found)[:MAX_SERVICES]


def _joined(base: str, place: str) -> str:
    try:
        return urljoin(base, place)
    except ValueError:
        return ""


def external(page: bytes) -> Address | str:
    """The address in the answer to the question, or why there is none (§3.2.2: UPnPError)."""
    code = ""
    for name, text in _leaves(page):
        if name == "NewExternalIPAddress":
            return net.ip(text) or WITHOUT
        if name == "errorCode" and re.fullmatch("[0-9]{1,4}", text):
            code = text
    return f"it refuses (UPnP error {code})" if code else "it tells no address"


class _BadError(Exception):
    """Inside this file only: the page is not read on."""


def _leaves(page: bytes) -> list[tuple[str, str]]:
    """Every element's local name and text, as they end; what came before a fault counts. Never raises."""
    found: list[tuple[str, str]] = []
    text: list[str] = []

    def start(_name: str, _attributes: dict[str, str]) -> None:
        text.clear()

    def end(name: str) -> None:
        found.append((name.rpartition(":")[2], "".join(text).strip()))
        text.clear()
        if len(found) >= MAX_LEAVES:
            raise _BadError

    def refuse(*_: object) -> None:
        raise _BadError  # a document type: entities, and files of ours

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text.append, refuse
    with suppress(expat.ExpatError, ValueError, _BadError):
        parser.Parse(page[:LARGEST].strip(b"\0 \t\r\n"), True)
    return found
