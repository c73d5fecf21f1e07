"""The command line: `unlisted VERB [THING]`. A verb is a module in this folder; nothing registers it.

A verb module has `HELP` (one line), `arguments(parser)` and `run(args) -> exit code`, and imports
what is heavy inside `run`, so that `unlisted --help` stays fast.
Exit codes: 0 fine, 1 found, 2 wrong use, 3 could not tell, 4 not permitted.
"""

import argparse
import difflib
import io
import os
import pkgutil
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from unlisted import __version__
from unlisted.errors import UnlistedError

# The order of the incident; verbs that are not named here follow in the order of the alphabet.
ORDER = ("investigate", "check", "explain", "find", "watch", "hold", "release", "delist", "report")


class Parser(argparse.ArgumentParser):
    """argparse that says what was meant and keeps exit code 2."""

    monitored = False  # a monitor reads stdout and the exit code: 2 would be CRITICAL there

    def error(self, message: str) -> NoReturn:
        """One sentence and where to look; exit code 2."""
        if self.monitored:
            sys.exit(unsure(message))
        _complain(message, f"{self.prog} --help")
        sys.exit(2)


def verbs() -> list[str]:
    """Every verb that there is, in the order of the incident."""
    found = [info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")]
    return sorted(found, key=lambda verb: (ORDER.index(verb) if verb in ORDER else len(ORDER), verb))


def load(verb: str) -> ModuleType:
    """The module of one verb."""
    return import_module(f"{__name__}.{verb}")


def overview() -> str:
    """What `unlisted --help` prints."""
    lines = [
        "usage: unlisted VERB [THING] [--json]",
        "",
        "Your mail bounces because your public address is on blocklists: find out why,",
        "find the device that did it, hold it, prove it, get off the lists.",
        "",
        *(f"  {verb:<12} {load(verb).HELP}" for verb in verbs()),
        "",
        "Point it at what you have:  unlisted investigate FOLDER",
        "More on a verb:             unlisted VERB --help",
        "Exit codes: 0 fine, 1 something found, 2 wrong use, 3 could not tell, 4 not permitted",
    ]
    return "\n".join(lines) + "\n"


def parser(verb: str) -> Parser:
    """The parser of one verb, with what all verbs share."""
    module = load(verb)
    made = Parser(prog=f"unlisted {verb}", description=module.__doc__, allow_abbrev=False)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    module.arguments(made)
    made.add_argument("--json", action="store_true", help="JSON lines on stdout, for programs")
    made.add_argument("--config", metavar="FILE", help="settings (default: the usual places)")
    return made


def unknown(word: str) -> int:
    """Not a verb: say what was meant."""
    if os.path.exists(word):
        meant = f"unlisted investigate {shlex.quote(word)}"
    else:
        close = difflib.get_close_matches(word.lower(), verbs(), n=1, cutoff=0.5)
        meant = f"unlisted {close[0]}" if close else "unlisted --help"
    from unlisted import show

    show.say(f"unlisted: {word[:80]!r} is no verb of mine\n  did you mean: {show.clean(meant)}")
    return 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. Only bugs raise."""
    _whole_streams()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # we multiply no matrices: no idle threads for it
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
    except UnlistedError as error:
        _complain(error.what, error.remedy)
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("unlisted: stopped\n")
        return 130
    except BrokenPipeError:
        _forget_stdout()  # the reader went away (`| head`): not an error
        return 0
    except OSError as error:
        # No reader lets one through; what is left is the terminal's side: a full disk, a closed stdout.
        _complain(f"{error.filename or 'the answer'}: {error.strerror or error}", "")
        _forget_stdout()
        return 3
    return code


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        if words[1:] and words[1] in verbs():
            words = [words[1], "--help"]
        else:
            sys.stdout.write(overview())
            return 0 if words else 2
    if words[0] in ("-V", "--version"):
        sys.stdout.write(f"unlisted {__version__}\n")
        return 0
    if words[0] not in verbs():
        return unknown(words[0])
    module, made = load(words[0]), parser(words[0])
    made.monitored = getattr(module, "PLUGIN", "") in words[1:]
    code: int = module.run(_parsed(made, words[1:]))
    return code


def _parsed(made: Parser, words: list[str]) -> argparse.Namespace:
    """The words, options and names in any order."""
    try:
        return made.parse_intermixed_args(words)
    except TypeError:  # a verb with verbs of its own
        return made.parse_args(words)


def unsure(what: str) -> int:
    """The line of a Nagios or Icinga plugin that could not do its work; its exit code, UNKNOWN."""
    from unlisted import show

    sys.stdout.write(f"UNLISTED UNKNOWN - {show.clean(what).replace('|', '/')}\n")
    return 3


def _complain(what: str, remedy: str) -> None:
    """What is wrong and its mend, on stderr. Both may quote a file's name: nothing hostile gets through."""
    from unlisted import show

    show.say(
        f"unlisted: {show.clean(what, 1000)}" + (f"\n  try: {show.clean(remedy, 1000)}" if remedy else "")
    )


def _forget_stdout() -> None:
    """Python would complain once more at exit about what it could not write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _whole_streams() -> None:
    """No traceback for a stream that was closed before we began, or a terminal that cannot spell a letter."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - lives as long as we
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
