"""The office: a small network that is real, and the world around it.

                         192.168.50.0/24                203.0.113.0/24
    FRONTDESK-PC --+                                                     198.51.100.0/24
    ACCOUNTS-PC  --+                  +---------+              +----------+            +----------+
    copier       --+-- lan0 (bridge) -| gateway |-wan0 ------- | internet |----------- | provider |
    MacBook      --+   .1             +---------+ .5        .1 +----------+ .1     .25 +----------+
    mail server  --+   .10            nftables NAT             DNS .53, rbldnsd         Postfix
    (the laptop) -- - -               dnsmasq, ulogd2          receivers 192.0.2.x, trap 198.18.0.0/15

    with Office() as office:
        office.send_mail("front-desk", "anna", "sales@harper-lane.example")
        laptop = office.plug_in(places.LAPTOP, infected=True)
        office.rogue(laptop)
        office.listed()

Every box is a network namespace, every program the one that offices run. `network.py` says how it is kept
apart from the machine and how it goes away.
"""

import re
import shutil
import smtplib
import subprocess
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from unlisted.errors import UnlistedError
from unlisted.lab import gateway, lists, machine, mail, places, scan
from unlisted.lab.host import Host
from unlisted.lab.internet import Internet, ask, greets, reversed_name
from unlisted.lab.ledger import Entry
from unlisted.lab.machine import Machine, Rogue
from unlisted.lab.network import Network
from unlisted.lab.rogue import Limits
from unlisted.notice import packets

_QUEUED = re.compile(r"queued as (\w+)")


class Sent(Struct, frozen=True):
    """What the office's mail server said to a submission."""

    queue_id: str  # "" when it was not taken
    reply: str


