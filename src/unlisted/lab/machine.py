"""An office machine: its files, its lease from the real DHCP server, and the rogue that may run on one."""

import shutil
import subprocess
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from unlisted.errors import UnlistedError
from unlisted.lab import places, scan
from unlisted.lab.host import Host
from unlisted.lab.rogue import Limits, Tried

_DHCP_SCRIPT = """#!/bin/sh
case $1 in
deconfig) ip link set "$interface" up; ip address flush dev "$interface" ;;
bound | renew)
  ip address flush dev "$interface"
  ip address add "$ip/$mask" dev "$interface"
  ip route replace default via "${router%% *}"
  for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
  echo "$ip" >"FOLDER/address.new" && mv "FOLDER/address.new" "FOLDER/address"
  ;;
esac
"""


class Machine(Struct, frozen=True):
    """One machine that is plugged in, with the lease that it took."""

    name: str
    host: Host
    plan: places.Plan
    address: str
    home: Path

    @property
    def mac(self) -> str:
        """Its network card's address."""
        return self.plan.mac


class Rogue:
    """The sender on the laptop, while it runs and after."""

    def __init__(self, machine: Machine, process: subprocess.Popen[bytes], output: Path) -> None:
        self.machine = machine
        self.process = process
        self._output = output

    def tried(self) -> list[Tried]:
        """What it has tried so far: the truth to measure against. `begun` is still open or was cut off."""
        whole = self._output.read_bytes().rpartition(b"\n")[0]
        lines = (msgspec.json.decode(line, type=Tried) for line in whole.splitlines())
        return list({tried.number: tried for tried in lines}.values())

    def wait(self, timeout: float) -> list[Tried]:
        """Until it has ended by itself."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired as late:
            raise UnlistedError(f"the rogue still runs after {timeout:.0f} s") from late
        return self.tried()

    def stop(self) -> None:
        """End it now."""
        self.machine.host.stop(self.process)


def furnish(host: Host, plan: places.Plan, *, infected: bool) -> Path:
    """Put the owner's files there; the folder. What was there from an earlier visit is replaced."""
    home = host.folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    for name, text in plan.files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if infected:
        hidden = home / scan.HIDDEN
        hidden.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(scan.PAYLOAD, hidden)
    return home


def lease(host: Host, plan: places.Plan) -> str:
    """Ask for an address as the machine's system would; the address."""
    script, given = host.folder / "dhcp", host.folder / "address"
    script.write_text(_DHCP_SCRIPT.replace("FOLDER", str(host.folder)))
    script.chmod(0o755)
    given.unlink(missing_ok=True)
    system = places.SYSTEMS[plan.system]
    client = host.spawn(
        [
            *("udhcpc", "-f", "-i", "eth0", "-s", str(script), "-x", f"hostname:{plan.hostname}"),
            *("-t", "10", "-T", "1", "-A", "1", "-V", system.vendor_class, "-o"),
            *(text for number in system.parameters for text in ("-O", str(number))),
        ],
        name="udhcpc",
    )
    host.wait("the DHCP client", given.exists, process=client, seconds=15)
    return given.read_text().strip()


def misbehave(on: Machine, mode: str, seed: int, limits: Limits, speed: float) -> Rogue:
    """Start the bounded sender."""
    # In the lab's folder, not the machine's: the truth is still wanted when the laptop has left.
    output = on.host.folder.parents[1] / f"rogue-{time.monotonic_ns()}.jsonl"
    with output.open("wb") as truth:
        process = on.host.spawn_python(
            [
                *("unlisted.lab.rogue", "--mode", mode, "--seed", str(seed), "--speed", str(speed)),
                *("--attempts", str(limits.attempts), "--messages", str(limits.messages)),
                *("--seconds", str(limits.seconds)),
            ],
            name="rogue",
            stdout=truth,
        )
    return Rogue(on, process, output)
