"""Tables: strict, and a person's own are merged over ours."""

from pathlib import Path

import pytest
from msgspec import Struct

from unlisted import catalogue
from unlisted.errors import ConfigError
from unlisted.find.weights import Parameters


class Shape(Struct, forbid_unknown_fields=True):
    size: int


def test_an_unknown_key_is_an_error_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"shape.toml: .*`sise`"):
        catalogue.decode("sise = 3", Shape, "shape.toml")


def test_a_persons_own_values_win_and_the_rest_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLISTED_ETC", str(tmp_path))
    ours = catalogue.read("trip", Parameters)
    (tmp_path / "trip.toml").write_text("[fast]\ndrift = 3.0\n[fast.age]\nnew = 0.5\n")
    theirs = catalogue.read("trip", Parameters)
    assert theirs.fast.drift == 3.0
    assert (theirs.fast.age.known, theirs.fast.age.new) == (ours.fast.age.known, 0.5)
    assert theirs.fast.first == ours.fast.first


def test_a_broken_override_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNLISTED_ETC", str(tmp_path))
    (tmp_path / "trip.toml").write_text("ceiling = high\n")
    with pytest.raises(ConfigError, match=str(tmp_path)):
        catalogue.read("trip", Parameters)