class Office:
    """The whole lab as a context manager. `list_speed`: list seconds a second (43200: a day in 2 s)."""

    public = places.PUBLIC
    resolver = places.GATEWAY

    def __init__(self, *, list_speed: float = lists.SPEED, machines: bool = True) -> None:
        self.list_speed = list_speed
        self.network = Network()
        self.machines: dict[str, Machine] = {}
        self._with_machines = machines
        self._ports = 0
        self._ulogd: subprocess.Popen[bytes] | None = None

    # ---- start and end ----

    def __enter__(self) -> Self:
        self.network.__enter__()
        try:
            self._build()
        except BaseException:
            self.network.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.network.close()

    def _build(self) -> None:
        root = self.network.root
        self.folder = root
        self.gateway_log, self.leases = root / "gateway.log", root / "dnsmasq.leases"
        self.dhcp_log = root / "dnsmasq.log"
        self.postfix, self.relay = mail.office(root / "mail"), mail.provider(root / "provider")
        self.mail_log, self.maildirs = self.postfix.log, self.postfix.maildirs
        self.signatures = scan.database(root / "signatures")
        net = self.network
        with ThreadPoolExecutor(4) as pool:
            made = [
                pool.submit(net.host, "internet"),
                pool.submit(net.host, "provider", "smtp", self.relay.binds()),
                pool.submit(net.host, "gateway"),
                pool.submit(net.host, "mail", "mail", self.postfix.binds()),
            ]
            internet, self.provider, self.gateway, self.mail = (future.result() for future in made)
        self.internet = Internet(internet, root / "internet", self.list_speed)
        self._wire()
        self.internet.start()
        served = gateway.serve(self.gateway, self.leases, self.dhcp_log)
        self.postfix.start(self.mail)
        self.relay.start(self.provider)
        # A DHCP client whose first question falls on deaf ears asks again only after a second.
        self.gateway.wait("dnsmasq", self._dhcp_listens, process=served, said=self._dhcp_said)
        if self._with_machines:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(self.plug_in, places.MACHINES))
        self.internet.wait()
        for server, host in ((self.postfix, self.mail), (self.relay, self.provider)):
            host.wait(
                "Postfix",
                lambda host=host: host.call(lambda: greets("127.0.0.1")),  # type: ignore[misc]
                process=server.process,
                said=server.said,
            )

    def _wire(self) -> None:
        """Cables, addresses, routes."""
        net, internet = self.network, self.internet.host
        net.cable(internet, "office0", self.gateway, "wan0")
        net.cable(internet, "isp0", self.provider, "eth0")
        net.ip(
            internet,
            f"address add {places.ROUTER}/24 dev office0",
            f"address add {places.ISP_ROUTER}/24 dev isp0",
            f"address add {places.DNS}/32 dev lo",
            *(f"address add {receiver.address}/32 dev lo" for receiver in places.RECEIVERS),
            *(f"route add local {crowd} dev lo" for crowd in places.CROWD),
            f"route add blackhole {places.SILENT}",
        )
        internet.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"], check=True)
        net.ip(
            self.provider,
            f"address add {places.ISP}/24 dev eth0",
            f"route add default via {places.ISP_ROUTER}",
        )
        net.ip(
            self.gateway,
            f"link add lan0 address {places.GATEWAY_MAC} type bridge",
            f"address add {places.GATEWAY}/24 dev lan0",
            "link set lan0 up",
            f"address add {places.PUBLIC}/24 dev wan0",
            f"route add default via {places.ROUTER}",
        )
        self._plug_cable(self.mail, places.MAIL_MAC)
        net.ip(self.mail, f"address add {places.MAIL}/24 dev eth0", f"route add default via {places.GATEWAY}")
        gateway.route(self.gateway)
        for host, resolver in (
            (internet, places.DNS),
            (self.provider, places.DNS),
            (self.gateway, places.GATEWAY),
            (self.mail, places.GATEWAY),
        ):
            host.resolv.write_text(f"nameserver {resolver}\n")

    def _plug_cable(self, host: Host, mac: str) -> None:
        self._ports += 1
        port = f"port{self._ports}"
        self.network.cable(self.gateway, port, host, "eth0", mac=mac)
        self.network.ip(self.gateway, f"link set {port} master lan0")

    def _dhcp_listens(self) -> bool:
        return "sockets bound" in self._dhcp_said()

    def _dhcp_said(self) -> str:
        return self.dhcp_log.read_text(errors="replace") if self.dhcp_log.exists() else ""

    # ---- machines ----

    def plug_in(self, plan: places.Plan, *, infected: bool = False) -> Machine:
        """A machine comes: cable, lease by DHCP, its files; with `infected`, the rogue's file among them."""
        host = self.network.host(plan.name, plan.hostname)
        try:
            home = machine.furnish(host, plan, infected=infected)
            self._plug_cable(host, plan.mac)
            arrived = Machine(plan.name, host, plan, machine.lease(host, plan), home)
        except BaseException:
            self.network.remove(host)
            raise
        self.machines[plan.name] = arrived
        return arrived

    def unplug(self, leaving: Machine) -> None:
        """It leaves as laptops do: without a word to the DHCP server."""
        self.network.remove(leaving.host)
        self.machines.pop(leaving.name, None)

    def rogue(
        self,
        on: Machine,
        mode: str = "donbot",
        *,
        seed: int = 1,
        limits: Limits | None = None,
        speed: float = 1.0,
    ) -> Rogue:
        """Start the bounded sender on a machine."""
        return machine.misbehave(on, mode, seed, limits or Limits(), speed)

    def scan(self, which: Machine) -> scan.Scan:
        """A virus scan of the machine's files."""
        return scan.scan(which.host, which.home, self.signatures)

    # ---- mail ----

    def send_mail(
        self, name: str, user: str, recipient: str, subject: str = "Our order", text: str = "As agreed.\n"
    ) -> Sent:
        """A user submits a message from the office machine `name` through the mail server."""
        plan = self.machines[name].plan
        message = EmailMessage()
        message["From"] = f"{user}@{places.OFFICE_DOMAIN}"
        message["To"] = recipient
        message["Subject"] = subject
        message["Message-ID"] = f"<{time.time_ns()}@{plan.hostname}.{places.OFFICE_DOMAIN}>"
        message.set_content(text)

        def submit() -> Sent:
            with smtplib.SMTP(places.MAIL, 25, local_hostname=plan.hostname, timeout=10) as server:
                server.ehlo()
                code, reply = server.mail(str(message["From"]))
                if code == 250:
                    code, reply = server.rcpt(recipient)
                if code == 250:
                    code, reply = server.data(message.as_bytes())
            words = f"{code} {reply.decode('utf-8', 'replace')}"
            queued = _QUEUED.search(words)
            return Sent(queued[1] if queued else "", words)

        return self.machines[name].host.call(submit)

    def settle(self, sent: Collection[Sent], *, seconds: float = 10.0) -> bool:
        """Wait until the mail server is done with each message: delivered, relayed or bounced."""
        waiting = {message.queue_id for message in sent if message.queue_id}
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            log = self.mail_log.read_text(errors="replace")
            if all(f": {queue_id}: removed" in log for queue_id in waiting):
                return True
            time.sleep(0.05)
        return False

    def outcome(self, sent: Sent) -> str:
        """What the mail log says became of a message: the text after `status=`, "" so far."""
        pattern = re.compile(rf": {sent.queue_id}: to=<.*? status=(.*)$", re.MULTILINE)
        found = pattern.findall(self.mail_log.read_text(errors="replace")) if sent.queue_id else []
        return str(found[-1]) if found else ""

    def delivered(self, to: str = "", *, client: str = "", since: float = 0.0) -> int:
        """Messages that arrived at receivers for a recipient or a domain; "" counts all."""
        return len(self.arrivals("delivered", to, client=client, since=since))

    def arrivals(self, event: str, to: str = "", *, client: str = "", since: float = 0.0) -> list[Entry]:
        """The receivers' ledger: delivered, refused, trapped."""
        return [
            entry
            for entry in self.internet.entries()
            if entry.event == event
            and entry.at >= since
            and (not client or entry.client == client)
            and (not to or to in (entry.recipient, entry.recipient.rpartition("@")[2]))
        ]

    def maildir(self, user: str) -> Path:
        """Where the user's mail, and the bounces, arrive; made by the first message."""
        return self.maildirs / user

    def bounces(self) -> list[Path]:
        """Delivery reports in the users' mailboxes, oldest first."""
        found = [path for box in ("new", "cur") for path in self.maildirs.glob(f"*/{box}/*")]
        reports = [path for path in found if b"multipart/report" in path.read_bytes()[:8192]]
        return sorted(reports, key=lambda path: (path.stat().st_mtime_ns, path.name))

    # ---- lists ----

    @property
    def lists(self) -> lists.Lists:
        """The lists' operators: `ask(zone, address)`, `status()`."""
        return self.internet.lists

    def pace(self, speed: float) -> None:
        """Let list time run at `speed` list seconds a second from now on; what has passed has passed."""
        self.lists.pace(speed)
        self.list_speed = speed

    def listed(self, address: str = places.PUBLIC) -> dict[str, bool]:
        """Zone -> listed, asked by DNS through the office's resolver. A list that is silent raises."""

        def look() -> dict[str, bool]:
            found = {}
            for zone in lists.ZONES:
                answer = ask(places.GATEWAY, reversed_name(address, zone))
                if answer.rcode not in (0, 3):
                    raise UnlistedError(f"{zone} does not answer: {answer.why or answer.said}")
                found[zone] = any(text.startswith("127.") for text in answer.addresses)
            return found

        return self.mail.call(look)

    def look_up(self, name: str, qtype: int = packets.A) -> packets.Answer:
        """One DNS question through the office's resolver."""
        return self.mail.call(lambda: ask(places.GATEWAY, name, qtype))

    # ---- the gateway's log and what a person would have ----

    def log_mail_ports(self) -> None:
        """Switch on logging of new outgoing connections to mail ports; doing it again does nothing."""
        if self._ulogd is None:
            self._ulogd = gateway.log_mail_ports(self.gateway, self.gateway_log)

    def evidence(self, folder: Path) -> list[Path]:
        """Copy what a person in this office would have, under plain names; returns the files."""
        (folder / "bounces").mkdir(parents=True, exist_ok=True)
        made = []
        for number, path in enumerate(self.bounces(), start=1):
            user = path.parent.parent.name
            made.append(folder / "bounces" / f"{number:02d}-{user}.eml")
            shutil.copyfile(path, made[-1])
        for source, name in (
            (self.mail_log, "mail.log"),
            (self.gateway_log, "gateway.log"),
            (self.leases, "dnsmasq.leases"),
        ):
            if source.exists():
                made.append(folder / name)
                shutil.copyfile(source, made[-1])
        made.append(folder / "dnsmasq.log")
        lines = self._dhcp_said().splitlines(keepends=True)
        made[-1].write_text("".join(line for line in lines if " dnsmasq-dhcp[" in line))
        return made
