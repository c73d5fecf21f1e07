"""Carry out what `stop/` renders: nftables in the present network namespace, conntrack, the surroundings.

libnftables is loaded with ctypes where it is (a change takes about a millisecond), else the program `nft`
is started (about eight). Both take the same JSON. After each change the kernel is read back and compared:
an accepted call is not yet a hold.
"""

import ctypes
import ctypes.util
import os
import shutil
import subprocess
import threading
from collections.abc import Iterable
from typing import Protocol

import msgspec
from msgspec import Struct

from unlisted import net
from unlisted.config import Config
from unlisted.edge import kernel
from unlisted.errors import UnlistedError
from unlisted.messages import Decision, Lease
from unlisted.net import Address
from unlisted.stop import guard
from unlisted.stop.enforcers import nftables
from unlisted.stop.enforcers.nftables import Document, Standing

TIMEOUT = 10.0  # seconds for a started program
_LIST = f"list table inet {nftables.TABLE}"


class Outcome(Struct, frozen=True):
    """Whether it was done, and what to say."""

    ok: bool
    detail: str = ""


class Enforcer(Protocol):
    """What the live loop needs: something that holds and releases."""

    def prepare(self) -> Outcome: ...
    def whole(self) -> bool: ...
    def hold(self, decision: Decision, now: float) -> Outcome: ...
    def release(self, decision: Decision) -> Outcome: ...
    def end_flows(self, decision: Decision) -> str: ...


# ---- nftables, two ways ---------------------------------------------------------------------------


