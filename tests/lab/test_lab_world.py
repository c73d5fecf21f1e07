"""The office on real components: leases, mail, lists, refusals, the gateway's log, the scan."""

import email
import email.policy
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unlisted.errors import UnlistedError
from unlisted.evidence.gateway import netfilter
from unlisted.lab import places, scan
from unlisted.lab.lists import ZONES
from unlisted.lab.rogue import Limits
from unlisted.lab.world import Office
from unlisted.messages import Attempt
from unlisted.notice import packets

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ready")]

STILL = 1.0  # list seconds a second: nothing runs out while a test looks
XBL, SPAMCOP, PSBL, UCE, BRBL = ZONES


@pytest.fixture(scope="module")
def office(lab_ready: None) -> Iterator[Office]:
    """One office for all tests that leave it as it was."""
    with Office(list_speed=STILL) as office:
        office.log_mail_ports()
        yield office


# ---- the office works -----------------------------------------------------------------------------


def test_the_leases_are_real(office: Office) -> None:
    leases = {line.split()[1]: line.split() for line in office.leases.read_text().splitlines()}
    log = office.dhcp_log.read_text()
    for machine in office.machines.values():
        assert leases[machine.mac][2:4] == [machine.address, machine.plan.hostname]
        assert f"DHCPACK(lan0) {machine.address} {machine.mac} {machine.plan.hostname}" in log
    assert "vendor class: MSFT 5.0" in log


def test_honest_mail_arrives_through_the_provider_and_directly(office: Office) -> None:
    recipients = {"eve@customers.example": places.ISP, "desk@newsdesk.example": places.ISP}
    sent = [office.send_mail("front-desk", "anna", recipient) for recipient in recipients]
    assert office.settle(sent)
    for message, (recipient, client) in zip(sent, recipients.items(), strict=True):
        assert office.outcome(message).startswith("sent (250")
        office.mail.wait("delivery", lambda r=recipient, c=client: office.delivered(r, client=c) == 1)  # type: ignore[misc]


def test_mail_for_strangers_is_not_taken_without_a_sender_of_ours(office: Office) -> None:
    sent = office.send_mail("copier", "carla", "nobody@office.example")
    assert sent.queue_id == ""
    assert sent.reply.startswith("550")


def test_names_lead_where_they_should(office: Office) -> None:
    assert office.look_up(places.MAIL_NAME).addresses == (places.PUBLIC,)
    assert office.look_up("5.113.0.203.in-addr.arpa", packets.PTR).names == (places.MAIL_NAME,)
    assert office.look_up("no.such.example").rcode == 3
    name, address = places.submission_servers()[0]
    assert office.look_up(name).addresses == (address,)


def test_every_list_is_sound_by_its_test_points(office: Office) -> None:
    for zone in ZONES:
        assert office.look_up(f"2.0.0.127.{zone}").addresses
        assert office.look_up(f"2.0.0.127.{zone}", packets.TXT).texts
        assert office.look_up(f"1.0.0.127.{zone}").rcode == 3


def test_the_gateway_logs_as_netfilter_does(office: Office) -> None:
    sent = office.send_mail("accounts", "ben", "sales@customers.example")
    assert office.settle([sent])
    office.gateway.wait("the log", lambda: bool(attempts(office)))
    for attempt in attempts(office):
        assert (str(attempt.src), attempt.mac) == (places.MAIL, places.MAIL_MAC)
        assert attempt.dport == 25


def attempts(office: Office) -> list[Attempt]:
    lines = office.gateway_log.read_text().splitlines() if office.gateway_log.exists() else []
    found = (netfilter.parse(line, time.time()) for line in lines)
    return [event for event in found if isinstance(event, Attempt)]


def test_the_scan_finds_the_rogue_and_clears_the_others(
    office: Office, program: Callable[[str], str]
) -> None:
    program("clamscan")
    for machine in office.machines.values():
        result = office.scan(machine)
        assert (result.infected, result.why) == ((), "")
        assert result.files >= len(machine.plan.files)
        assert result.engine.startswith("ClamAV ")
    laptop = office.plug_in(places.LAPTOP, infected=True)
    try:
        found = office.scan(laptop).infected
        assert [(one.path, one.signature) for one in found] == [(scan.HIDDEN, scan.SIGNATURE)]
    finally:
        office.unplug(laptop)


def test_a_laptop_comes_and_goes_and_keeps_its_address(office: Office) -> None:
    first = office.plug_in(places.LAPTOP)
    office.unplug(first)
    assert first.name not in office.machines
    again = office.plug_in(places.LAPTOP)
    assert again.address == first.address
    office.unplug(again)
    assert f"{again.mac} {again.address} {places.LAPTOP.hostname}" in office.leases.read_text()


def test_a_second_machine_of_the_same_name_is_refused(office: Office) -> None:
    with pytest.raises(UnlistedError, match="copier"):
        office.plug_in(next(plan for plan in places.MACHINES if plan.name == "copier"))
    assert "copier" in office.machines


@pytest.mark.parametrize("mode", ["donbot", "emotet"])
def test_the_rogue_is_bounded(office: Office, mode: str) -> None:
    laptop = office.plug_in(places.LAPTOP)
    try:
        few = office.rogue(laptop, mode, limits=Limits(attempts=7, seconds=8), speed=20).wait(15)
        assert 1 <= len(few) <= 7
        one = office.rogue(laptop, mode, limits=Limits(messages=1, seconds=8), speed=20).wait(15)
        assert sum(tried.outcome == "delivered" for tried in one) <= 1
        assert office.rogue(laptop, mode, limits=Limits(seconds=0.5)).wait(15)
    finally:
        office.unplug(laptop)


