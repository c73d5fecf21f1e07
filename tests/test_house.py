"""The house: who may import whom, and that its papers are true."""

import ast
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from unlisted import cli
from unlisted.config import Config

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "unlisted"
ROOMS = ("evidence", "notice", "diagnose", "find", "stop", "recover")
WAITS = {"asyncio", "socket", "subprocess", "time", "sqlite3", "pathlib", "threading", "select", "os"}
FACES = {"edge", "lab", "cli", "web", "fleet"}

PURE = sorted(path for room in ROOMS for path in (SOURCE / room).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_rooms_are_pure(path: Path) -> None:
    named = imports(path)
    assert not {name.split(".")[0] for name in named} & WAITS
    assert not {name.split(".")[1] for name in named if name.startswith("unlisted.")} & FACES
    assert not re.search(r"(?<![\w.])open\(", path.read_text(encoding="utf-8"))


def test_every_dependency_has_its_line_and_every_line_its_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    groups += project["dependency-groups"].values()
    wanted = {re.split(r"[<>=]", line)[0] for group in groups for line in group}
    page = (ROOT / "DEPENDENCIES.md").read_text()
    assert not {name for name in wanted if not re.search(rf"\b{re.escape(name)}\b", page)}


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    for field in msgspec.structs.fields(Config):
        assert f"`{field.name}`" in page, field.name


def test_every_verb_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for verb in cli.verbs():
        assert f"unlisted {verb}" in readme, verb


def test_every_table_entry_has_a_source_and_a_date() -> None:
    for path in sorted((SOURCE / "data").glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        for kind, entries in table.items():
            if kind not in ("list", "rule", "cause", "sign", "role", "filter"):
                continue
            for name, entry in entries.items():
                assert entry.get("source"), f"{path.name}: {kind}.{name}"
                assert re.fullmatch(r"20\d\d-\d\d-\d\d", entry.get("checked", "")), (
                    f"{path.name}: {kind}.{name}"
                )


def test_no_file_of_ours_speaks_of_one_machine() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *SOURCE.rglob("*.py")]:
        assert not re.search(r"/work/|/root/", path.read_text(encoding="utf-8")), path