def run(command: Iterable[str], data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """A program's answer; 127 when it is not installed, 124 when it took too long."""
    words = list(command)
    path = shutil.which(words[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        return subprocess.CompletedProcess(words, 127, b"", f"{words[0]} is not installed".encode())
    try:
        return subprocess.run(
            [path, *words[1:]], input=data or b"", capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, b"", f"{words[0]} took too long".encode())


class _Program:
    """`nft` as a program."""

    def ask(self, text: bytes) -> tuple[bool, bytes, str]:
        # A listing asked for on standard input is not printed (nft 1.0.6): it is asked for in words.
        listing = text.startswith(b"list ")
        done = run(("nft", "-j", *(text.decode().split() if listing else ("-f", "-"))), text)
        return done.returncode == 0, done.stdout, done.stderr.decode("utf-8", "replace")

    def close(self) -> None:
        pass


class _Library:
    """`nft` as a library; the context belongs to the network namespace in which it was made."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("nftables") or "libnftables.so.1"
        self._nft = ctypes.CDLL(name)
        self._nft.nft_ctx_new.restype = ctypes.c_void_p
        self._nft.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
        self._nft.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        context = self._nft.nft_ctx_new(0)
        if not context:
            raise OSError("libnftables gave no context")
        self._context: ctypes.c_void_p | None = ctypes.c_void_p(context)
        self._nft.nft_ctx_output_set_flags(self._context, ctypes.c_uint(1 << 4))  # NFT_CTX_OUTPUT_JSON
        self._nft.nft_ctx_buffer_output(self._context)
        self._nft.nft_ctx_buffer_error(self._context)
        self._lock = threading.Lock()  # a context serves one thread at a time

    def ask(self, text: bytes) -> tuple[bool, bytes, str]:
        with self._lock:
            code = self._nft.nft_run_cmd_from_buffer(self._context, ctypes.c_char_p(text))
            output: bytes = self._nft.nft_ctx_get_output_buffer(self._context) or b""
            error: bytes = self._nft.nft_ctx_get_error_buffer(self._context) or b""
        return code == 0, output, error.decode("utf-8", "replace")

    def close(self) -> None:
        if self._context is not None:
            self._nft.nft_ctx_free(self._context)
            self._context = None


class Nft:
    """The packet filter of the network namespace in which this object was made. Close it, or use `with`."""

    def __init__(self, *, library: bool = True) -> None:
        self._way: _Library | _Program = _Program()
        if library:
            try:
                self._way = _Library()
            except (OSError, AttributeError):
                self._way = _Program()

    def __enter__(self) -> "Nft":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the library's context back."""
        self._way.close()

    def _ask(self, text: bytes) -> tuple[bytes, str]:
        """The answer and "", or what went wrong; UnlistedError when we may not, or there is no nftables."""
        ok, output, error = self._way.ask(text)
        if ok:
            return output, ""
        if "not permitted" in error or "Permission denied" in error:
            raise UnlistedError(
                "the packet filter may not be read or changed", remedy="run it as root (sudo)", code=4
            )
        if "not installed" in error:
            raise UnlistedError(
                "nftables is not installed", remedy="install it (apt install nftables)", code=4
            )
        return b"", " ".join(error.split())[:300] or "nft gave no reason"

    def apply(self, document: Document) -> Outcome:
        """One atomic change, or why not."""
        _, error = self._ask(document.json)
        return Outcome(ok=not error, detail=error)

    def listing(self) -> nftables.Listing:
        """Our table as it stands; empty when there is none or it cannot be told."""
        return nftables.read(self._ask(_LIST.encode())[0])

    # ---- holds ----

    def prepare(self) -> Outcome:
        """The table and the hold chain, holding nobody new; laid again where somebody changed them."""
        if not nftables.missing(nftables.base(), self.listing()):
            return Outcome(ok=True)
        return self.apply(nftables.base())

    def whole(self) -> bool:
        """True while the hold chain stands as it was laid."""
        return not nftables.missing(nftables.base(), self.listing())

    def hold(self, decision: Decision, now: float) -> Outcome:
        """Hold, then read back. Flows are ended by `end_flows`, so that nothing delays the hold itself."""
        document = nftables.hold(decision, now)
        done = self.apply(document)
        if not done.ok:  # most likely somebody flushed the table: lay the base and try once more
            base = self.apply(nftables.base())
            done = self.apply(document) if base.ok else base
        if not done.ok:
            return done
        answers = [self._ask(question.encode())[0] for question in nftables.ask_held(decision)]
        lacking = nftables.missing_hold(decision, [nftables.read(answer) for answer in answers])
        if lacking:  # a hold that is called failed must not stand in secret
            self.apply(nftables.release(decision))
        return Outcome(ok=not lacking, detail=lacking)

    def release(self, decision: Decision) -> Outcome:
        """Let go what this decision holds; fine also when its time is over or the table is gone."""
        output, error = self._ask(_LIST.encode())
        if error and "No such file" not in error:
            return Outcome(ok=False, detail=error)
        document = nftables.release_held(decision, nftables.read(output))
        return Outcome(ok=True, detail="nothing was held") if document is None else self.apply(document)

    def end_flows(self, decision: Decision) -> str:
        """End what the device has open, offloaded flows too; a sentence about it."""
        addresses = {lease.address for lease in kernel.neighbors() if lease.mac == decision.device.mac}
        if decision.device.address is not None:
            addresses.add(decision.device.address)
        return end_flows(addresses)

    def held(self) -> list[nftables.Held]:
        """Who is held at this moment, with the packets stopped."""
        return nftables.held(self.listing())

    def held_traffic(self, decision: Decision) -> int:
        """Packets of this decision's device that were stopped since the hold."""
        return nftables.stopped(decision, self.listing())

    # ---- the standing rule ----

    def install(self, rule: Standing) -> Outcome:
        """The standing rule, then read back."""
        document = nftables.install(rule)
        done = self.apply(document)
        if not done.ok:
            return done
        lacking = nftables.missing(document, self.listing())
        return Outcome(ok=not lacking, detail=lacking)

    def in_place(self, rule: Standing) -> str:
        """What of the standing rule is missing or changed, or ""."""
        return nftables.missing(nftables.install(rule), self.listing())

    def remove(self) -> Outcome:
        """Everything away, holds too; then look that it is gone."""
        done = self.apply(nftables.remove())
        if done.ok and self.listing().nftables:
            return Outcome(ok=False, detail="the table is still there")
        return done

    def remove_standing(self) -> Outcome:
        """The standing rule away; the holds stay."""
        if not self.listing().nftables:
            return Outcome(ok=True)
        return self.apply(nftables.remove_standing())


def end_flows(addresses: Iterable[Address]) -> str:
    """End all connections of these addresses in conntrack; a sentence about what was done."""
    for address in sorted(addresses, key=str):
        for command in nftables.end_flows(address):
            done = run(command)
            if done.returncode == 127:
                return "open connections were left to time out (conntrack is not installed)"
            # conntrack answers 1 when there was nothing to delete.
            if done.returncode and b"0 flow entries" not in done.stderr:
                return f"open connections: {done.stderr.decode('utf-8', 'replace').strip()[:200]}"
    return "open connections were ended"


# ---- what is true here, for the guard -------------------------------------------------------------


class _AddrInfo(Struct):
    local: str = ""


class _Interface(Struct):
    ifname: str = ""
    address: str = ""
    addr_info: list[_AddrInfo] = []


class _Route(Struct):
    dst: str = ""
    gateway: str = ""
    dev: str = ""


def _ip(kind: type[Struct], *words: str) -> list[object]:
    """What `ip -j …` says; [] where it says nothing that can be read."""
    done = run(("ip", "-j", *words))
    try:
        return msgspec.json.decode(done.stdout or b"[]", type=list[kind])  # type: ignore[valid-type]
    except msgspec.DecodeError:
        return []


def default_routes() -> list[_Route]:
    """The default routes of both families."""
    routes = _ip(_Route, "-4", "route", "show", "default") + _ip(_Route, "-6", "route", "show", "default")
    return [route for route in routes if isinstance(route, _Route)]


def _name_servers() -> list[str]:
    try:
        with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file]
    except OSError:
        return []
    return [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]


def administrator() -> str:
    """Where the person at the keyboard is logged in from, by SSH_CONNECTION; "" for a local one.

    sudo drops the variable, so the parents are asked too. A mere TCP connection to port 22 proves no
    administrator: anybody on the network can open one, and would become untouchable by it.
    """
    connection = os.environ.get("SSH_CONNECTION", "")
    process = os.getppid()
    for _ in range(32):  # more parents than any login has
        if connection or process <= 1:
            break
        try:
            with open(f"/proc/{process}/environ", "rb") as file:
                variables = file.read(1 << 20).split(b"\0")
            with open(f"/proc/{process}/stat", "rb") as file:
                process = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        for variable in variables:
            if variable.startswith(b"SSH_CONNECTION="):
                connection = variable.partition(b"=")[2].decode("ascii", "replace")
    return connection.split()[0] if connection.split() else ""


def _spelled(texts: Iterable[str]) -> frozenset[str]:
    """Addresses and MACs as the guard compares them; what is neither is left out."""
    return frozenset(spelled for text in texts if (spelled := str(net.ip(text) or "") or net.mac(text)))


def surroundings(config: Config, leases: Iterable[Lease] = ()) -> guard.Network:
    """What the guard must know, read from this machine and the configuration."""
    interfaces = [one for one in _ip(_Interface, "addr") if isinstance(one, _Interface)]
    mine = [one.address for one in interfaces if net.mac(one.address) != "00:00:00:00:00:00"]
    mine += [info.local for one in interfaces for info in one.addr_info]
    return guard.Network(
        gateway=_spelled(route.gateway for route in default_routes()),
        dns=_spelled(_name_servers()),
        this_host=_spelled(mine),
        admin=_spelled([administrator()]),
        senders=_spelled(config.senders),
        protect=_spelled(config.protect),
        known=(*leases, *kernel.neighbors()),
        max_holds=config.max_holds,
    )
