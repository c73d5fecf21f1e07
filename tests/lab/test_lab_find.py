"""`find` on what real programs wrote: connection tracking, ulogd's log, dnsmasq's leases."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unlisted.cli import main
from unlisted.lab import places
from unlisted.lab.rogue import Limits, Tried
from unlisted.lab.world import Office

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_ready")]

# Of a new connection: when, from whom, whom it spoke to, and to which port the answer comes back.
NEW = re.compile(
    r"\[(\d+\.\d+)\]\s+\[NEW\].* src=(\S+) dst=(\S+) sport=\d+ dport=(\d+) \[UNREPLIED\] src=\S+ dst=(\S+)"
    r" sport=\d+ dport=(\d+)"
)


@pytest.fixture(scope="module")
def evening(lab_ready: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Tried]]]:
    """The evidence of an evening on which a laptop came home, and what its sender really tried."""
    folder = tmp_path_factory.mktemp("evening")
    with Office() as office:
        office.log_mail_ports()
        with (folder / "conntrack.txt").open("wb") as log:
            watched = office.gateway.spawn(
                ["conntrack", "-E", "-p", "tcp", "-o", "timestamp,id"], stdout=log.fileno()
            )
            time.sleep(0.2)  # it says nothing when it listens
            office.send_mail("front-desk", "anna", "eve@customers.example")
            laptop = office.plug_in(places.LAPTOP, infected=True)
            tried = office.rogue(laptop, limits=Limits(attempts=30), speed=20, seed=1).wait(30)
            office.gateway.stop(watched)
        for path in (office.gateway_log, office.leases, office.dhcp_log):
            (folder / path.name).write_bytes(path.read_bytes())
        yield folder, tried


def found(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("logs", [["gateway.log"], ["conntrack.txt"], ["gateway.log", "conntrack.txt"]])
def test_the_laptop_is_named_by_either_log_and_by_both(
    evening: tuple[Path, list[Tried]], logs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, tried = evening
    leases = [str(folder / "dnsmasq.leases"), str(folder / "dnsmasq.log")]
    assert main(["find", *[str(folder / name) for name in logs], *leases, "--json"]) == 1
    [suspect] = found(capsys)
    device = suspect["device"]
    assert isinstance(device, dict)
    assert (device["mac"], device["hostname"]) == (places.LAPTOP.mac, places.LAPTOP.hostname)
    assert (suspect["verdict"], suspect["flagged_after"]) == ("rogue", 3)
    assert suspect["attempts"] == len(tried)  # two logs that tell of one connection count it once


def test_who_had_the_port_that_a_trap_saw(
    evening: tuple[Path, list[Tried]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = evening
    told = [match.groups() for match in NEW.finditer((folder / "conntrack.txt").read_text())]
    spam = [one for one in told if one[3] == "25" and one[4] == places.PUBLIC and one[1] != places.MAIL]
    assert len(spam) >= 20
    for at, _, target, _, _, port in spam[::7]:
        words = [
            "find",
            "--seen",
            f"{places.PUBLIC}:{port}",
            "--at",
            at,
            "--skew",
            "5s",
            str(folder),
            "--json",
        ]
        assert main(words) == 1
        [answer] = found(capsys)
        assert answer["unique"] is True
        assert macs(answer) == [places.LAPTOP.mac]
        assert main(["find", "--contacted", target, "--at", at, str(folder), "--json"]) == 1
        assert macs(found(capsys)[0]) == [places.LAPTOP.mac]


def macs(answer: dict[str, object]) -> list[str]:
    candidates = answer["candidates"]
    assert isinstance(candidates, list)
    return [one["device"]["mac"] for one in candidates]


def test_the_same_evening_from_its_outer_side_alone_accuses_nobody(
    evening: tuple[Path, list[Tried]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = evening  # rewritten as a log of the outer side would tell it
    inner = (folder / "gateway.log").read_text()
    outer = re.sub(r"\bMAC=\S+ SRC=192\.168\.50\.\d+ ", f"MAC= SRC={places.PUBLIC} ", inner)
    (tmp_path / "outer.log").write_text(outer)
    assert main(["find", str(tmp_path), "--json"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "outer side" in err
