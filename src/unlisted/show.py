"""Facts to terminal: the answer on stdout, the talk on stderr, and nothing hostile on either.

Host names, log lines and replies come from strangers: everything shown goes through `clean`.
"""

import json
import re
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
    from textwrap import wrap

    out = console()
    for line in lines:
        margin = " " * line.indent
        if line.style == "title":
            out.print()
        if line.style == "command":
            out.print(margin + line.text, style=STYLES["command"], soft_wrap=True)
            continue
        room = max(40, min(out.width, WIDEST)) - line.indent
        rows = wrap(
            line.text, room, subsequent_indent=" " * line.hang, break_long_words=False, break_on_hyphens=False
        )
        for row in rows or [""]:
            out.print(margin + row, style=STYLES[line.style], soft_wrap=True)
