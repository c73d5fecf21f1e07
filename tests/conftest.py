"""What the tests share: the corpora, the programs, and whether the lab can be played here.

A test that needs something absent skips and names it. Under CI=true a missing program or a lab that
cannot run is a failure: the project's own files install what the tests drive.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def lacking(what: str) -> None:
    """Skip by name; fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the settings, tables or store of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "UNLISTED_ETC"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv("UNLISTED_CONFIG", raising=False)


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real inputs beside the project, or a skip that says so."""
    folder = Path(os.environ.get("UNLISTED_CORPORA", ROOT.parent / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip(f"no corpora at {folder} (set UNLISTED_CORPORA)")
    return folder


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """The path of a program that the test drives."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            lacking(f"the program {name} is not installed (make packages)")
        return str(path)

    return find


@pytest.fixture(scope="session")
def lab_ready() -> None:
    """The lab can be built here: root on Linux with namespaces and the programs that it drives."""
    from unlisted.lab import network

    if reason := network.possible():
        lacking(f"the lab cannot run: {reason}")
    if missing := network.missing():
        lacking(f"the lab needs {', '.join(missing)} (make packages)")
