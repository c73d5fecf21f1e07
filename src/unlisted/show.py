"""Facts to terminal: the answer on stdout, the talk on stderr, and nothing hostile on either.

Host names, log lines and replies come from strangers: everything shown goes through `clean`.
"""

import json
import re
import shutil
import sys
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from unlisted import codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from unlisted.page import Line

WIDEST = 110  # columns; longer lines are hard to read, however wide the screen
NARROWEST = 40
STYLES = {"title": "bold", "bad": "red", "good": "green", "dim": "dim", "command": "cyan", "plain": ""}

# Cc controls, Cf formatting (bidi, zero width), Cs surrogates, Zl and Zp line ends: all can lie on a screen.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# The same as characters (but private use), for text of any length: Unicode 16.0, UnicodeData.txt. JSON
# escapes those below U+0020 itself.
_LYING = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


def clean(text: str, limit: int = 500) -> str:
    """`text` made safe for a terminal: no controls, one line, at most `limit` characters."""
    cut = text[: limit + 1]
    shown = "".join(" " if c in "\t\r\n" else "�" if unicodedata.category(c) in _HIDDEN else c for c in cut)
    return shown if len(text) <= limit else shown[: limit - 1] + "…"


def emit(value: object) -> None:
    """One JSON line on stdout."""
    sys.stdout.write(line(value) + "\n")


def line(value: object) -> str:
    """`value` as JSON; what hides, and what stdout cannot spell, as its JSON escape."""
    text = codec.encode(value).decode()
    if not text.isascii() or "\x7f" in text:
        text = _LYING.sub(lambda found: json.dumps(found[0])[1:-1], text)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text))
    return text


def say(text: str) -> None:
    """One line of talk on stderr."""
    sys.stderr.write(text + "\n")


def talk(text: str) -> None:
    """Talk on stderr, as wide as the screen; on one line for programs."""
    say("\n".join(wrap(text, width(), hang=2)) if sys.stderr.isatty() else text)


# ---- as wide as the screen ------------------------------------------------------------------------

# A command that we name, with its options and what looks like an argument: made to be copied whole.
_COMMAND = re.compile(
    r"\b(?:unlisted [a-z]+|nc)(?= )(?: (?:--?[a-z-]+|[^\s]*[0-9A-Z/\[][^\s]*|[^\s]+\.[^\s]+))+"
)


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(NARROWEST, min(shutil.get_terminal_size((80, 24)).columns, WIDEST))


def cells(text: str) -> int:
    """Columns that `text` takes: East Asian letters take two, accents of their own none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def wrap(text: str, room: int, hang: int = 0) -> list[str]:
    """Rows of at most `room` columns, the later ones indented by `hang`.

    No word is broken, so that an address of a page can be copied: one longer than a row has it for itself.
    """
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", "\0"), text)
    done: list[str] = []
    row, used = "", 0
    for word in whole.split(" "):
        size = cells(word)
        if row.strip() and used + 1 + size > room:
            if word:
                done.append(row)
                row, used = " " * hang + word, hang + size
        else:
            row, used = (f"{row} {word}", used + 1 + size) if row or done else (word, size)
    return [one.rstrip().replace("\0", " ") for one in (*done, row)]


def rows(pieces: "Iterable[str]", room: int, hang: int = 4) -> list[str]:
    """Pieces beside each other as long as they fit, else each on rows of its own, indented by `hang`."""
    made: list[str] = []
    for piece in filter(None, pieces):
        if made and cells(made[-1]) + 2 + cells(piece) <= room:
            made[-1] += f"  {piece}"
        elif made:
            made += [" " * hang + row for row in wrap(piece, room - hang)]
        else:
            made += wrap(piece, room, hang)
    return made


def console(*, stderr: bool = False) -> "Console":
    """A terminal that takes text as it is: no markup, no emoji, no guessing of highlights.

    Rich obeys NO_COLOR and pipes; without a terminal it would guess 80 columns, so tables stay readable.
    """
    from rich import console as rich

    class Console(rich.Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # for `cli.main`, as from any other verb; Rich ends the program with 1

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=False)


def when(at: float | None) -> str:
    """A moment in UTC, to the second; "" for none, and for what no calendar holds."""
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return ""


def count(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: 1 device, 3 devices."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def page(lines: "Iterable[Line]") -> None:
    """Print lines with their indents; a wrapped line keeps its indent, a command stays whole."""
    out = console()
    for line in lines:
        margin = " " * line.indent
        if line.style == "title":
            out.print()
        if line.style == "command":
            out.print(margin + line.text, style=STYLES["command"], soft_wrap=True)
            continue
        room = max(NARROWEST, min(out.width, WIDEST)) - line.indent
        for row in wrap(line.text, room, line.hang):
            out.print(margin + row, style=STYLES[line.style], soft_wrap=True)
