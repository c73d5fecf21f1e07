"""Our own address: what routers and STUN servers answer, honest and hostile.

The servers here are contract-tested: written from RFC 6886, RFC 8489 and UPnP's WANIPConnection:1.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.cli import main
from unlisted.edge import surroundings
from unlisted.edge import wan as edge
from unlisted.net import Address
from unlisted.notice import wan
from unlisted.notice.wan import Told

PUBLIC, OTHER = ip_address("203.0.113.7"), ip_address("198.51.100.9")
CGN, PRIVATE = ip_address("100.64.3.4"), ip_address("192.168.178.2")
NUMBER = bytes(range(12))
IGD = """<?xml version="1.0"?><root><URLBase>http://127.0.0.1:5000/</URLBase><device><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/l3</controlURL></service>
<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>
<controlURL>/ctl/IPConn</controlURL></service></serviceList></device></root>"""


def pmp(address: str, result: int = 0) -> bytes:
    return bytes([0, 128]) + result.to_bytes(2) + bytes(4) + ip_address(address).packed


def stun(address: str, number: bytes, *, plain: bool = False) -> bytes:
    """A binding response with one address."""
    packed = ip_address(address).packed
    mask = bytes(16) if plain else b"\x21\x12\xa4\x42" + number
    family = 1 if len(packed) == 4 else 2
    value = bytes([0, family, 0, 1]) + bytes(a ^ b for a, b in zip(packed, mask, strict=False))
    attribute = (1 if plain else 0x20).to_bytes(2) + len(value).to_bytes(2) + value
    return b"\x01\x01" + len(attribute).to_bytes(2) + b"\x21\x12\xa4\x42" + number + attribute


# ---- packets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packet", "address", "why"),
    [
        (pmp("203.0.113.7"), PUBLIC, ""),
        (pmp("100.64.3.4"), CGN, ""),
        (pmp("0.0.0.0"), None, "nobody's"),
        (pmp("203.0.113.7", 2), None, "refuses"),
        (pmp("203.0.113.7", 99), None, "result 99"),
        (pmp("203.0.113.7")[:-1], None, "no answer to it"),
        (pmp("203.0.113.7") + b"x", None, "no answer to it"),
        (b"\x00\x80\x00\x01", None, "another version"),
        (b"\x02\x80" + bytes(10), None, "no answer to it"),
        (b"", None, "no answer to it"),
    ],
)
def test_natpmp(packet: bytes, address: Address | None, why: str) -> None:
    told = wan.natpmp(packet)
    assert told.address == address
    assert why in told.why


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7"])
def test_stun(address: str, plain: bool) -> None:
    packet = stun(address, NUMBER, plain=plain)
    assert wan.bound(packet, NUMBER).address == ip_address(address)
    assert wan.bound(packet, bytes(12)).address is None  # another's request
    assert wan.binding(NUMBER)[8:] == NUMBER
    for cut in range(len(packet)):
        assert wan.bound(packet[:cut], NUMBER).address is None


@given(st.binary(max_size=200), st.text(max_size=400))
def test_nothing_raises(data: bytes, text: str) -> None:
    wan.natpmp(data)
    wan.bound(b"\x01\x01" + len(data).to_bytes(2) + b"\x21\x12\xa4\x42" + NUMBER + data, NUMBER)
    wan.location(data, "192.0.2.1")
    wan.control(text, "http://192.0.2.1/x")
    wan.control(IGD.replace("/ctl/IPConn", text), "http://127.0.0.1:5000/x")
    wan.external(text)


def test_a_router_describes_itself_and_nobody_else() -> None:
    packet = b"HTTP/1.1 200 OK\r\nLocation: http://192.168.1.1:5000/d.xml\r\nST: x\r\n\r\n"
    assert wan.location(packet, "192.168.1.1") == "http://192.168.1.1:5000/d.xml"
    assert wan.location(packet, "192.168.1.2") == ""
    for url in (
        b"https://192.168.1.1/",
        b"http://router.lan/",
        b"http://192.168.1.1:0/",
        b"file:///etc/passwd",
    ):
        assert wan.location(b"HTTP/1.1 200 OK\r\nLOCATION: " + url + b"\r\n\r\n", "192.168.1.1") == ""
    place = "http://127.0.0.1:5000/d.xml"
    service = "urn:schemas-upnp-org:service:WANIPConnection:1"
    assert wan.control(IGD, place) == (service, "http://127.0.0.1:5000/ctl/IPConn")
    assert wan.control(IGD.replace("/ctl/IPConn", "http://203.0.113.9/ctl"), place) == ("", "")
    assert wan.control("<root/>", place) == ("", "")


# ---- what it means --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "addresses", "kind", "says"),
    [
        ([Told("interface", PUBLIC)], (PUBLIC,), "public", "on this machine itself"),
        (
            [Told("NAT-PMP", PUBLIC), Told("UPnP", why="no answer")],
            (PUBLIC,),
            "nat",
            "the router's, by NAT-PMP",
        ),
        ([Told("NAT-PMP", PUBLIC), Told("UPnP", OTHER)], (PUBLIC,), "nat", "not all agree: 198.51.100.9"),
        ([Told("NAT-PMP", CGN)], (), "cgnat", "RFC 6598"),
        ([Told("UPnP", PRIVATE)], (), "double-nat", "another router stands before it"),
        ([Told("NAT-PMP", CGN), Told("STUN", PUBLIC)], (PUBLIC,), "cgnat", "by STUN"),
        ([Told("NAT-PMP", why="no answer")], (), "unknown", "NAT-PMP: no answer"),
        ([], (), "unknown", "there is no router"),
        (
            [Told("interface", ip_address(f"2001:db8:1:2::{n}")) for n in (5, 6)] + [Told("NAT-PMP", PUBLIC)],
            (PUBLIC, ip_address("2001:db8:1:2::5")),
            "nat",
            "lists name its /64",
        ),
    ],
)
def test_verdicts(found: list[Told], addresses: tuple[Address, ...], kind: str, says: str) -> None:
    told = wan.verdict(found)
    assert (told.addresses, told.kind) == (addresses, kind)
    assert says in told.says


# ---- servers --------------------------------------------------------------------------------------


@contextmanager
def udp(reply: Callable[[bytes], bytes | None]) -> Iterator[int]:
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
                if (answer := reply(data)) is not None:
                    server.sendto(answer, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stop.set()
            thread.join()


@contextmanager
def http(reply: Callable[[bytes], bytes], pause: float = 0.0) -> Iterator[int]:
    """An HTTP server on loopback that answers each request once, octet by octet with a pause if asked."""
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
                    request = stream.recv(8192)
                    for octet in reply(request) if pause else b"":
                        if stop.wait(pause):
                            break
                        try:
                            stream.sendall(bytes([octet]))
                        except OSError:
                            break
                    if not pause:
                        stream.sendall(reply(request))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            stop.set()
            thread.join()


@pytest.fixture(autouse=True)
def _inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No interface is public, and nobody answers, unless a test says so."""
    monkeypatch.setattr(surroundings, "addresses", list)
    monkeypatch.setattr(edge, "NATPMP_PORT", 9)
    monkeypatch.setattr(edge, "SSDP", ("127.0.0.1", 9))


