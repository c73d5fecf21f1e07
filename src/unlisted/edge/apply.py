"""Carry out what `stop/` renders: nftables in the present network namespace, and conntrack.

libnftables is loaded with ctypes where it is (a change takes about a millisecond), else the program `nft`
is started (about eight). Both take the same JSON. After each change the kernel is read back and compared:
an accepted call is not yet a hold.
"""

import ctypes
import ctypes.util
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from unlisted.edge import kernel
from unlisted.errors import UnlistedError
from unlisted.messages import Decision
from unlisted.net import Address
from unlisted.stop import ruleset
from unlisted.stop.enforcers import nftables
from unlisted.stop.enforcers.nftables import Document, Standing

TRIES = 3  # a dump that another change interrupted is asked for again (EINTR, nfnetlink)
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


def logs_to(group: int) -> bool | None:
    """Whether a rule of this packet filter logs to the NFLOG group, ours or anybody's; None: not known."""
    done = run(("nft", "-t", "-j", "list", "ruleset"))  # -t: without the sets' elements
    if done.returncode:
        return None
    # A rule of iptables-nft is shown as a foreign extension, without its group.
    return b'"NFLOG"' in done.stdout or re.search(rb'"group": ?%d\b' % group, done.stdout) is not None


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

    def listing(self) -> ruleset.Listing:
        """Our table as it stands; empty when there is none. UnlistedError when it cannot be told."""
        for _ in range(TRIES):
            output, error = self._ask(_LIST.encode())
            if not error or "No such file" in error:
                return ruleset.read(output)
        raise UnlistedError(f"the packet filter does not tell: {error}", remedy=f"nft {_LIST}")

    def _base(self, listing: ruleset.Listing) -> Document:
        """What every hold needs, logging to the group that the standing rule was told."""
        return nftables.base(ruleset.group(listing))

    # ---- holds ----

    def prepare(self) -> Outcome:
        """The table and the hold chain, holding nobody new; laid again where somebody changed them."""
        there = self.listing()
        base = self._base(there)
        return self.apply(base) if ruleset.missing(base, there) else Outcome(ok=True)

    def whole(self) -> bool:
        """False when the hold chain does not stand as it was laid; what cannot be told is looked at again."""
        try:
            there = self.listing()
        except UnlistedError:
            return True
        return not ruleset.missing(self._base(there), there)

    def hold(self, decision: Decision, now: float) -> Outcome:
        """Hold, then read back. Flows are ended by `end_flows`, so that nothing delays the hold itself."""
        document = nftables.hold(decision, now)
        done = self.apply(document)
        if not done.ok:  # most likely somebody flushed the table: lay the base and try once more
            base = self.prepare()
            done = self.apply(document) if base.ok else base
        if not done.ok:
            return done
        answers = [self._ask(question.encode())[0] for question in ruleset.ask_held(decision, now)]
        lacking = ruleset.missing_hold(decision, [ruleset.read(answer) for answer in answers], now)
        if lacking:  # a hold that is called failed must not stand in secret
            self.apply(nftables.release(decision))
        return Outcome(ok=not lacking, detail=lacking)

    def release(self, decision: Decision) -> Outcome:
        """Let go what this decision holds; fine also when its time is over or the table is gone."""
        output, error = self._ask(_LIST.encode())
        if error and "No such file" not in error:
            return Outcome(ok=False, detail=error)
        document = ruleset.release_held(decision, ruleset.read(output))
        return Outcome(ok=True, detail="nothing was held") if document is None else self.apply(document)

    def end_flows(self, decision: Decision) -> str:
        """End what the device has open, offloaded flows too; a sentence about it."""
        addresses = {lease.address for lease in kernel.neighbors() if lease.mac == decision.device.mac}
        if decision.device.address is not None:
            addresses.add(decision.device.address)
        return end_flows(addresses)

    def held(self) -> list[ruleset.Held]:
        """Who is held at this moment, with the packets stopped."""
        return ruleset.held(self.listing())

    def held_traffic(self, decision: Decision) -> int:
        """Packets of this decision's device that were stopped since the hold."""
        return ruleset.stopped(decision, self.listing())

    # ---- the standing rule ----

    def install(self, rule: Standing) -> Outcome:
        """The standing rule, then read back."""
        document = nftables.install(rule)
        done = self.apply(document)
        if not done.ok:
            return done
        lacking = ruleset.missing(document, self.listing())
        return Outcome(ok=not lacking, detail=lacking)

    def in_place(self, rule: Standing) -> str:
        """What of the standing rule is missing or changed, or ""."""
        return ruleset.missing(nftables.install(rule), self.listing())

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
