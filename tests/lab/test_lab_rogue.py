"""The rogue: behaves as measured, never leaves its range, always ends."""

import asyncio
import subprocess
import sys
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest

from unlisted.lab import places, rogue
from unlisted.lab.rogue import RANGE, Chooser, Limits, Target, Tried


def test_donbot_takes_new_destinations_in_new_networks() -> None:
    chooser = Chooser(7)
    targets = [chooser.direct() for _ in range(100)]
    assert {target.port for target in targets} == {25}
    assert all(ip_address(target.address) in RANGE for target in targets)
    new = len({target.address for target in targets}) / 100
    assert 0.6 <= new <= 0.8  # 0.70 was measured; three standard deviations are 0.14
    assert len({target.address.rpartition(".")[0] for target in targets}) == len(
        {target.address for target in targets}
    )


def test_emotet_prefers_submission() -> None:
    chooser = Chooser(7)
    names = [name for name, _ in places.submission_servers()]
    chosen = [chooser.server(names) for _ in range(1000)]
    ports = Counter(port for _, port in chosen)
    for port, share in ((587, 0.42), (465, 0.30), (25, 0.28)):
        assert abs(ports[port] / 1000 - share) < 0.05
    assert {name for name, _ in chosen} <= set(names)


def test_a_seed_is_a_story() -> None:
    one, two = Chooser(3), Chooser(3)
    assert [one.direct() for _ in range(50)] == [two.direct() for _ in range(50)]
    assert one.direct() != Chooser(4).direct()


def test_some_recipients_are_traps() -> None:
    chooser = Chooser(1)
    domains = Counter(chooser.recipient().partition("@")[2] for _ in range(500))
    trapped = sum(domains[domain] for domain in places.TRAP_DOMAINS) / 500
    assert 0.14 < trapped < 0.26


def test_it_tries_nothing_outside_the_lab(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    tried = asyncio.run(rogue.attempt(1, Target("127.0.0.1", 25, "a@b.example")))
    assert tried.outcome == "refused"
    assert tried.said == "outside the lab"
    line = capfdbinary.readouterr().out
    assert msgspec.json.decode(line, type=Tried) == tried


def test_no_limits_means_the_default_limits() -> None:
    assert Limits().attempts <= 1000
    assert Limits().seconds <= 600


@pytest.mark.parametrize("words", [["rogue"], ["receiver", "ledger", "control"], ["lists", "."]])
def test_no_part_of_the_lab_runs_on_the_machines_own_network(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"unlisted.lab.{words[0]}", *words[1:]],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "inside it only" in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
