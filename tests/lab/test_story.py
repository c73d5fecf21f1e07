"""The whole story in the real office, asserted on the running components and not on what was told of it."""

import json
from pathlib import Path

import pytest

from unlisted import cli
from unlisted.edge import mail
from unlisted.lab import places
from unlisted.messages import Refusal
from unlisted.notice import bounce

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evidence")


@pytest.fixture(scope="module")
def played(lab_ready: None, evidence: Path) -> dict[str, object]:
    """The story, with a look at the components at each beat that claims something."""
    from unlisted.lab import story
    from unlisted.lab.office_stage import OfficeStage

    seen: dict[str, object] = {"beats": []}
    with OfficeStage(seed=1, evidence=evidence, speed=1.0) as stage:
        office = stage.office

        def kernel_set(name: str) -> list[object]:
            done = office.gateway.run(["nft", "-j", "list", "set", "inet", "unlisted", name], timeout=10)
            found = [
                one["set"].get("elem", []) for one in json.loads(done.stdout)["nftables"] if "set" in one
            ]
            return [one for elements in found for one in elements]

        def look(beat: story.Beat) -> None:
            beats = seen["beats"]
            assert isinstance(beats, list)
            beats.append(beat)
            if beat.what == "lists" and "lists" not in seen:
                seen["lists"] = office.listed()
                seen["smtp"] = [entry.said for entry in office.arrivals("refused")]
            elif beat.what == "held" and "held" not in seen:
                seen["held"] = kernel_set("held_mac")
                seen["address"] = stage.laptop and stage.laptop.address
            elif beat.what == "release":
                seen["released"] = kernel_set("held_mac")
                seen["clear"] = office.listed()

        seen["well"] = story.play(stage, look)
    return seen


def test_it_ends_well(played: dict[str, object]) -> None:
    assert played["well"] is True


def test_five_lists_say_so_by_dns_and_all_let_go(played: dict[str, object]) -> None:
    listed, clear = played["lists"], played["clear"]
    assert isinstance(listed, dict)
    assert isinstance(clear, dict)
    assert sum(listed.values()) == len(listed) == 5
    assert sum(clear.values()) == 0


def test_one_filter_refuses_in_its_own_words(played: dict[str, object]) -> None:
    said = played["smtp"]
    assert isinstance(said, list)
    assert said
    assert all("messagelabs" in text.lower() for text in said)
    assert any(places.PUBLIC in text for text in said)


def test_the_kernel_held_the_laptop_and_nobody_else(played: dict[str, object]) -> None:
    held = json.dumps(played["held"])
    assert held.count(places.LAPTOP.mac) == 1
    assert len(played["held"]) == 1  # type: ignore[arg-type]
    assert played["released"] == []


def test_the_timeline_tells_what_was_measured(played: dict[str, object]) -> None:
    beats = played["beats"]
    assert isinstance(beats, list)
    told = {
        what: [beat.text for beat in beats if beat.what == what] for what in {beat.what for beat in beats}
    }
    assert places.LAPTOP.mac in told["named"][0]
    assert str(played["address"]) in told["named"][0]
    assert "LT-0417" in told["named"][0]
    assert told["held"][0].startswith("verified")
    assert told["held"][1].startswith("0 of its messages")
    assert all(text.endswith(": clean") for text in told["scan"])
    assert len(told["scan"]) == len(places.MACHINES)
    assert ", 0 refused" in told["mail"][-1]


def test_the_evidence_convicts_the_laptop(
    played: dict[str, object], evidence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["investigate", str(evidence), "--json", "--no-save"]) == 1
    case = json.loads(capsys.readouterr().out)
    rogues = [one for one in case["suspects"] if one["verdict"] == "rogue"]
    assert [one["device"]["mac"] for one in rogues] == [places.LAPTOP.mac]
    assert case["causes"][0]["cause"] == "lan_direct_to_mx_bot"
    assert len([one for one in case["listings"] if one["state"] == "listed"]) == 5


def test_the_bounces_are_real_and_speak_of_our_address(played: dict[str, object], evidence: Path) -> None:
    told: list[Refusal] = []
    for found in mail.messages(str(evidence / "bounces")):
        assert isinstance(found, mail.Message)
        told += bounce.refusals(found.raw, found.source)
    assert told
    assert {one.verdict for one in told} == {"our-address"}
    assert {one.vendor for one in told} == {"messagelabs"}
