"""One machine of the lab: how it is made, entered and ended. `network.py` tells the whole idea.

Its anchor is a process that does nothing but hold a net, mount and UTS namespace inside the lab's PID
namespace, for as long as we hold the pipe to it. Commands enter by nsenter(1). In the mount namespace the
host has its own /run, /proc, /etc/hosts, /etc/resolv.conf, and what `binds` lays over.
IPv6 is off in the lab: duplicate address detection would cost seconds at every start.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

from unlisted.errors import UnlistedError

T = TypeVar("T")

# Debian keeps these in sbin, which the PATH of a user may lack.
PATH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
PATIENCE = 30.0  # seconds that any one command may take, unless told otherwise
START = 10.0  # seconds for a namespace to stand
CLONE_NEWNET = 0x40000000  # <linux/sched.h>

_ANCHOR = """
set -e
mount -t proc proc /proc
mount -t tmpfs -o mode=755,size=16m run /run
echo "$1" >/proc/sys/kernel/hostname
resolv=$(readlink -m /etc/resolv.conf)
case $resolv in /run/*) mkdir -p "${resolv%/*}"; : >"$resolv" ;; esac
mount --bind "$2/resolv.conf" "$resolv"
mount --bind "$2/hosts" /etc/hosts
if [ -e /proc/sys/net/ipv6/conf/all/disable_ipv6 ]; then
  echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
fi
ip link set lo up
shift 2
while [ $# -gt 1 ]; do mount --bind "$1" "$2"; shift 2; done
echo ready
cat >/dev/null
:
"""


def _pipe(stream: IO[str] | None) -> IO[str]:
    """A pipe that `hang` asked for, so that it is there."""
    if stream is None:
        raise RuntimeError("the process was not started by hang()")
    return stream


def _ready(process: subprocess.Popen[str], what: str) -> None:
    """Wait until the namespace says that it stands."""
    stdout = _pipe(process.stdout)
    readable, _, _ = select.select([stdout], [], [], START)
    said = stdout.readline() if readable else ""
    if said.strip() != "ready":
        process.kill()
        _, problem = process.communicate(timeout=START)
        raise UnlistedError(f"cannot make {what}: {(problem or said).strip()[:300]}", code=4)


def hang(argv: Sequence[str], what: str) -> subprocess.Popen[str]:
    """A process that stays for as long as we hold the pipe to it."""
    process = subprocess.Popen(
        list(argv),
        env={"PATH": PATH, "LC_ALL": "C"},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # the terminal's Ctrl-C is for the owner alone
    )
    _ready(process, what)
    return process


def let_go(process: subprocess.Popen[str]) -> None:
    """Close the pipe; kill what does not leave then."""
    with contextlib.suppress(OSError):
        _pipe(process.stdin).close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=5)
    _pipe(process.stdout).close()
    _pipe(process.stderr).close()


def _signal(process: subprocess.Popen[bytes] | subprocess.Popen[str], number: int) -> None:
    """Signal what nsenter started, not nsenter: it then collects its child and ends as the child did.

    A child whose nsenter was killed is left to the machine's PID 1, which in a container may never
    collect it, and an uncollected child keeps the lab's PID namespace from ending.
    """
    with contextlib.suppress(OSError, ValueError):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), number)
        if children:
            return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str], patience: float) -> None:
    """Ask the process to end, then make it."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        if process.poll() is None:
            _signal(process, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
            return


def stay_inside() -> None:
    """Leave with exit code 4 when this process is in the machine's own network and not in the lab's.

    In the lab PID 1 is the lab's own init, which stays in the network outside; anywhere else it shares
    ours, or we may not look.
    """
    try:
        outside = os.stat("/proc/1/ns/net").st_ino
    except OSError:
        outside = os.stat("/proc/self/ns/net").st_ino
    if os.stat("/proc/self/ns/net").st_ino == outside:
        sys.stderr.write("this is a part of the lab and runs inside it only: unlisted demo\n")
        raise SystemExit(4)


# ---- hosts ----------------------------------------------------------------------------------------


class Host:
    """One machine: its own network, host name and private files. Made by `Network.host`."""

    def __init__(self, lab: int, folder: Path, name: str, hostname: str, binds: Mapping[Path, str]) -> None:
        """`lab` is the process whose /proc/PID/ns/pid_for_children is the lab's PID namespace."""
        self.name = name
        self.hostname = hostname
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.resolv = self.folder / "resolv.conf"
        self.resolv.write_text("")
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {hostname}\n")
        self._spawned: list[subprocess.Popen[bytes]] = []
        self._logs: dict[int, Path] = {}
        overlays = [text for source, target in binds.items() for text in (str(source), target)]
        inside = ["sh", "-c", _ANCHOR, "anchor", hostname, str(self.folder), *overlays]
        self._anchor = hang(
            [
                *("unshare", "--net", "--mount", "--uts", "--propagation", "private"),
                *("nsenter", f"--pid=/proc/{lab}/ns/pid_for_children", "--"),
                *inside,
            ],
            f"the host {name}",
        )

    @property
    def pid(self) -> int:
        """A process of ours that has the host's namespaces: /proc/PID/ns/net.

        UnlistedError once it has ended: its number may then be another process's, of the machine itself.
        """
        if self._anchor.returncode is not None:
            raise UnlistedError(f"the host {self.name} is gone")
        return self._anchor.pid

    @property
    def enter(self) -> str:
        """The command by which a person gets a shell in this host."""
        return f"nsenter --net=/proc/{self.pid}/ns/net --mount=/proc/{self.pid}/ns/mnt"

    def _argv(self, command: Sequence[str], cwd: str) -> list[str]:
        spaces = f"/proc/{self.pid}/ns"
        return [
            "nsenter",
            f"--net={spaces}/net",
            f"--mount={spaces}/mnt",
            f"--uts={spaces}/uts",
            f"--pid={spaces}/pid_for_children",
            f"--wdns={cwd}",
            "--",
            # nsenter stays outside as the parent: when it is killed, so is the command.
            *("setpriv", "--pdeathsig", "KILL", "--"),
            *command,
        ]

    def _environment(self) -> dict[str, str]:
        package = str(Path(__file__).resolve().parents[2])
        known = os.environ.get("PYTHONPATH")
        path = package if not known else f"{package}{os.pathsep}{known}"
        return os.environ | {"PATH": PATH, "LC_ALL": "C.UTF-8", "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    def run(
        self,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float = PATIENCE,
        check: bool = False,
        cwd: str = "/",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here and wait. With `check`, anything but 0 raises UnlistedError."""
        with subprocess.Popen(
            self._argv(command, cwd),
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(stdin or "", timeout=timeout)
            except BaseException as problem:
                _end(process, 0.0)
                if isinstance(problem, subprocess.TimeoutExpired):
                    raise UnlistedError(f"{command[0]} on {self.name} took over {timeout:g} s") from problem
                raise
        done = subprocess.CompletedProcess(list(command), process.returncode, out, err)
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-500:]
            raise UnlistedError(f"{' '.join(command)[:200]} on {self.name} failed: {said}")
        return done

    def python(
        self, arguments: Sequence[str], *, timeout: float = PATIENCE, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m …` here and wait."""
        return self.run([sys.executable, "-m", *arguments], timeout=timeout, stdin=stdin)

    def spawn(
        self, command: Sequence[str], *, name: str = "", stdout: IO[bytes] | int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command here; it ends with the host. Its words go to `log(process)`, or to `stdout`."""
        path = self.folder / f"{name or Path(command[0]).name}.{len(self._spawned)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                self._argv(command, "/"),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
                start_new_session=True,
            )
        self._spawned.append(process)
        self._logs[process.pid] = path
        return process

    def spawn_python(
        self, arguments: Sequence[str], *, name: str = "", stdout: IO[bytes] | int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start `python -m …` here."""
        return self.spawn([sys.executable, "-m", *arguments], name=name or arguments[0], stdout=stdout)

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """The last that a spawned process said."""
        with contextlib.suppress(OSError, KeyError):
            return self._logs[process.pid].read_text(errors="replace")[-2000:].strip()
        return ""

    def stop(self, process: subprocess.Popen[bytes], *, patience: float = 1.0) -> None:
        """End a spawned process."""
        _end(process, patience)
        if process.stdout is not None:
            process.stdout.close()

    def call(self, function: Callable[[], T], *, timeout: float = PATIENCE) -> T:
        """Call a function of this process inside the host's network: sockets that it opens stay there.

        setns(2) moves one thread, so it is done in a thread of its own.
        """
        done: list[T] = []
        failed: list[BaseException] = []

        def enter() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            try:
                descriptor = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if libc.setns(descriptor, CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), f"setns into {self.name}")
                finally:
                    os.close(descriptor)
                done.append(function())
            except BaseException as problem:  # handed to the caller below
                failed.append(problem)

        thread = threading.Thread(target=enter, name=f"in-{self.name}", daemon=True)
        thread.start()
        thread.join(timeout)
        if failed:
            raise failed[0]
        if not done:
            raise UnlistedError(f"a call on {self.name} took over {timeout:.0f} s")
        return done[0]

    def wait(
        self,
        what: str,
        ready: Callable[[], bool],
        *,
        process: subprocess.Popen[bytes] | None = None,
        seconds: float = START,
        said: Callable[[], str] | None = None,
    ) -> None:
        """Poll until `ready`; past the deadline, or when the process ended, say so with its own words."""
        deadline = time.monotonic() + seconds
        while not ready():
            ended = process is not None and process.poll() is not None
            if ended or time.monotonic() > deadline:
                words = said() if said else self.log(process) if process else ""
                how = "ended" if ended else f"was not ready within {seconds:.0f} s"
                raise UnlistedError(f"{what} on {self.name} {how}: {words[-800:] or 'it said nothing'}")
            time.sleep(0.02)

    def close(self) -> None:
        """End everything that runs here; the network goes with its last process. Again: does nothing."""
        if self._anchor.returncode is not None:
            return
        for process in self._spawned:
            self.stop(process)
        self._spawned.clear()
        with contextlib.suppress(OSError):
            ours = os.stat(f"/proc/{self.pid}/ns/net").st_ino
            # Everything in one network is killed: never in the network that we are in ourselves.
            others = os.listdir("/proc") if ours != os.stat("/proc/self/ns/net").st_ino else ()
            for entry in others:
                if entry.isdigit() and int(entry) != self.pid:
                    with contextlib.suppress(OSError):
                        if os.stat(f"/proc/{entry}/ns/net").st_ino == ours:
                            os.kill(int(entry), signal.SIGKILL)
        let_go(self._anchor)
