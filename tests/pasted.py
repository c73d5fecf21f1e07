"""Lists' pages for the tests: samples, what a reader of each would say, layouts of copy and paste."""

import json
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from unlisted.messages import Sighting

OURS, SINK = "203.0.113.5", "198.51.100.27"
SAMPLES = Path(__file__).parent / "samples" / "pages"
TEXTS = {path.stem: path.read_text() for path in sorted(SAMPLES.glob("*.txt"))}
CONNECTION, SINKHOLE, WINDOW = TEXTS["connection"], TEXTS["sinkhole"], TEXTS["window"]
HELO, TABLE = TEXTS["helo"], TEXTS["table"]
SPAMCOP, UCEPROTECT = TEXTS["spamcop"], TEXTS["uceprotect"]
FREE = ("kind", "since", "until", "notes", "quote")  # not in the samples' facts
TIMES = ("at", "expires_at")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _wanted(name: str) -> dict[str, Any]:
    read = json.loads((SAMPLES / f"{name}.json").read_text())
    return {key: at(value) if key in TIMES else value for key, value in read.items()}


TOLD = {name: _wanted(name) for name in TEXTS}


def facts(one: Sighting) -> dict[str, Any]:
    """What a page was read to say, without what it does not say."""
    had = {name: getattr(one, name) for name in one.__struct_fields__ if name not in FREE}
    said = {name: value for name, value in had.items() if value is False or value not in (None, "", (), 0)}
    return {name: str(value) if name in ("address", "dst") else value for name, value in said.items()}


def html(text: str) -> str:
    rows = "".join(
        f"<p class='a>b'>{escape(line).replace(' is ', ' <b>is</b> ')}</p>\n" for line in text.split("\n")
    )
    return (
        "<!DOCTYPE html>\n<!-- saved from url=(0021)https://list.example/ -->\n<html><head><title>A</title>"
        "<script>if (1 < 2) { document.write('<p>192.0.2.99</p>') }</script><style>p > a {}</style></head>\n"
        f"<body><div>&nbsp;<form><input value='192.0.2.98'></form></div>{rows}</body></html>"
    )


def squeezed(width: int) -> Callable[[str], str]:
    return lambda text: "\n".join(
        textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)
    )


LAYOUTS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "on one line": lambda text: " ".join(text.split()),
    "a word a line": lambda text: "\n".join(text.split()),
    "double spaces": lambda text: text.replace(" ", "\u00a0 "),
    "blank lines": lambda text: text.replace("\n", "\n\n \t\n"),
    "indented": lambda text: textwrap.indent(text, "\t   "),
    "quoted": lambda text: textwrap.indent(text, "> ", lambda _: True),
    "quoted twice": lambda text: textwrap.indent(text, ">> ", lambda _: True),
    "a list": lambda text: textwrap.indent(text, "- "),
    "hidden letters": lambda text: text.replace(" ", " \u200b").replace("CBL", "C\u00adBL"),
    "controls": lambda text: "\x1b[2J" + text.replace("\n", "\x00\n"),
    "German around it": lambda text: (
        f"Hallo,\nunsere Mails kommen zurück. Auf der Seite steht:\n\n{text}\nWas tun? Grüße, İnes\n"
    ),
    "Japanese around it": lambda text: f"次のページの内容です。\n{text}\nよろしくお願いします。\n",
    "HTML": html,
    "wrapped at 30": squeezed(30),
    "wrapped at 47": squeezed(47),
    "wrapped at 100": squeezed(100),
}
