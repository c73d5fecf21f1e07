"""Where a DNS server listens: as people write it, and as this machine's settings name it."""

import socket

from msgspec import Struct

from unlisted import net
from unlisted.errors import ConfigError, UnlistedError

RESOLV_CONF = "/etc/resolv.conf"


class Server(Struct, frozen=True):
    """Where a resolver listens."""

    host: str
    port: int = 53

    def __str__(self) -> str:
        if self.port == 53:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def family(self) -> socket.AddressFamily:
        """IPv4 or IPv6."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET


def parse(text: str) -> Server:
    """`ADDR`, `ADDR:PORT`, `[ADDR6]:PORT`; ConfigError says how to write it."""
    host, port = text.strip(), "53"
    if host.startswith("["):
        host, closed, rest = host[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else ("53" if closed and not rest else "?")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    address = net.ip(host)
    if address is None or not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise ConfigError(
            f"{text[:80]!r} is no resolver",
            remedy="write it as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353 (an address, not a name)",
        )
    return Server(host.partition("%")[0] if address.version == 4 else host, int(port))


def system(path: str = RESOLV_CONF) -> tuple[Server, ...]:
    """The resolvers that this machine uses (resolv.conf(5): at most three are asked)."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file.read(65536).splitlines()]
    except OSError as error:
        raise UnlistedError(
            f"cannot read {path}: {error.strerror}", remedy="name a resolver: --resolver ADDR[:PORT]"
        ) from None
    named = [word[1] for word in words if len(word) > 1 and word[0] == "nameserver" and net.ip(word[1])]
    if not named:
        raise UnlistedError(f"{path} names no resolver", remedy="name one: --resolver ADDR[:PORT]")
    return tuple(Server(name) for name in named[:3])
