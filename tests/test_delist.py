"""`unlisted delist` reads the store and says what to do, or why not yet."""

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from unlisted.cli import main
from unlisted.edge.store import Store
from unlisted.edge.survey import now
from unlisted.messages import Attempt, Decision, Device, Listing

HOUR = 3600.0
LAPTOP = Device(IPv4Address("192.168.1.23"), "3c:5a:b4:12:34:56", hostname="laptop")
FIELDS = ["list", "address", "state", "earliest", "why_not_yet", "url", "text"]


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Settings with a store of their own."""
    path = tmp_path / "unlisted.toml"
    path.write_text(f'store = "{tmp_path}/db"\nsenders = ["192.168.1.2"]\n')
    return str(path)


def remember(config: str, *events: Any) -> None:
    """Put listings and attempts, or decisions, into the store."""
    with Store(str(Path(config).parent / "db")) as store:
        for event in events:
            if isinstance(event, Decision):
                store.save_decision(event, event.made_at, event.by)
            else:
                store.add(event)


def listed(name: str, zone: str, code: str, address: str = "203.0.113.7", at: float = 100.0) -> Listing:
    """What `check` remembers."""
    return Listing(address, name, zone, "listed", (code,), scope="address", at=at)


def held(state: str, hours_ago: float) -> Decision:
    """A hold of the laptop."""
    made = now() - hours_ago * HOUR
    return Decision(
        "d1", LAPTOP, "sends mail", "policy", made, made + 1000 * HOUR, state, "unlisted release d1"
    )


ZEN = listed("spamhaus-zen", "zen.spamhaus.org", "127.0.0.4")
COP = listed("spamcop", "bl.spamcop.net", "127.0.0.2")


def plan(
    capsys: pytest.CaptureFixture[str], config: str, *words: str
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code and rows by list."""
    code = main(["delist", "--config", config, "--json", *words])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {row["list"]: row for row in rows}


def test_nothing_known(capsys: pytest.CaptureFixture[str], config: str) -> None:
    assert main(["delist", "--config", config]) == 3
    assert "try: unlisted check ADDR" in capsys.readouterr().err
    remember(config, ZEN)
    assert main(["delist", "--config", config, "--address", "203.0.113.8"]) == 3
    assert "try: unlisted check 203.0.113.8" in capsys.readouterr().err


def test_without_containment_the_gate_is_shut(capsys: pytest.CaptureFixture[str], config: str) -> None:
    remember(config, ZEN, COP)
    code, rows = plan(capsys, config)
    assert code == 1
    assert list(rows["spamhaus-zen"]) == FIELDS
    assert rows["spamhaus-zen"]["state"] == "wait"
    assert "no device has been found and held" in rows["spamhaus-zen"]["why_not_yet"]
    assert (rows["spamcop"]["state"], rows["spamcop"]["earliest"]) == ("countdown", None)
    assert main(["delist", "--config", config]) == 1
    out = capsys.readouterr().out
    assert "NOT YET" in out
    assert "unlisted find GATEWAY-LOG" in out.rstrip().splitlines()[-1]


def test_a_verified_hold_opens_it_after_a_day(capsys: pytest.CaptureFixture[str], config: str) -> None:
    remember(config, ZEN, COP, held("verified", 23))
    _, rows = plan(capsys, config)
    assert rows["spamhaus-zen"]["state"] == "wait"
    assert rows["spamhaus-zen"]["earliest"] == pytest.approx(now() + HOUR, abs=60)
    assert rows["spamcop"]["earliest"] == pytest.approx(now() + 5 * HOUR, abs=60)
    remember(config, held("verified", 25))
    code, rows = plan(capsys, config)
    assert code == 1
    assert rows["spamhaus-zen"]["state"] == "ready"
    assert "203.0.113.7" in rows["spamhaus-zen"]["text"]
    assert main(["delist", "--config", config]) == 1
    out = capsys.readouterr().out
    assert "ASK NOW" in out
    assert "https://check.spamhaus.org/" in out
    assert "    Address: 203.0.113.7" in out


def test_a_hold_that_nobody_saw_work_does_not(capsys: pytest.CaptureFixture[str], config: str) -> None:
    remember(config, ZEN, held("applied", 48))
    _, rows = plan(capsys, config)
    assert rows["spamhaus-zen"]["state"] == "wait"
    assert "not yet seen to work" in rows["spamhaus-zen"]["why_not_yet"]


def test_a_leak_starts_the_clock_again(capsys: pytest.CaptureFixture[str], config: str) -> None:
    def attempt(src: str, hours_ago: float, action: str) -> Attempt:
        return Attempt(
            now() - hours_ago * HOUR, IPv4Address(src), IPv4Address("198.51.100.9"), 25, action=action
        )

    remember(
        config,
        ZEN,
        held("verified", 48),
        attempt("192.168.1.2", 1, "pass"),
        attempt("192.168.1.9", 1, "block"),
    )
    assert plan(capsys, config)[1]["spamhaus-zen"]["state"] == "ready"
    remember(config, attempt("192.168.1.9", 2, "pass"))
    row = plan(capsys, config)[1]["spamhaus-zen"]
    assert row["state"] == "wait"
    assert row["earliest"] == pytest.approx(now() + 22 * HOUR, abs=60)


def test_the_person_s_word_counts(capsys: pytest.CaptureFixture[str], config: str) -> None:
    remember(config, ZEN)
    _, rows = plan(capsys, config, "--contained", "2026-01-02T03:04")
    assert rows["spamhaus-zen"]["state"] == "ready"
    assert "2026-01-02 03:04:00Z" in rows["spamhaus-zen"]["text"]


def test_what_is_clear_needs_nothing(capsys: pytest.CaptureFixture[str], config: str) -> None:
    remember(config, ZEN, Listing("203.0.113.7", "spamhaus-zen", "zen.spamhaus.org", "clear", at=200.0))
    code, rows = plan(capsys, config)
    assert code == 0
    assert rows["spamhaus-zen"]["state"] == "cleared"
    assert main(["delist", "--config", config]) == 0
    assert "nothing to ask" in capsys.readouterr().out


def test_one_address(capsys: pytest.CaptureFixture[str], config: str) -> None:
    remember(config, ZEN, listed("spamcop", "bl.spamcop.net", "127.0.0.2", "203.0.113.9"))
    assert set(plan(capsys, config, "--address", "203.0.113.9")[1]) == {"spamcop"}


def test_a_list_from_outside_the_catalogue(capsys: pytest.CaptureFixture[str], config: str) -> None:
    remember(config, listed("bl.example", "bl.example", "127.0.0.2"))
    assert plan(capsys, config)[1]["bl.example"]["state"] == "wait"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--contained", "yesterday"], "is no time"),
        (["--contained", "2999-01-01"], "lies in the future"),
        (["--address", "203.0.113"], "is no address"),
    ],
)
def test_wrong_words(capsys: pytest.CaptureFixture[str], config: str, words: list[str], says: str) -> None:
    assert main(["delist", "--config", config, *words]) == 2
    assert says in capsys.readouterr().err
