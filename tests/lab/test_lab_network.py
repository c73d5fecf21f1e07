"""Hosts out of namespaces: private, bounded, and gone without a trace however their owner ends."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from unlisted.errors import UnlistedError
from unlisted.lab import host as hosts
from unlisted.lab import network
from unlisted.lab.network import Network

needs_lab = [pytest.mark.lab, pytest.mark.usefixtures("lab_ready")]

OWNER = """
import sys
from unlisted.lab.network import Network
with Network() as net:
    sleeper = net.host("one").spawn(["sleep", "600"])
    print(net.root, net.init, net.hosts["one"].pid, flush=True)
    sys.stdin.read()
"""


def test_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "PATH", "/nowhere")
    assert network.missing() == list(network.PROGRAMS)


def test_it_says_why_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", "linux")
    assert "root" in network.possible()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "Linux" in network.possible()


def test_every_package_has_its_reason() -> None:
    lines = (Path(network.__file__).parent / "packages.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert packages
    for line in packages:
        name, _, reason = line.partition("#")
        assert name.strip()
        assert reason.strip(), f"{name} without a reason"


class TestHosts:
    pytestmark = needs_lab

    def test_a_host_has_its_own_name_files_and_network(self) -> None:
        before = Path("/etc/resolv.conf").read_text(), os.uname().nodename
        with Network() as net:
            one = net.host("one", "DESK")
            one.resolv.write_text("nameserver 192.0.2.53\n")
            assert one.run(["cat", "/etc/resolv.conf"]).stdout == "nameserver 192.0.2.53\n"
            assert one.run(["uname", "-n"]).stdout == "DESK\n"
            links = one.run(["ip", "-brief", "link"]).stdout.splitlines()
            assert [line.split()[0] for line in links] == ["lo"]
        assert (Path("/etc/resolv.conf").read_text(), os.uname().nodename) == before

    def test_hosts_speak_over_a_cable(self) -> None:
        with Network() as net:
            one, two = net.host("one"), net.host("two")
            net.cable(one, "left", two, "right", mac="18:66:da:00:00:01")
            net.ip(one, "address add 192.0.2.1/24 dev left")
            net.ip(two, "address add 192.0.2.2/24 dev right")
            assert "18:66:da:00:00:01" in two.run(["ip", "link", "show", "right"]).stdout
            assert one.call(lambda: os.readlink("/proc/thread-self/ns/net")) != two.call(
                lambda: os.readlink("/proc/thread-self/ns/net")
            )
            with pytest.raises(UnlistedError, match="ip on one failed"):
                net.ip(one, "address add nonsense dev left")

    def test_no_command_runs_for_ever(self) -> None:
        with Network() as net, pytest.raises(UnlistedError, match="took over"):
            net.host("one").run(["sleep", "600"], timeout=0.2)

    def test_a_failed_command_is_quoted(self) -> None:
        with Network() as net, pytest.raises(UnlistedError, match="broken pipes"):
            net.host("one").run(["sh", "-c", "echo broken pipes >&2; exit 3"], check=True)

    def test_a_component_that_does_not_start_is_quoted(self) -> None:
        with Network() as net:
            one = net.host("one")
            process = one.spawn(["sh", "-c", "echo no such zone >&2; exit 1"])
            with pytest.raises(UnlistedError, match="ended: no such zone"):
                one.wait("the list server", lambda: False, process=process)

    def test_python_runs_inside(self) -> None:
        with Network() as net:
            assert "unlisted" in net.host("one").python(["unlisted", "--help"]).stdout


class TestEnding:
    pytestmark = needs_lab

    def test_an_exception_leaves_nothing(self) -> None:
        net = Network()
        watched: list[int] = []

        def fail() -> None:
            with net:
                one = net.host("one")
                one.spawn(["sleep", "600"])
                watched.extend(gone_when(inhabitants(one.pid)))
                one.run(["false"], check=True)

        with pytest.raises(UnlistedError, match="false on one failed"):
            fail()
        assert len(watched) >= 2
        assert_gone(watched)
        assert not net.root.exists()

    def test_removing_a_host_ends_what_runs_there(self) -> None:
        with Network() as net:
            one, two = net.host("one"), net.host("two")
            one.spawn(["sh", "-c", "setsid sleep 600 & setsid sleep 601 & wait"])
            one.wait("two sleepers", lambda: len(inhabitants(one.pid)) >= 5)
            watched = gone_when(inhabitants(one.pid))
            net.remove(one)
            assert_gone(watched)
            assert two.run(["true"]).returncode == 0

    def test_a_killed_owner_leaves_only_a_folder_and_the_next_sweeps_it(self) -> None:
        owner = subprocess.Popen(
            [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert owner.stdout is not None
        assert owner.stdin is not None
        root, init, anchor = owner.stdout.readline().split()
        watched = gone_when([int(init), *inhabitants(int(anchor))])
        assert len(watched) >= 3
        owner.send_signal(signal.SIGKILL)
        owner.wait(timeout=10)
        owner.stdin.close()
        owner.stdout.close()
        assert_gone(watched)
        assert Path(root).is_dir()
        with Network() as net:  # sweeps, and spares the living
            assert not Path(root).exists()
            assert network.sweep() == []
            assert net.root.is_dir()

    def test_closing_twice_is_closing_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        net = Network()
        with net:
            one = net.host("one")
        # By now the numbers of its processes may be those of others: nothing is looked up or killed.
        monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("killed by a number that is not ours"))
        monkeypatch.setattr(os, "listdir", lambda *_: pytest.fail("looked for processes"))
        net.close()
        for use in (lambda: one.pid, lambda: one.run(["true"])):
            with pytest.raises(UnlistedError, match="gone"):
                use()


def inhabitants(pid: int) -> list[int]:
    """All processes in the network namespace of `pid`."""
    ours = os.stat(f"/proc/{pid}/ns/net").st_ino
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}/ns/net").st_ino == ours:
                found.append(int(entry))
        except OSError:
            continue
    return found


def gone_when(pids: list[int]) -> list[int]:
    """Descriptors that become readable when the processes end."""
    return [os.pidfd_open(pid) for pid in pids]


def assert_gone(descriptors: list[int]) -> None:
    """All of them end; the time is a bound, not a measure."""
    for descriptor in descriptors:
        readable, _, _ = select.select([descriptor], [], [], hosts.START)
        os.close(descriptor)
        assert readable
