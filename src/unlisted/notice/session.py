"""Whose reply is whose in the transcript of a mail session that had several recipients.

sendmail 8.18 `deliver.c` and `savemail.c` write "... while talking to HOST:", each failed command behind
">>>", the reply behind "<<<", and in its own words "550 5.1.1 <user@host>... User unknown". RCPT names its
recipient; where commands were sent at once (RFC 2920) all replies stand below DATA, and the words name him.
"""

import re

from unlisted.notice.dialects import ADDRESS, TRANSCRIPT

MOST = 1000  # exchanges that are told apart, as many as recipients
ANYBODYS = 5  # exchanges that name nobody and are shown to each who has none of his own
LINES = 20_000
LONG = 40  # lines of one exchange; RFC 5321 sets no bound, Gmail's longest reply has six
_TALKING = re.compile(r"^[> \t]{0,6}\.{0,3} ?while talking to \[?([A-Za-z0-9_.:-]{1,255})", re.IGNORECASE)
_RCPT = re.compile(rf"RCPT[ _]TO:[ \t]{{0,4}}<?({ADDRESS})", re.IGNORECASE)
_NAMED = re.compile(rf"<({ADDRESS})>")
_OWN_WORDS = re.compile(
    rf"^[> \t]{{0,6}}[245][0-9]{{2}}[ \t](?:[245]\.[0-9]\.[0-9]{{1,3}}[ \t])?(?:<?({ADDRESS})>?\.\.\.)?"
)


class _Exchange:
    """A command that was refused, with the replies to it; `of`: the recipient, "" for anybody."""

    __slots__ = ("host", "lines", "of")

    def __init__(self, of: str, host: str, lines: list[str]) -> None:
        self.of, self.host, self.lines = of, host, lines

    def add(self, *more: str) -> None:
        if len(self.lines) < LONG:
            self.lines += more


def apart(text: str, people: list[str]) -> tuple[dict[str, str], str]:
    """What the transcript says of each of `people` (lower case), and the text without it.

    Who is not named in it gets what names nobody; ({}, text) where it says nothing of any of them.
    """
    if "<<<" not in text and "<--" not in text:
        return {}, text
    exchanges, rest = _read(text, frozenset(people))
    own: dict[str, list[_Exchange]] = {}
    by_domain: dict[str, list[_Exchange]] = {}
    unowned: list[_Exchange] = []
    for one in exchanges:
        if one.of:
            own.setdefault(one.of, []).append(one)
            continue
        unowned.append(one)
        labels = one.host.split(".")
        for start in range(max(0, len(labels) - 5), len(labels) - 1):
            by_domain.setdefault(".".join(labels[start:]), []).append(one)
    near = {name: found for name in people if (found := own.get(name) or by_domain.get(_domain(name)))}
    if not near:
        return {}, text
    taken = {id(one) for found in near.values() for one in found}
    left = _text([one for one in unowned if id(one) not in taken])
    return {name: _text(near[name]) if name in near else left for name in people}, rest


def _domain(name: str) -> str:
    return name.rpartition("@")[2]


def _text(exchanges: list[_Exchange]) -> str:
    return "\n".join([line for one in exchanges[:ANYBODYS] for line in one.lines])


def _read(text: str, people: frozenset[str]) -> tuple[list[_Exchange], str]:
    """The exchanges, and the text of the lines that belong to none."""
    reader = _Reader(people)
    lines = text.split("\n")
    others = [line for line in lines[:LINES] if not reader.takes(line)]
    return reader.found, "\n".join(others + lines[LINES:])


class _Reader:
    """Goes through a transcript line by line."""

    def __init__(self, people: frozenset[str]) -> None:
        self.people = people
        self.found: list[_Exchange] = []
        self.talking = self.command = self.code = ""  # the lines that hold now; the code that may go on
        self.last: _Exchange | None = None
        self.words: list[str] = []  # sendmail's own, which no line has given to anybody yet

    def takes(self, line: str) -> bool:
        """True when the line is of a transcript."""
        if len(self.found) >= MOST:
            return False
        if said := TRANSCRIPT.match(line):
            self.words = []
            self._said(line, said[2], answer=bool(said[1]))
        elif _TALKING.match(line):
            self.talking, self.command, self.code, self.last, self.words = line, "", "", None, []
        elif own := _OWN_WORDS.match(line):
            return self._own(line, self._one_of(own[1]))
        else:
            self.code, self.words = "", []
            return False
        return True

    def _said(self, line: str, words: str, *, answer: bool) -> None:
        code = words[:3] if answer else ""
        named = next(filter(None, map(self._one_of, _NAMED.findall(words))), "")
        if self.last and code and code == self.code and named in ("", self.last.of):
            self.last.add(line)
            return
        self.last, self.code = None, code
        if not answer:
            self.command = line
        elif code[:1] in ("4", "5") and code.isdigit():
            to = _RCPT.search(self.command)
            of = (self._one_of(to[1]) if to else "") or named
            host = _TALKING.match(self.talking)
            above = [one for one in (self.talking, self.command) if one]
            self.last = _Exchange(of, host[1].lower().rstrip(".:") if host else "", [*above, line])
            self.found.append(self.last)

    def _own(self, line: str, of: str) -> bool:
        """sendmail's own words below a reply: the line that names somebody says whose they all were."""
        self.code = ""
        last = self.last
        if not of:
            if last and not last.of:
                last.add(line)
            else:
                self.words = [*self.words[-LONG:], line]
            return bool(self.found or self.talking)
        if last and last.of in ("", of):
            last.of = of
            last.add(*self.words, line)
        elif last and not self.words and not _RCPT.search(self.command):  # one reply to several
            self.found.append(_Exchange(of, last.host, [*last.lines[:-1], line]))
        else:
            self.found.append(_Exchange(of, "", [*self.words, line]))
        self.words = []
        return True

    def _one_of(self, name: str | None) -> str:
        low = (name or "").rstrip(".").lower()
        return low if low in self.people else ""