def test_the_router_is_asked_by_natpmp(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def reply(data: bytes) -> bytes | None:
        heard.append(data)
        return pmp("203.0.113.7") if len(heard) > 1 else None  # the first question is lost

    with udp(reply) as port:
        monkeypatch.setattr(edge, "NATPMP_PORT", port)
        told = edge.discover(None, 1.0, ["127.0.0.1"])
    assert Told("NAT-PMP", PUBLIC) in told
    assert set(heard) == {b"\x00\x00"}


def upnp(monkeypatch: pytest.MonkeyPatch, page: Callable[[bytes], bytes], pause: float = 0.0) -> Told:
    """What UPnP tells of a router whose web server answers so."""
    with http(page, pause) as web:
        answer = f"HTTP/1.1 200 OK\r\nLOCATION: http://127.0.0.1:{web}/d.xml\r\n\r\n".encode()
        with udp(lambda _: answer) as port:
            monkeypatch.setattr(edge, "SSDP", ("127.0.0.1", port))
            (told,) = [one for one in edge.discover(None, 1.0, ["127.0.0.1"]) if one.way == "UPnP"]
    return told


def page(request: bytes) -> bytes:
    if request.startswith(b"POST /ctl/IPConn "):
        assert b"WANIPConnection:1#GetExternalIPAddress" in request
        body = b"<x><NewExternalIPAddress>203.0.113.7</NewExternalIPAddress></x>"
    else:
        body = IGD.replace("<URLBase>http://127.0.0.1:5000/</URLBase>", "").encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_the_router_is_asked_by_upnp(monkeypatch: pytest.MonkeyPatch) -> None:
    assert upnp(monkeypatch, page) == Told("UPnP", PUBLIC)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://203.0.113.9/\r\n\r\n", "302"),
        (b"HTTP/1.1 200 OK\r\n\r\n<root/>", "describes no WAN connection"),
        (b"", "could not be read"),
        (b"\x00" * 200_000, "could not be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"a" * 300_000, "no WAN connection"),
    ],
)
def test_bad_pages_are_reasons(monkeypatch: pytest.MonkeyPatch, answer: bytes, why: str) -> None:
    told = upnp(monkeypatch, lambda _: answer)
    assert told.address is None
    assert why in told.why


