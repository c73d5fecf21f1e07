"""Settings: the defaults touch nothing, and every mistake names file, path and mend."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from unlisted import cli, config
from unlisted.errors import ConfigError


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "unlisted.toml"
    path.write_text(text)
    return str(path)


def test_works_with_nothing_configured() -> None:
    settings = config.load()
    assert settings.policy == "observe"
    assert settings.own == ()


def test_reads_addresses_and_networks(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, 'own = ["203.0.113.5"]\ninside = ["147.32.0.0/16"]\n'))
    assert settings.own == (ip_address("203.0.113.5"),)
    assert settings.inside == (ip_network("147.32.0.0/16"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('polcy = "hold"', "unknown field `polcy`"),
        ('policy = "shoot"', "$.policy"),
        ('own = ["203.0.113"]', "$.own[0]"),
        ('senders = ["192.168.1.10", "the server"]', "$.senders[1]"),
        ("hold_hours = 0", "$.hold_hours"),
        ("hold_hours = ", "not TOML"),
        ("max_holds = -1", "$.max_holds"),
        ("warm_up = nan", "$.warm_up"),
        ("warm_up = inf", "$.warm_up"),
    ],
)
def test_a_mistake_names_file_path_and_mend(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        config.load(path)
    assert told in error.value.what
    assert path in error.value.what
    assert error.value.remedy


def test_addresses_and_macs_come_out_in_their_one_form(tmp_path: Path) -> None:
    text = 'senders = ["2001:DB8::0:2", "3C-5A-B4-00-00-01"]\nprotect = ["::ffff:192.168.1.9"]\n'
    settings = config.load(write(tmp_path, text))
    assert settings.senders == ("2001:db8::2", "3c:5a:b4:00:00:01")
    assert settings.protect == ("192.168.1.9",)


def test_a_file_named_by_the_environment_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLISTED_CONFIG", str(tmp_path / "typo.toml"))
    with pytest.raises(ConfigError, match=r"typo\.toml"):
        config.load()


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration"):
        config.load(str(tmp_path / "none.toml"))


def test_the_command_line_prints_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--config", write(tmp_path, 'polcy = "hold"')]) == 2
    told = capsys.readouterr().err
    assert "polcy" in told
    assert "Traceback" not in told
