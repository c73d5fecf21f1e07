"""Our own address: what routers and STUN servers answer, honest and hostile, and what it all means.

The servers on loopback are contract-tested: written from RFC 6886, RFC 8489 and the UPnP Forum's papers. The
real ones, miniupnpd and turnserver, run in tests/lab/test_lab_wan.py.
"""

import asyncio
import errno
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import answer, asked, serving
from unlisted.cli import main
from unlisted.edge import addresses
from unlisted.edge import wan as edge
from unlisted.edge.addresses import Own
from unlisted.edge.resolver import Server
from unlisted.edge.wan import Here, Named
from unlisted.net import Address
from unlisted.notice import wan
from unlisted.notice.wan import WITHOUT, Exit, Told, Verdict, natpmp, routes, stun, upnp
from unlisted.notice.wan.routes import Route

PUBLIC, OTHER = ip_address("203.0.113.7"), ip_address("198.51.100.9")
CGN, PRIVATE, DSLITE = ip_address("100.64.3.4"), ip_address("192.168.178.2"), ip_address("192.0.0.2")
LAN, ROUTER = ip_address("192.168.1.20"), ip_address("192.168.1.1")
SIX, SIXTH = ip_address("2001:db8:1:2::5"), ip_address("2001:db8:1:2:aaaa::6")
NUMBER = bytes(range(12))
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
IGD = f"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/l3</controlURL></service>
</serviceList><deviceList><device><serviceList><service><serviceType>{SERVICE}</serviceType>
<SCPDURL>/x.xml</SCPDURL><controlURL>/ctl/IPConn</controlURL></service></serviceList></device></deviceList>
</device></root>"""
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "203.0.113.7">]>'
    "<a><NewExternalIPAddress>&b;</NewExternalIPAddress></a>"
)


def pmp(address: str, result: int = 0) -> bytes:
    return bytes([0, 128]) + result.to_bytes(2) + bytes(4) + ip_address(address).packed


def bound(address: str, number: bytes, *, plain: bool = False, first: bytes = b"") -> bytes:
    """A binding response with one address, and whatever comes before it."""
    packed = ip_address(address).packed
    mask = bytes(16) if plain else stun.COOKIE + number
    family = 1 if len(packed) == 4 else 2
    value = bytes([0, family, 0, 1]) + bytes(a ^ b for a, b in zip(packed, mask, strict=False))
    body = first + (1 if plain else 0x20).to_bytes(2) + len(value).to_bytes(2) + value
    return b"\x01\x01" + len(body).to_bytes(2) + stun.COOKIE + number + body


def soap(inside: str) -> bytes:
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f"{inside}</s:Body></s:Envelope>"
    ).encode()


def external(text: str) -> bytes:
    return soap(
        f'<u:GetExternalIPAddressResponse xmlns:u="{SERVICE}"><NewExternalIPAddress>{text}'
        "</NewExternalIPAddress></u:GetExternalIPAddressResponse>"
    )


# ---- packets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packet", "told"),
    [
        (pmp("203.0.113.7"), PUBLIC),
        (pmp("100.64.3.4"), CGN),
        (pmp("203.0.113.7", 2), natpmp.RESULTS[2]),
        (pmp("0.0.0.0", 3), WITHOUT),
        (pmp("203.0.113.7", 99), "it says result 99"),
        (pmp("203.0.113.7")[:-1], "what came is no answer to it"),
        (pmp("203.0.113.7") + b"x", "what came is no answer to it"),
        (b"\x00\x00" + pmp("203.0.113.7")[2:], "what came is no answer to it"),  # our own question, sent back
        (b"\x00\x80\x00\x01", natpmp.RESULTS[1]),
        (b"\x02\x80\x00\x01" + bytes(20), natpmp.RESULTS[1]),  # a server of PCP alone
        (b"", "what came is no answer to it"),
    ],
)
def test_natpmp(packet: bytes, told: Address | str) -> None:
    assert natpmp.read(packet) == told


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7"])
def test_stun(address: str, plain: bool) -> None:
    packet = bound(address, NUMBER, plain=plain)
    assert stun.read(packet, NUMBER) == ip_address(address)
    assert stun.build(NUMBER) == b"\x00\x01\x00\x00\x21\x12\xa4\x42" + NUMBER
    assert isinstance(stun.read(packet, bytes(12)), str)  # another's request
    assert isinstance(stun.read(stun.build(NUMBER), NUMBER), str)  # our own, sent back
    for cut in range(len(packet)):
        assert isinstance(stun.read(packet[:cut], NUMBER), str)


def test_stun_believes_the_attribute_that_no_nat_rewrites() -> None:
    rewritten = bound("192.168.1.20", NUMBER, plain=True)[20:]
    assert stun.read(bound("203.0.113.7", NUMBER, first=rewritten), NUMBER) == PUBLIC
    padded = b"\x80\x22\x00\x05none\x21\x00\x00\x00"  # SOFTWARE of five octets, padded to eight
    assert stun.read(bound("203.0.113.7", NUMBER, first=padded), NUMBER) == PUBLIC
    refused = b"\x01\x11\x00\x08" + stun.COOKIE + NUMBER + b"\x00\x09\x00\x04\x00\x00\x04\x01"
    assert stun.read(refused, NUMBER) == "it refuses (error 401)"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("stun.example.net", ("stun.example.net", 3478)),
        ("stun.example.net:19302", ("stun.example.net", 19302)),
        ("192.0.2.9:1", ("192.0.2.9", 1)),
        ("2001:db8::9", ("2001:db8::9", 3478)),
        ("[2001:db8::9]:5000", ("2001:db8::9", 5000)),
        ("stun.example.net:0", None),
        ("stun.example.net:65536", None),
        ("[stun]:1", None),
        ("http://stun.example.net", None),
        ("-\x1b[31m", None),
        ("", None),
    ],
)
def test_where_a_stun_server_is(text: str, place: tuple[str, int] | None) -> None:
    assert stun.place(text) == place


def reply(url: str, target: str = upnp.SEARCHED[0], first: str = "HTTP/1.1 200 OK") -> bytes:
    return f"{first}\r\nCACHE-CONTROL: max-age=120\r\nST: {target}\r\nLocation: {url}\r\n\r\n".encode()


def test_a_router_describes_itself_and_nobody_else() -> None:
    url = "http://192.168.1.1:5000/d.xml"
    assert upnp.location(reply(url), "192.168.1.1") == url
    assert upnp.location(reply(url), "192.168.1.2") == ""
    assert upnp.location(reply(url, "upnp:rootdevice"), "192.168.1.1") == ""  # not what was asked
    assert upnp.location(reply(url, first="NOTIFY * HTTP/1.1"), "192.168.1.1") == ""
    for other in (
        "https://192.168.1.1/",
        "http://router.lan/",
        "http://192.168.1.1:0/",
        "http://192.168.1.1:99999/",
        "http://192.168.1.1@203.0.113.9/",
        "http://u:p@192.168.1.1/",
        "http://192.168.1.1/a b",
        "http://192.168.1.1%x.evil.example/",  # a zone to `net.ip`, a name to the resolver
        "http://192.168.1.1%25x.evil.example:8080/",
        "http://[192.168.1.1/",
        "file:///etc/passwd",
        "",
    ):
        assert upnp.location(reply(other), "192.168.1.1") == ""


def test_what_a_description_says() -> None:
    url = "http://192.168.1.1:5000/x/d.xml"

    def services(text: str) -> list[tuple[str, str]]:
        return [(one.kind, one.url) for one in upnp.services(text.encode(), url)]

    assert services(IGD) == [(SERVICE, "http://192.168.1.1:5000/ctl/IPConn")]
    assert services(IGD.replace("/ctl/", "ctl/")) == [(SERVICE, "http://192.168.1.1:5000/x/ctl/IPConn")]
    ppp = IGD.replace("WANIPConnection:1", "WANPPPConnection:1")
    assert services(ppp) == [(SERVICE.replace("WANIP", "WANPPP"), "http://192.168.1.1:5000/ctl/IPConn")]
    based = IGD.replace("<device>", "<URLBase>http://192.168.1.1:80/</URLBase><device>", 1)
    assert services(based) == [(SERVICE, "http://192.168.1.1:80/ctl/IPConn")]
    assert services(IGD + "\0\n") == services(IGD)  # what some routers append
    # Away to somebody else, by the control URL or by the base.
    assert services(IGD.replace("/ctl/IPConn", "http://203.0.113.9/ctl")) == []
    assert services(IGD.replace("/ctl/IPConn", "//203.0.113.9/ctl")) == []
    assert services(based.replace("192.168.1.1:80/", "203.0.113.9/")) == []
    assert services(IGD.replace("WANIPConnection:1", "WANIPConnection:3")) == []
    assert services("<root/>") == []
    one = f"<service><serviceType>{SERVICE}</serviceType><controlURL>/c%d</controlURL></service>"
    many = IGD.replace("<service>", "".join(one % number for number in range(99)) + "<service>", 1)
    assert len(services(many)) == upnp.MAX_SERVICES


def test_what_the_service_says() -> None:
    assert upnp.external(external("203.0.113.7")) == PUBLIC
    assert upnp.external(external("")) == WITHOUT
    assert upnp.external(external("\x1b[31m")) == "it tells no address"  # no XML holds it
    assert upnp.external(external("your.router")) == WITHOUT
    fault = "<s:Fault><detail><UPnPError><errorCode>501</errorCode></UPnPError></detail></s:Fault>"
    assert upnp.external(soap(fault)) == "it refuses (UPnP error 501)"
    assert upnp.external(b"<html>") == "it tells no address"


def test_no_entity_is_expanded() -> None:
    assert upnp.external(BOMB.encode()) == "it tells no address"
    assert upnp.external(BOMB.encode("utf-16")) == "it tells no address"
    outside = BOMB.replace('"203.0.113.7"', 'SYSTEM "file:///etc/hostname"')
    assert upnp.external(outside.encode()) == "it tells no address"


@pytest.mark.parametrize("text", ["<service>", "<a>", "<a b='", "</a>", "&amp;", "<![CDATA[", "\n"])
def test_hostile_pages_cost_little(text: str) -> None:
    page = (text * upnp.LARGEST)[: upnp.LARGEST].encode()
    began = time.process_time()
    assert upnp.services(b"<r>" + page, "http://192.168.1.1/") == []
    assert upnp.external(b"<r>" + page) == "it tells no address"
    assert isinstance(upnp.head(page), str)
    assert time.process_time() - began < 1.0  # measured: 0.05


def test_the_head_of_a_page() -> None:
    head = upnp.head(b"HTTP/1.1 200 OK\r\nContent-LENGTH: 12\r\nX: y\r\n\r\n")
    assert head == upnp.Head(200, 12)
    assert upnp.head(b"HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n") == upnp.Head(200, None, True)
    assert upnp.head(b"HTTP/1.0 500 No\r\nContent-Length: -1\r\n\r\n") == upnp.Head(500)
    for bad in (b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/2 200\r\n\r\n"):
        assert isinstance(upnp.head(bad), str)
    assert [upnp.chunk(line) for line in (b"1F\r\n", b"0;x=y\r\n", b"\r\n", b"-1\r\n")] == [31, 0, None, None]
    post = upnp.request("http://192.168.1.1:5000/ctl?x=1", SERVICE).decode()
    assert post.startswith("POST /ctl?x=1 HTTP/1.1\r\nHOST: 192.168.1.1:5000\r\n")
    assert f'SOAPACTION: "{SERVICE}#GetExternalIPAddress"\r\n' in post
    assert f"CONTENT-LENGTH: {len(post.partition(chr(13) + chr(10) + chr(13) + chr(10))[2])}\r\n" in post


@given(st.binary(max_size=200), st.text(max_size=400))
def test_nothing_raises(data: bytes, text: str) -> None:
    natpmp.read(data)
    stun.read(b"\x01\x01" + len(data).to_bytes(2) + stun.COOKIE + NUMBER + data, NUMBER)
    stun.read(data, NUMBER)
    stun.place(text)
    upnp.location(data, "192.0.2.1")
    upnp.location(reply(text), "192.0.2.1")
    upnp.services(data, "http://192.0.2.1/x")
    upnp.services(IGD.replace("/ctl/IPConn", text).encode("utf-8", "replace"), "http://192.0.2.1/x")
    upnp.external(data)
    upnp.head(data)
    upnp.head(b"HTTP/1.1 200 OK\r\n" + data)
    upnp.chunk(data)
    routes.read4(f"head\n{text}")
    routes.read6(text)
    addresses.read(data)


# ---- this machine ---------------------------------------------------------------------------------

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


def test_routes_are_of_the_hosts_byte_order() -> None:
    lan = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
    slow = "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
    fast = "eth0\t00000000\tFE01A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    dead = "eth1\t00000000\t0102A8C0\t0203\t0\t0\t0\t00000000\t0\t0\t0\n"  # RTF_REJECT
    half = "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"  # 0.0.0.0/1
    found = routes.read4(HEAD + lan + slow + fast + dead + half, "little")
    assert found == [
        Route("eth0", ip_address("192.168.1.254"), 100, 4),
        Route("wlan0", ip_address("192.168.1.1"), 600, 4),
    ]
    big = "eth0\t00000000\tC0A80101\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    assert routes.read4(HEAD + big, "big") == [Route("eth0", ROUTER, 0, 4)]
    line = "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
    assert routes.read4(HEAD + line) == [Route("ppp0", None, 0, 4)]


def test_routes_of_ipv6() -> None:
    none, gate = "0" * 32, "fe80000000000000000000fffe000001"
    text = (
        f"{none} 00 {none} 00 {gate} 00000400 00000002 00000000 00000003    eth0\n"
        f"20010db8000100020000000000000000 40 {none} 00 {none} 00000100 00000001 00000000 00000001    eth0\n"
        f"{none} 00 {none} 00 {none} ffffffff 00000001 00000000 00200200       lo\n"
    )
    assert routes.read6(text) == [Route("eth0", ip_address("fe80::ff:fe00:1"), 1024, 6)]


def newaddr(address: str, prefix: int, flags: int, *, peer: str = "") -> bytes:
    """An RTM_NEWADDR message as the kernel sends it; `peer` is the far end of a line."""

    def attribute(kind: int, value: bytes) -> bytes:
        return (4 + len(value)).to_bytes(2, sys.byteorder) + kind.to_bytes(2, sys.byteorder) + value

    raw = ip_address(address).packed
    ours = attribute(1, ip_address(peer or address).packed) + (attribute(2, raw) if peer else b"")
    body = bytes([2 if len(raw) == 4 else 10, prefix, flags & 255, 0]) + (7).to_bytes(4, sys.byteorder)
    body += ours + attribute(8, flags.to_bytes(4, sys.byteorder))
    head = (16 + len(body)).to_bytes(4, sys.byteorder) + (20).to_bytes(2, sys.byteorder) + bytes(10)
    return head + body


def test_addresses_that_packets_may_leave_with() -> None:
    data = b"".join(
        [
            newaddr("192.168.1.20", 24, 0x80),
            newaddr("192.168.1.21", 24, 0x81),  # a second one: the bit means "temporary" of IPv6 alone
            newaddr("203.0.113.7", 32, 0x80, peer="203.0.113.1"),
            newaddr("2001:db8::1", 64, 0x201),
            newaddr("2001:db8::2", 64, 0x300),
            newaddr("2001:db8::3", 64, 0x20),  # deprecated
            newaddr("2001:db8::4", 64, 0x40),  # tentative
            newaddr("2001:db8::5", 64, 0xC8),  # somebody else has it
        ]
    )
    assert [(str(one.address), one.prefix, one.temporary) for one in addresses.read(data)] == [
        ("192.168.1.20", 24, False),
        ("192.168.1.21", 24, False),
        ("203.0.113.7", 32, False),
        ("2001:db8::1", 64, True),
        ("2001:db8::2", 64, False),
    ]


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("ip"), reason="ip(8) is the oracle")
def test_the_kernel_says_the_same_to_ip() -> None:
    def ip(*words: str) -> list[dict[str, object]]:
        done = subprocess.run(["ip", "-j", *words], capture_output=True, text=True, check=True)
        found: list[dict[str, object]] = json.loads(done.stdout or "[]")
        return found

    told = {
        (str(info["local"]), info["prefixlen"], str(one["ifname"]))
        for one in ip("addr")
        for info in one["addr_info"]  # type: ignore[attr-defined]
        if not info.get("deprecated") and not info.get("tentative") and not info.get("dadfailed")
    }
    assert {(str(one.address), one.prefix, addresses.name(one.interface)) for one in addresses.own()} == told
    routed = {(str(one["dev"]), one.get("gateway")) for one in ip("-4", "route", "show", "default")}
    found = [one for one in addresses.default_routes() if one.version == 4]
    assert {(one.interface, one.gateway and str(one.gateway)) for one in found} == routed


# ---- what it means --------------------------------------------------------------------------------

BEHIND = Exit("eth0", LAN, ROUTER)


@pytest.mark.parametrize(
    ("told", "addresses", "kind", "says"),
    [
        ([Told("interface", PUBLIC, "eth0")], [PUBLIC], "public", "203.0.113.7, on this machine (eth0)"),
        (
            [Told("interface", PUBLIC, "eth0"), Told("interface", OTHER, "eth0")],
            [PUBLIC, OTHER],
            "public",
            "198.51.100.9, on this machine",
        ),
        ([Told("NAT-PMP", PUBLIC), Told("UPnP", why="x")], [PUBLIC], "nat", "as your router says (NAT-PMP)"),
        (
            [Told("NAT-PMP", PUBLIC), Told("STUN", PUBLIC, "stun.example")],
            [PUBLIC],
            "nat",
            "203.0.113.7, seen by stun.example (STUN) and as your router says (NAT-PMP)",
        ),
        ([Told("DNS", PUBLIC, "home.example")], [PUBLIC], "nat", "by the name home.example"),
        ([Told("NAT-PMP", CGN)], [], "cgnat", ""),
        ([Told("UPnP", PRIVATE)], [], "double-nat", ""),
        ([Told("UPnP", DSLITE)], [], "ds-lite", ""),
        ([Told("NAT-PMP", why=WITHOUT)], [], "double-nat", ""),
        ([Told("NAT-PMP", CGN), Told("STUN", PUBLIC, "s")], [PUBLIC], "cgnat", "seen by s (STUN)"),
        ([Told("NAT-PMP", why="no answer")], [], "unknown", ""),
        ([], [], "unknown", ""),
        (
            [Told("interface", SIXTH, "eth0", temporary=True), Told("NAT-PMP", PUBLIC)],
            [PUBLIC, SIXTH],
            "nat",
            "temporary (RFC 8981), but lists name its whole /64",
        ),
        (
            [Told("interface", SIXTH, "eth0", temporary=True), Told("interface", SIX, "eth0")],
            [SIX],
            "unknown",
            "2001:db8:1:2::5, on this machine (eth0); lists name its whole /64",
        ),
        (
            [Told("UPnP", OTHER, "192.168.1.9", aside=True), Told("NAT-PMP", PUBLIC)],
            [PUBLIC],
            "nat",
            "as your router says (NAT-PMP)",
        ),
        (
            [Told("UPnP", OTHER, "192.168.1.9", aside=True), Told("NAT-PMP", why="no answer")],
            [OTHER],
            "nat",
            "as 192.168.1.9 says (UPnP), which is not your router",
        ),
    ],
)
def test_verdicts(told: list[Told], addresses: list[Address], kind: str, says: str) -> None:
    found = wan.verdict(told, BEHIND)
    assert (list(found.addresses), found.kind) == (addresses, kind)
    assert says in found.says
    assert bool(found.says) == bool(addresses)


@pytest.mark.parametrize(
    ("told", "way_out", "doubt"),
    [
        ([Told("NAT-PMP", CGN)], BEHIND, "100.64.3.4 is shared address space (RFC 6598)"),
        ([Told("NAT-PMP", CGN)], BEHIND, "strangers share the address that the world sees"),
        ([Told("NAT-PMP", CGN), Told("STUN", PUBLIC)], BEHIND, "strangers share this address"),
        ([Told("UPnP", DSLITE)], BEHIND, "DS-Lite's (RFC 6333)"),
        ([Told("UPnP", PRIVATE)], BEHIND, "a private one (RFC 1918)"),
        ([Told("UPnP", why=WITHOUT)], BEHIND, "says that it has no public address itself"),
        # A modem without a router, and a tunnel network that only looks alike.
        ([], Exit("wwan0", CGN), "shared address space"),
        ([Told("NAT-PMP", PUBLIC)], BEHIND, "nobody outside has confirmed it"),
        ([Told("NAT-PMP", PUBLIC), Told("UPnP", OTHER)], BEHIND, "they do not agree"),
        ([Told("NAT-PMP", PUBLIC), Told("STUN", OTHER)], BEHIND, "they do not agree"),
        ([Told("NAT-PMP", PUBLIC), Told("UPnP", CGN)], BEHIND, "they do not agree"),
        ([Told("interface", PUBLIC), Told("DNS", OTHER)], BEHIND, "they do not agree"),
        (
            [Told("NAT-PMP", PUBLIC), Told("UPnP", OTHER, "192.168.1.9", aside=True)],
            BEHIND,
            "192.168.1.9 is not your router and says 198.51.100.9: not believed",
        ),
        (
            [Told("NAT-PMP", PUBLIC)],
            Exit("tun0", ip_address("10.8.0.6"), ROUTER, elsewhere=True),
            "leaves by tun0, not by your router",
        ),
    ],
)
def test_doubts_are_said(told: list[Told], way_out: Exit, doubt: str) -> None:
    assert doubt in "; ".join(wan.verdict(told, way_out).doubts)


@pytest.mark.parametrize(
    ("told", "way_out"),
    [
        ([Told("interface", PUBLIC)], Exit("eth0", PUBLIC, ROUTER)),
        ([Told("NAT-PMP", PUBLIC), Told("UPnP", PUBLIC), Told("STUN", PUBLIC)], BEHIND),
        ([Told("STUN", PUBLIC)], BEHIND),
    ],
)
def test_where_there_is_no_doubt_none_is_said(told: list[Told], way_out: Exit) -> None:
    assert wan.verdict(told, way_out).doubts == ()


def test_the_shared_space_of_a_vpn_is_no_cgnat() -> None:
    found = wan.verdict([], Exit("tailscale0", CGN, ROUTER, elsewhere=True))
    assert found.kind == "unknown"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.7", True),
        ("9.9.9.9", True),
        ("192.168.1.1", False),
        ("172.31.0.1", False),
        ("100.127.255.255", False),
        ("100.128.0.0", True),
        ("192.0.0.2", False),
        ("198.18.0.1", False),
        ("169.254.1.1", False),
        ("0.0.0.0", False),
        ("127.0.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("2001:db8::1", True),
        ("2a00::1", True),
        ("fd00::1", False),
        ("fe80::1", False),
        ("::1", False),
        ("2001:0:1::1", False),
        ("2002:cb00:7107::1", False),
    ],
)
def test_what_the_world_can_see(text: str, expected: bool) -> None:
    assert wan.public(ip_address(text)) == expected


# ---- servers --------------------------------------------------------------------------------------


@contextmanager
def udp(answers: Callable[[bytes], "bytes | list[bytes] | None"]) -> Iterator[int]:
    """A UDP server on loopback; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    data, sender = server.recvfrom(2048)
                except TimeoutError:
                    continue
                made = answers(data)
                for packet in [made] if isinstance(made, bytes) else made or []:
                    server.sendto(packet, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stop.set()
            thread.join()


@contextmanager
def http(answers: Callable[[bytes], bytes], pause: float = 0.0) -> Iterator[int]:
    """An HTTP server on loopback that answers each request once; octet by octet where there is a pause."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    stream, _ = server.accept()
                except TimeoutError:
                    continue
                with stream:
                    made = answers(stream.recv(8192))
                    try:
                        for octet in made if pause else b"":
                            if stop.wait(pause):
                                break
                            stream.sendall(bytes([octet]))
                        if not pause:
                            stream.sendall(made)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stop.set()
            thread.join()


LOOPBACK = ip_address("127.0.0.1")
CLOSED = 9  # nobody listens there


def here(natpmp_port: int = CLOSED, ssdp: int = CLOSED, **more: object) -> Here:
    """A machine whose router is on loopback, and nothing else."""
    given: dict[str, object] = {
        "own": (Own(LAN, 24, 1),),
        "routes": (Route("lo", LOOPBACK, 0, 4),),
        "source": LAN,
        "natpmp": natpmp_port,
        "ssdp": ("127.0.0.1", ssdp),
    }
    return Here(**(given | more))  # type: ignore[arg-type]


def test_the_router_is_asked_by_natpmp() -> None:
    heard: list[bytes] = []

    def answers(data: bytes) -> list[bytes]:
        heard.append(data)
        # The first question is lost; noise comes before the second one's answer.
        return [] if len(heard) == 1 else [b"", b"\x00\x00\x00\x00", pmp("203.0.113.7")]

    with udp(answers) as port:
        found = edge.discover(Named(), 0.8, here(port))
    assert (found.addresses, found.kind) == ((PUBLIC,), "nat")
    assert set(heard) == {b"\x00\x00"}  # the question that changes nothing, and no other
    assert "as your router says (NAT-PMP)" in found.says


def test_who_is_not_there_is_told_with_the_reason() -> None:
    found = edge.discover(Named(), 0.3, here())
    assert (found.addresses, found.kind, found.says) == ((), "unknown", "")
    assert found.tried == (
        "NAT-PMP (127.0.0.1): connection refused",
        "UPnP (127.0.0.1): no answer within 0.3 s",
    )
    found = edge.discover(Named(), 0.3, here(routes=()))
    assert found.tried == ("NAT-PMP: no default route is known",)
    found = edge.discover(Named(), 0.3, here(routes=(Route("ppp0", None, 0, 4),)))
    assert found.tried == ("NAT-PMP: the default route leaves by ppp0 without a router",)


def described(
    page: Callable[[bytes], bytes], pause: float = 0.0, timeout: float = 1.0, seen: list[bytes] | None = None
) -> Verdict:
    """What comes of a router whose web server answers so."""
    with http(page, pause) as web:

        def answers(data: bytes) -> bytes:
            if seen is not None:
                seen.append(data)
            return reply(f"http://127.0.0.1:{web}/d.xml")

        with udp(answers) as port:
            return edge.discover(Named(), timeout, here(ssdp=port))


def page(request: bytes) -> bytes:
    if request.startswith(b"POST /ctl/IPConn "):
        assert b"WANIPConnection:1#GetExternalIPAddress" in request
        body = external("203.0.113.7")
    else:
        body = IGD.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def chunked(request: bytes) -> bytes:
    body = page(request).partition(b"\r\n\r\n")[2]
    parts = b"".join(b"%x;n=1\r\n%s\r\n" % (len(part), part) for part in (body[:100], body[100:]))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n"


def until_the_end(request: bytes) -> bytes:
    return b"HTTP/1.0 200 OK\r\n\r\n" + page(request).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("served", [page, chunked, until_the_end])
def test_the_router_is_asked_by_upnp(served: Callable[[bytes], bytes]) -> None:
    seen: list[bytes] = []
    began = time.monotonic()
    found = described(served, timeout=5.0, seen=seen)
    assert time.monotonic() - began < 4.0  # it ends with the router's answer, not at the deadline
    assert (found.addresses, found.kind) == ((PUBLIC,), "nat")
    assert "as your router says (UPnP)" in found.says
    assert {data for data in seen if data} <= {upnp.search(target) for target in upnp.SEARCHED}


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://203.0.113.9/\r\n\r\n", "its page says 302"),
        (OK + b"\r\n<root/>", "describes no WAN connection"),
        (b"", "cannot be read"),
        (b"\x00" * 200_000, "cannot be read"),
        (OK + b"a: b\r\n" * 50_000 + b"\r\n", "cannot be read"),
        (OK + b"Content-Length: 999999999\r\n\r\n" + b"a" * 300_000, "too large"),
        (OK + b"\r\n" + b"a" * 300_000, "too large"),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"a" * 65535 + b"\r\nfffff\r\n",
            "too large",
        ),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 50_000, "cannot be read"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "no HTTP"),
        (OK + b"Content-Length: 100\r\n\r\nshort", "cannot be read"),
        (OK + b"\r\n" + BOMB.encode(), "describes no WAN connection"),
    ],
)
def test_bad_pages_are_reasons(answer: bytes, why: str) -> None:
    found = described(lambda _: answer, timeout=0.4)
    assert found.addresses == ()
    assert why in found.tried[-1]


def test_a_page_that_drips_ends_in_time_and_holds_nobody_up() -> None:
    drip = OK + b"\r\n" + b"a" * 1000
    began = time.monotonic()
    with (
        http(lambda _: drip, 0.02) as web,
        udp(lambda _: reply(f"http://127.0.0.1:{web}/")) as port,
        udp(lambda _: pmp("203.0.113.7")) as asked_port,
    ):
        found = edge.discover(Named(), 0.6, here(asked_port, port))
    assert time.monotonic() - began < 3.0  # all of it would take 20 s
    assert found.addresses == (PUBLIC,)
    assert found.tried == ("UPnP (127.0.0.1): no answer within 0.6 s",)


def test_who_is_neither_router_nor_of_the_link_is_not_heard() -> None:
    far = (Route("lo", ip_address("127.0.0.2"), 0, 4),)
    with http(page) as web, udp(lambda _: reply(f"http://127.0.0.1:{web}/d.xml")) as port:
        found = edge.discover(Named(), 0.4, here(ssdp=port, routes=far))
        assert found.addresses == ()
        # The same from a device of the link counts, and it is said that it is no router's word.
        near = (Own(LAN, 24, 1), Own(ip_address("127.0.0.3"), 8, 1))
        found = edge.discover(Named(), 0.6, here(ssdp=port, routes=far, own=near))
    assert found.addresses == (PUBLIC,)
    assert "as 127.0.0.1 says (UPnP), which is not your router" in found.says


def test_a_network_that_goes_down_meanwhile_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """It came out of a group of tasks, as a group of errors, and ended the program."""

    async def down(*_: object) -> None:
        raise OSError(errno.ENETDOWN, "Network is down")

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_recvfrom", down)
    assert any("network is down" in one for one in edge.discover(Named(), 0.5, here()).tried)


def test_a_flood_of_answers_is_not_read_forever() -> None:
    noise = [b"x" * 20] * 200
    with udp(lambda _: noise) as one, udp(lambda _: noise) as two:
        assert edge.discover(Named(), 0.5, here(one)).tried[0].endswith("what came is no answer to it")
        began = time.monotonic()
        found = edge.discover(Named(("127.0.0.1", two)), 8.0, here(routes=()))
        assert time.monotonic() - began < 6.0  # it gives up on this way before the deadline
    assert found.addresses == ()
    assert "STUN (127.0.0.1): what came is no answer to it" in found.tried


def test_a_named_stun_server_is_asked() -> None:
    forged: list[bytes] = []

    def answers(data: bytes) -> list[bytes]:
        forged.append(data)
        # A forgery comes first: another's number.
        return [bound("198.51.100.9", bytes(12)), bound("203.0.113.7", data[8:20])]

    with udp(answers) as port:
        found = edge.discover(Named(("127.0.0.1", port)), 2.0, here(routes=()))
    assert found.addresses == (PUBLIC,)
    assert len(forged) == 1
    assert "seen by 127.0.0.1 (STUN)" in found.says


def test_names_are_resolved_by_the_resolver_and_by_the_deadline() -> None:
    def names(query: dns.message.Message) -> bytes:
        name, kind = asked(query)
        if name == "home.example":
            return answer(query, "A 203.0.113.7") if kind == "A" else answer(query, "AAAA 2001:db8:1:2::5")
        return answer(query, "A 127.0.0.1") if kind == "A" else answer(query)

    with serving(names) as port, udp(lambda data: bound("203.0.113.7", data[8:20])) as server:
        named = Named(("stun.example", server), "home.example", (Server("127.0.0.1", port),))
        found = edge.discover(named, 2.0, here(routes=()))
    assert set(found.addresses) == {PUBLIC, SIX}
    assert "203.0.113.7, seen by stun.example (STUN) and by the name home.example" in found.says
    began = time.monotonic()
    with udp(lambda _: None) as silent:
        named = Named(("stun.example", 1), "home.example", (Server("127.0.0.1", silent),))
        found = edge.discover(named, 0.5, here(routes=()))
    assert time.monotonic() - began < 2.0
    assert found.addresses == ()
    assert any(why.startswith("DNS (home.example): no answer within") for why in found.tried)


def test_a_public_machine_asks_no_router() -> None:
    heard: list[bytes] = []

    def answers(data: bytes) -> None:
        heard.append(data)

    with udp(answers) as port:
        mine = here(port, port, own=(Own(PUBLIC, 24, 1), Own(SIX, 64, 1)), source=PUBLIC)
        found = edge.discover(Named(), 1.0, mine)
    assert (found.addresses, found.kind, found.doubts) == ((PUBLIC,), "public", ())
    assert found.tried == (f"interface ({addresses.name(1)}): {SIX} has no route to the internet",)
    assert heard == []
    # Where interfaces cannot be listed, the way out still tells.
    assert edge.discover(Named(), 1.0, here(own=(), source=PUBLIC)).addresses == (PUBLIC,)


def test_without_netlink_and_proc_the_way_out_still_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS."""
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    monkeypatch.setattr(addresses, "_text", lambda _: "")
    monkeypatch.setattr(addresses, "source", lambda: PUBLIC)
    assert edge.look() == Here(source=PUBLIC)
    assert edge.discover(Named()).addresses == (PUBLIC,)
    monkeypatch.setattr(addresses, "source", lambda: LAN)
    assert edge.discover(Named()).tried == ("NAT-PMP: no default route is known",)


def test_the_way_out_tells_a_vpn() -> None:
    machine = here(own=(Own(LAN, 24, 1),), routes=(Route("eth9", ROUTER, 0, 4),))
    assert machine.out == Exit(addresses.name(1), LAN, ROUTER, elsewhere=True)


# ---- check ----------------------------------------------------------------------------------------

QUICK = ["--resolver", "127.0.0.1:9", "--timeout", "0.2", "--no-save"]


def found_by(monkeypatch: pytest.MonkeyPatch, *told: Told, heard: list[Named] | None = None) -> None:
    """The search finds this, and nothing is sent."""

    def discover(named: Named) -> Verdict:
        if heard is not None:
            heard.append(named)
        return wan.verdict(list(told), BEHIND)

    monkeypatch.setattr(edge, "discover", discover)


def test_check_asks_about_what_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found_by(monkeypatch, Told("NAT-PMP", PUBLIC))
    assert main(["check", "--json", *QUICK]) == 3
    told = capsys.readouterr()
    assert {json.loads(line)["address"] for line in told.out.splitlines()} == {str(PUBLIC)}
    assert "your address: 203.0.113.7, as your router says (NAT-PMP)\n  but nobody outside" in told.err


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (Told("NAT-PMP", CGN), "carrier-grade NAT (CGNAT)"),
        (Told("NAT-PMP", None, "192.168.1.1", "no answer within 2 s"), "NAT-PMP (192.168.1.1): no answer"),
        (Told("STUN", None, "x\x1b[31m", "no answer"), "STUN (x\ufffd[31m)"),
    ],
)
def test_what_was_tried_is_said_where_nothing_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: Told, says: str
) -> None:
    found_by(monkeypatch, told)
    assert main(["check", *QUICK]) == 3
    said = capsys.readouterr()
    assert said.err.startswith("unlisted: I do not know your public address: ")
    assert says in said.err
    assert "--stun HOST" in said.err
    assert said.out == ""