def test_a_page_that_drips_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    told = upnp(monkeypatch, lambda _: b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 1000, pause=0.02)
    assert told.address is None
    assert "could not be read" in told.why  # all of it would take 20 s


def test_only_the_router_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = b"HTTP/1.1 200 OK\r\nLOCATION: http://127.0.0.1:1/d.xml\r\n\r\n"
    with udp(lambda _: answer) as port:
        monkeypatch.setattr(edge, "SSDP", ("127.0.0.1", port))
        told = edge.discover(None, 0.4, ["192.0.2.1"])
    assert "not the router" in next(one.why for one in told if one.way == "UPnP")


def test_a_named_stun_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    forged: list[bool] = []

    def reply(data: bytes) -> bytes:
        forged.append(True)
        number = bytes(12) if len(forged) == 1 else data[8:20]  # first a forgery, then the answer
        return stun("198.51.100.9" if len(forged) == 1 else "203.0.113.7", number)

    with udp(reply) as port:
        told = edge.discover(("127.0.0.1", port), 2.0, [])
    assert told == [Told("STUN", PUBLIC)]
    assert edge.discover(("no-such-host.invalid", 1), 0.2, [])[0].why.startswith("no-such-host.invalid: ")
    assert edge.discover(None, 0.2, []) == []


def test_check_asks_about_what_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(edge, "discover", lambda *_: [Told("NAT-PMP", PUBLIC)])
    code = main(["check", "--resolver", "127.0.0.1:9", "--timeout", "0.2", "--no-save"])
    told = capsys.readouterr()
    assert code == 3
    assert "your address: 203.0.113.7, the router's, by NAT-PMP" in told.err
    monkeypatch.setattr(edge, "discover", lambda *_: [Told("NAT-PMP", CGN)])
    assert main(["check", "--no-save"]) == 2
    told = capsys.readouterr()
    assert "your provider's NAT stands before you" in told.err
    assert "I do not know your public address" in told.err
    monkeypatch.setattr(edge, "discover", lambda *_: pytest.fail("it was told not to ask"))
    assert main(["check", "--no-discovery", "--no-save"]) == 2
