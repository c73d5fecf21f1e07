"""The lab's internet: a router, its DNS, the blocklists and everybody's mail servers, on one host.

    the line 203.0.113.0/24 --office0--+
                                       [ router | dnsmasq 192.0.2.53 -> rbldnsd | receivers on any address ]
    the provider 198.51.100.0/24 -isp0-+

dnsmasq answers for the lab's domains, asks rbldnsd for the lists' zones, and denies all other names. It
keeps no cache: list time runs thousands of times faster than caches forget.
"""

import socket
import subprocess
from pathlib import Path

import msgspec

from unlisted.lab import lists, places
from unlisted.lab.host import Host
from unlisted.lab.ledger import Entry
from unlisted.lab.lists import Lists
from unlisted.notice import packets


def ask(server: str, name: str, qtype: int = packets.A) -> packets.Answer:
    """One DNS question over UDP, two tries; for `Host.call`. No answer is an Answer with `why`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(0.5)
        for number in (4711, 4712):
            try:
                line.sendto(packets.build_query(name, qtype, number), (server, 53))
                answer = packets.read_answer(line.recv(4096), number, name, qtype)
            except OSError:
                continue
            if not answer.fault:
                return answer
    return packets.Answer(name=name, qtype=qtype, why="no answer")


def reversed_name(address: str, zone: str) -> str:
    """The name under which a list keeps an address (RFC 5782 §2.1)."""
    return ".".join(reversed(address.split("."))) + f".{zone}"


def _records() -> list[str]:
    """dnsmasq options for every name in the lab."""
    options = [
        f"--host-record={places.MAIL_NAME},{places.PUBLIC}",
        f"--mx-host={places.OFFICE_DOMAIN},{places.MAIL_NAME},10",
        f"--host-record={places.ISP_NAME},{places.ISP}",
    ]
    for receiver in places.RECEIVERS:
        options.append(f"--host-record={receiver.host},{receiver.address}")
        options += [f"--mx-host={domain},{receiver.host},10" for domain in receiver.domains]
    return options


class Internet:
    """Starts and watches what runs on the internet host."""

    def __init__(self, host: Host, folder: Path, speed: float) -> None:
        self.host = host
        self.folder = folder
        self.speed = speed
        self.ledger = folder / "ledger.jsonl"
        self.zones = folder / "zones"
        self.lists = Lists(self.zones / "control")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start everything; `wait` says when it answers."""
        self.zones.mkdir(parents=True)
        self.ledger.touch()
        names = self.folder / "names"
        names.write_text("".join(f"{ip} {name}\n" for name, ip in places.submission_servers()))
        self._processes["lists"] = self.host.spawn_python(
            ["unlisted.lab.lists", str(self.zones), "--speed", str(self.speed)], name="lists"
        )
        self._processes["receivers"] = self.host.spawn_python(
            ["unlisted.lab.receiver", str(self.ledger), str(self.zones / "control")], name="receivers"
        )
        self._processes["dns"] = self.host.spawn(
            [
                *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file="),
                *(f"--listen-address={places.DNS}", "--bind-interfaces", "--no-resolv", "--no-hosts"),
                *(f"--addn-hosts={names}", "--cache-size=0", "--dns-forward-max=1000", "--log-facility=-"),
                *(f"--server=/{zone}/127.0.0.1#{lists.PORT}" for zone in (*lists.ZONES, *lists.bystanders())),
                "--address=/#/",  # every other name does not exist
                *_records(),
            ],
            name="dnsmasq",
        )

    def wait(self) -> None:
        """Until lists, DNS and receivers answer."""
        watch = self._processes
        self.host.wait("the lists' daemon", self.lists.ready, process=watch["lists"])
        self.host.wait("DNS and lists", self._answers, process=watch["dns"])
        self.host.wait("the receivers", self._greets, process=watch["receivers"])

    def _answers(self) -> bool:
        return all(
            self.host.call(lambda zone=zone: ask(places.DNS, reversed_name("127.0.0.2", zone))).addresses  # type: ignore[misc]
            for zone in lists.ZONES
        )

    def _greets(self) -> bool:
        return self.host.call(lambda: greets(places.RECEIVERS[-1].address))

    def entries(self) -> list[Entry]:
        """What happened at the receivers so far. A line that is being written is left for next time."""
        whole = self.ledger.read_bytes().rpartition(b"\n")[0]
        return [msgspec.json.decode(line, type=Entry) for line in whole.splitlines()]


def greets(address: str) -> bool:
    """A mail server answers at the address; for `Host.call`."""
    try:
        with socket.create_connection((address, 25), timeout=2) as line:
            return line.recv(200).startswith(b"220")
    except OSError:
        return False
