"""Machines out of thin air: Linux namespaces made, entered and removed, and nothing of the host touched.

    owner (this process) --pipe--> init (PID 1 of one PID namespace, for everything in the lab)
                         --pipe--> anchor of each host (its own net, mount and UTS namespace)

Nothing has a name that could be left behind: a namespace lives as long as its processes, all processes
live in the PID namespace, and its init ends when the pipe to the owner closes. So the kernel itself clears
everything away when the owner leaves, is killed or crashes (pid_namespaces(7)); only the private folder
remains then, and `sweep` removes it.

Links are made inside the namespaces: no interface of the lab is ever seen in the host's.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from unlisted.errors import UnlistedError
from unlisted.lab.host import PATH, PATIENCE, START, Host, hang, let_go

PROGRAMS = (
    *("sh", "ip", "nft", "conntrack", "unshare", "nsenter", "setpriv", "mount", "readlink"),
    *("dnsmasq", "rbldnsd", "postfix", "ulogd", "udhcpc"),
)
PREFIX = "unlisted-lab-"


def missing() -> list[str]:
    """What the lab drives and is not here: programs, and the library of its receivers."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    return absent + ([] if find_spec("aiosmtpd") else ["aiosmtpd (pip install 'unlisted[lab]')"])


def possible() -> str:
    """Why namespaces cannot be made here, as a sentence; "" when they can."""
    if sys.platform != "linux":
        return "network namespaces are a thing of Linux"
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    if shutil.which("unshare", path=PATH) is None:
        return "the program unshare (package util-linux) is not installed"
    probe = subprocess.run(
        ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "true"],
        env={"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=START,
        check=False,
    )
    return "" if probe.returncode == 0 else f"namespaces are not allowed here ({probe.stderr.strip()[:200]})"


# ---- private folders ------------------------------------------------------------------------------


def _started(pid: int) -> str:
    """When the process started, in ticks since boot: tells a pid from its successor. "" if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]  # proc(5): field 22, counted after the name


def _folder() -> Path:
    root = Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
    root.mkdir(mode=0o755)
    root.chmod(0o755)  # Postfix drops root and must still reach its queue, whatever our umask
    (root / "owner").write_text(f"{os.getpid()} {_started(os.getpid())}\n")
    return root


def sweep() -> list[Path]:
    """Remove the folders that killed owners left; their processes and namespaces are gone already."""
    swept = []
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            about = root.lstat()
            if about.st_uid != os.geteuid() or root.is_symlink() or not root.is_dir():
                continue
            owner = root / "owner"
            pid, _, started = owner.read_text().strip().partition(" ") if owner.exists() else ("", "", "")
            # A folder without the file is being made at this moment, or its making was cut short.
            dead = started != _started(int(pid)) if pid else time.time() - about.st_mtime > 60
            if dead:
                shutil.rmtree(root, ignore_errors=True)
                swept.append(root)
    return swept


class Network:
    """All hosts of one lab, and the private folder `root`. Leaving the context removes everything."""

    root: Path

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self._init: subprocess.Popen[str] | None = None

    @property
    def init(self) -> int:
        """The process whose /proc/PID/ns/pid_for_children is the lab's PID namespace."""
        if self._init is None:
            raise RuntimeError("the network is not open")
        return self._init.pid

    def __enter__(self) -> Self:
        if reason := possible():
            raise UnlistedError(f"the lab cannot run: {reason}", code=4)
        if absent := missing():
            raise UnlistedError(
                f"the lab needs {', '.join(absent)}", remedy="make packages (as root, on Debian)", code=3
            )
        sweep()
        self.root = _folder()
        atexit.register(self.close)
        try:
            argv = ["unshare", "--pid", "--fork", "sh", "-c", "echo ready; cat >/dev/null; :"]
            self._init = hang(argv, "the lab's namespace")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything; doing it again does nothing."""
        atexit.unregister(self.close)
        if self._init is not None:
            let_go(self._init)  # the kernel kills everything in the PID namespace
            self._init = None
        for host in list(self.hosts.values()):
            host.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def host(self, name: str, hostname: str = "", binds: Mapping[Path, str] | None = None) -> Host:
        """A new host. `binds` lays private files or folders over paths of the host's file system."""
        if name in self.hosts:
            raise UnlistedError(f"there is a host {name} already", code=2)
        host = Host(self.init, self.root / "hosts" / name, name, hostname or name, binds or {})
        self.hosts[name] = host
        return host

    def remove(self, host: Host) -> None:
        """End everything on a host, and forget it and its files."""
        host.close()
        self.hosts.pop(host.name, None)
        shutil.rmtree(host.folder, ignore_errors=True)

    def ip(self, host: Host, *lines: str) -> None:
        """Lines for `ip -batch` in the host's network, where other hosts can be named by their pid."""
        done = subprocess.run(
            ["nsenter", f"--net=/proc/{host.pid}/ns/net", "--", "ip", "-batch", "-"],
            input="".join(f"{line}\n" for line in lines),
            env={"PATH": PATH, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode != 0:
            raise UnlistedError(f"ip on {host.name} failed: {done.stderr.strip()[:300]}")

    def cable(self, one: Host, interface: str, other: Host, far: str, *, mac: str = "") -> None:
        """A veth between two hosts, made inside them; `mac` is the far end's."""
        address = f" address {mac}" if mac else ""
        self.ip(one, f"link add {interface} type veth peer name {far}{address} netns {other.pid}")
        self.ip(one, f"link set {interface} up")
        self.ip(other, f"link set {far} up")