def test_nobody_is_asked_who_was_not_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    heard: list[Named] = []
    found_by(monkeypatch, Told("NAT-PMP", PUBLIC), heard=heard)
    main(["check", *QUICK])
    assert heard == [Named()]
    main(["check", *QUICK, "--stun", "stun.example:99", "--own-name", "Home.Example"])
    server = Server("127.0.0.1", 9)
    assert heard[1:] == [Named(("stun.example", 99), "home.example", (server,))]
    settings = tmp_path / "unlisted.toml"
    settings.write_text('stun = "192.0.2.9"\nown_name = "home.example"\n')
    main(["check", *QUICK, "--config", str(settings)])
    assert heard[2:] == [Named(("192.0.2.9", 3478), "home.example", (server,))]
    # Not looked for: told not to, or told which.
    settings.write_text('own = ["198.51.100.9"]\nstun = "192.0.2.9"\n')
    main(["check", *QUICK, "--config", str(settings)])
    main(["check", *QUICK, "203.0.113.7"])
    assert main(["check", *QUICK, "--no-discovery"]) == 3
    assert len(heard) == 3
    # Who is named at the command line is asked, whatever is configured; both addresses are asked about.
    capsys.readouterr()
    main(["check", "--json", *QUICK, "--config", str(settings), "--stun", "192.0.2.9"])
    told = capsys.readouterr()
    assert {json.loads(line)["address"] for line in told.out.splitlines()} == {str(PUBLIC), str(OTHER)}
    assert "`own` says another" in told.err


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--stun", "a b"], "is no STUN server"), (["--own-name", "a b"], "is no DNS name")],
)
def test_wrong_names(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert main(["check", *QUICK, *words]) == 2
    assert says in capsys.readouterr().err
