"""The command line: what was meant, exit codes, and a help that answers at once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unlisted import cli


def test_every_verb_has_a_line_of_help_and_its_own_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    page = capsys.readouterr().out
    for verb in cli.verbs():
        assert f"  {verb} " in page
        with pytest.raises(SystemExit) as stop:
            cli.main([verb, "--help"])
        assert stop.value.code == 0
        assert "--json" in capsys.readouterr().out


def test_no_words_is_wrong_use_and_shows_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "investigate FOLDER" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("chek", "unlisted check"),
        ("Explain", "unlisted explain"),
        ("invest", "investigate"),
        ("zzzz", "--help"),
    ],
)
def test_a_wrong_word_says_what_was_meant(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([word]) == 2
    assert meant in capsys.readouterr().err


def test_a_folder_in_the_place_of_a_verb_is_investigated(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["."]) == 2
    assert "unlisted investigate ." in capsys.readouterr().err


def test_a_wrong_option_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["check", "--jsno"])
    assert stop.value.code == 2
    assert "unlisted check --help" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    """The promise is 0.3 s; what would break it is an import."""
    script = (
        "import sys; from unlisted import cli; cli.main(['--help']);"
        "heavy = {'numpy', 'rich', 're2', 'polars', 'numba', 'asyncio'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", ["check", "explain", "find", "investigate"])
def test_what_everybody_needs_imports_nothing_that_only_linux_has(verb: str) -> None:
    script = (
        "import sys\n"
        "linux = ('pyroute2', 'resource', 'fcntl', 'unlisted.edge.kernel', 'unlisted.lab.network')\n"
        "class Elsewhere:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in linux:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Elsewhere())\n"
        "import socket; [delattr(socket, n) for n in ('AF_NETLINK',) if hasattr(socket, n)]\n"
        f"from unlisted import cli; sys.exit(cli.main(['{verb}', 'no-such-thing-here']) not in (2, 3))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["check", "--config", "/x\x1b[31m"], ["check", "x\x1b[31m"], ["\x1b[31m"]])
def test_what_was_typed_is_quoted_safely(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    err = capsys.readouterr().err
    assert "unlisted: " in err
    assert "\x1b" not in err


def test_a_hostile_option_is_quoted_safely(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["find", "--\x1b[31m", "x"])
    assert "\x1b" not in capsys.readouterr().err


def run(words: list[str], **more: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "unlisted", *words]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, check=False, **more)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "reply").write_text("550 5.1.1 no such user")
    with open("/dev/full", "w") as full:
        done = run(["explain", str(tmp_path / "reply")], stdout=full)
    assert done.returncode == 3
    assert done.stderr.splitlines() == ["unlisted: the answer: No space left on device"]


@pytest.mark.parametrize("words", [["explain"], ["explain", "--json"]])
def test_a_terminal_that_cannot_spell_it_gets_numbers(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "reply").write_text("550 5.1.1 no such user \u00fc\u2026", encoding="utf-8")
    (tmp_path / "reply").rename(tmp_path / "r\u00fcck")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    done = run([*words, str(tmp_path / "r\u00fcck")], stdout=subprocess.PIPE, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    if "--json" in words:
        assert json.loads(done.stdout)["source"] == str(tmp_path / "r\u00fcck")


@pytest.mark.parametrize(
    ("words", "redirect", "code"),
    [
        (["explain"], "<&-", 3),
        (["investigate", "--no-save", "examples/office"], ">&-", 1),
        (["--help"], ">/dev/full", 3),
        (["find", "nothing-there"], "2>&-", 2),
    ],
)
def test_closed_and_full_streams_are_no_traceback(words: list[str], redirect: str, code: int) -> None:
    command = f'exec "$0" -m unlisted {" ".join(words)} {redirect}'
    root = Path(__file__).parent.parent
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code


def test_a_table_whose_reader_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "unlisted", "investigate", "--no-save", "examples/office"],
        cwd=Path(__file__).parent.parent,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0