# ---- the incident ---------------------------------------------------------------------------------


def test_the_incident_from_the_trap_to_the_last_list() -> None:
    with Office(list_speed=STILL) as office:
        assert not any(office.listed().values())
        sent = office.send_mail("front-desk", "anna", "law@harper-lane.example")
        assert office.settle([sent])
        assert office.delivered("harper-lane.example", client=places.PUBLIC) == 1

        laptop = office.plug_in(places.LAPTOP, infected=True)
        tried = office.rogue(laptop, limits=Limits(attempts=40), speed=20, seed=1).wait(30)
        trapped = office.arrivals("trapped", client=places.PUBLIC)
        assert 3 <= len(trapped) < sum(one.outcome == "delivered" for one in tried)
        assert all(office.listed().values())
        office.unplug(laptop)

        refused_in_everybodys_words(office)
        evidence_is_copied(office)
        lists_let_go_each_by_its_rule(office)

        sent = office.send_mail("front-desk", "anna", "again@harper-lane.example")
        assert office.settle([sent])
        assert office.delivered("again@harper-lane.example") == 1


def refused_in_everybodys_words(office: Office) -> None:
    words = {
        "kestrel-legal.example": f"Sorry, your IP address ({places.PUBLIC}) has been blocked",
        "northgate-print.example": "501 Connection rejected by policy [7.7]",
        "brightwater.example": "blocked using Barracuda Reputation",
        "oldmill.example": f"Client host [{places.PUBLIC}] blocked using zen.spamhaus.org",
        "fernhill.example": "(AS16012611)",
    }
    others = office.send_mail("developer", "dmitri", "all@customers.example")
    sent = {domain: office.send_mail("front-desk", "anna", f"post@{domain}") for domain in words}
    assert office.settle([*sent.values(), others])
    for domain, said in words.items():
        assert office.outcome(sent[domain]).startswith("bounced")
        assert said in office.outcome(sent[domain])
    assert office.outcome(others).startswith("sent")
    office.mail.wait("bounces", lambda: len(office.bounces()) == len(words))
    reports = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in office.bounces()
    ]
    assert {report.get_content_type() for report in reports} == {"multipart/report"}
    text = " ".join(" ".join(str(report).split()) for report in reports)
    for said in words.values():
        assert said in text
    assert all(path.is_relative_to(office.maildir("anna")) for path in office.bounces())


def evidence_is_copied(office: Office) -> None:
    folder = office.folder / "evidence"
    names = {str(path.relative_to(folder)) for path in office.evidence(folder)}
    assert {"mail.log", "dnsmasq.leases", "dnsmasq.log", "bounces/01-anna.eml"} <= names
    assert "gateway.log" not in names  # nobody had switched the log on
    assert places.LAPTOP.mac in (folder / "dnsmasq.leases").read_text()


def lists_let_go_each_by_its_rule(office: Office) -> None:
    us = places.PUBLIC
    granted = {zone: office.lists.ask(zone, us).granted for zone in ZONES}
    assert granted == {XBL: False, SPAMCOP: False, PSBL: True, UCE: False, BRBL: True}
    office.pace(6 * 3600)  # a list day in four seconds
    for zone in (PSBL, BRBL, SPAMCOP):  # half an hour, 18 hours, a day
        office.mail.wait(zone, lambda zone=zone: not office.listed()[zone], seconds=20)  # type: ignore[misc]
    assert office.listed() == {XBL: True, SPAMCOP: False, PSBL: False, UCE: True, BRBL: False}
    assert office.lists.ask(XBL, us).granted  # a day without spam
    office.pace(3 * 86400)
    office.mail.wait(UCE, lambda: not any(office.listed().values()), seconds=20)


# ---- apart from the machine -----------------------------------------------------------------------


def test_two_offices_at_once_and_the_machine_is_untouched() -> None:
    before = surroundings()
    with Office(machines=False) as one, Office(machines=False) as two:
        assert one.folder != two.folder
        one.lists.report(places.PUBLIC)
        assert one.listed()[XBL]
        assert not two.listed()[XBL]
        one.log_mail_ports()
        two.log_mail_ports()
        assert surroundings() == before
        folders = one.folder, two.folder
    assert surroundings() == before
    assert not any(folder.exists() for folder in folders)
    commands = [path.read_bytes() for path in readable(Path("/proc").glob("[0-9]*/cmdline"))]
    assert not [words for words in commands if any(folder.name.encode() in words for folder in folders)]


def readable(paths: Iterator[Path]) -> list[Path]:
    found = []
    for path in paths:
        try:
            path.read_bytes()
        except OSError:
            continue
        found.append(path)
    return found


def surroundings() -> tuple[str, ...]:
    """What the lab must not change: links, addresses, routes, rules, named namespaces, mounts, files."""
    commands = ("ip -brief link", "ip -brief address", "ip route", "nft list ruleset", "ip netns list")
    said = [
        subprocess.run(words.split(), capture_output=True, text=True, check=True).stdout for words in commands
    ]
    files = [
        Path(name).read_text()
        for name in ("/proc/self/mounts", "/etc/resolv.conf", "/proc/sys/net/ipv4/ip_forward")
    ]
    postfix = [str(sorted(Path("/etc/postfix").rglob("*"))), str(sorted(Path("/var/spool").rglob("*")))]
    return (*said, *files, *postfix)
