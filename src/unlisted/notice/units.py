"""A text that is no mail, cut into units: each reply with what belongs to it.

A log line is one, a recipient with what follows him is one, a reply is one. What stands before a reply in its
paragraph goes with it, as does what follows up to the next.
"""

import re

import msgspec
from msgspec import Struct, field

from unlisted import evidence
from unlisted.messages import Delivery
from unlisted.notice import dialects
from unlisted.notice.dialects import plain

LINE = 16_384  # characters of one pasted reply or log line
LINES = 20_000
FRONT = 90  # characters of a log line in which its time stands
WRAPPED = 12  # lines into which one log line is broken

# A bullet or a number may stand before it.
_BARE = re.compile(
    r"[\s\"'`*\u2022\u2013-]{0,8}(?:[0-9]{1,2}[.)]\s{1,3})?[\"']?"
    r"([245][0-9]{2})(?:([ -])|$)(?!\d{3,}(?:\s|$))"
)
PAIR = re.compile(r"\b([45][0-9]{2})[ -]{1,2}\(?#?([45]\.[0-9]{1,3}\.[0-9]{1,3})\b")
# A code behind a word and a mark, "said: 554", "error '550"; behind a word alone it is a number in prose.
_AFTER = re.compile(
    r"(?:\w|[)\]>])[ \t]{0,2}(?::|[=(\"'«„“]|<<<)[ \t\"'(<„“]{0,4}"
    r"([45][0-9]{2})[ :-]{1,2}(?=[^\W\d]|[\[(#<*\"'])"
)
# The same where the word says that it is one.
_ERROR = re.compile(
    r"\b(?:(?:said|says|respon[a-z]{2,5}|repl(?:y|ied|ies)|return(?:s|ed)|reason|antwort[a-z]{0,5}|sagt[a-z]{0,2}|"
    r"schreibt|respuesta|réponse)[ \t]{0,2}[:=(\"'«„“]|"
    r"(?:errors?|erreur|fehler|code|smtp|status)[ \t:=(#\"'«„“])"
    r"[ \t:=(#\"'«„“]{0,4}([45][0-9]{2})[ :-]{1,2}(?=[^\W\d]|[\[(#<*\"'])",
    re.IGNORECASE,
)
_SHORT = re.compile(r"#([45]\.[0-9]{1,3}\.[0-9]{1,3})\b()|\bsmtp; ?([45][0-9]{2})[ -]")
# Postfix and Exim of what a receiver said. Never NOQUEUE: there our own server turns a stranger away.
_LOGGED = re.compile(r"\bstatus=(?:bounced|deferred|undeliverable) \(|\bSMTP error from remote mail server ")
# A step on the way: Postfix asks the next host, Exim tells the recipients in lines of their own.
_STEP = re.compile(
    r"\bpostfix[\w.-]{0,40}/(?:[\w-]{1,20}/)?(?:smtp|lmtp|relay)(?:\[[0-9]{1,9}\])?: "
    r"(?P<id>[0-9A-Za-z]{5,20}): (?P<words>host \S{1,300} (?:refused to talk to me|said): .*)|"
    r"(?:^|\s)(?P<exim>[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) H=\S.{0,300}?: "
    r"(?P<said>SMTP error from remote mail server .*)"
)
_NAMED = re.compile(r"(?:: |\s)([0-9A-Za-z-]{5,25})(?:: to=| (?:=>|->|>>|\*\*|==) )")
_EXIM = re.compile(rf"(?:\*\*|==) ({dialects.ADDRESS})[ :]")
# A row of a table that somebody kept: who, and what was said.
_ROW = re.compile(rf"[\s<*-]{{0,8}}+[\"']{{0,2}}?<?({dialects.ADDRESS})[>\"']{{0,2}}+[\s;,|-]{{1,8}}(?=\S)")
# Postfix's mailq(1): the reason in parentheses, its recipients on the lines below.
_QUEUED = re.compile(
    r"[ \t]{0,8}\(((?:host |connect to |lost connection|conversation with |delivery temp|mail for |"
    r"Host or domain|unable to |TLS |Server certificate).*)\)[ \t]*$"
)
# Sendmail logs all recipients of one delivery together: "to=<a@b.example>,<c@b.example>".
_TO = re.compile(rf"\bto=(<?{dialects.ADDRESS}>?(?:, ?<?{dialects.ADDRESS}>?){{0,99}})(?=[,\s]|$)")
_WHO = re.compile(dialects.ADDRESS)
_OWN_SERVER = re.compile(
    r"\bNOQUEUE: reject|: milter-reject: |"
    r"\bpostfix/(?:[a-z-]{1,20}/)?(?:smtpd|postscreen)\[[0-9]{1,9}\]: .{0,40}reject: |"
    r"\brejected (?:RCPT|EHLO|HELO|MAIL|connection)\b|\bruleset=check_|"
    # Exim after the text, OpenSMTPD's listener, rspamd, and Exchange's protocol log of what it says itself.
    r"> rejected (?:after DATA|during MIME ACL)\b|\bsmtp failed-command\b|"
    r"\brspamd_task_write_log\b|,>,\"?[45][0-9]{2}[ -]"
)
STAMP = re.compile(
    r"\W{0,2}(?:[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d|@4000[0-9a-f]{20})"
)
_RETURNED = re.compile(
    r"(?:received|return-path|dkim-signature|arc-[a-z-]{4,30}|authentication-results|message-id|mime-version|"
    r"from|to|cc|subject|date|reply-to|sender|references|in-reply-to|thread-[a-z]{4,8}|content-[a-z-]{4,30}|"
    r"x-[a-z0-9-]{2,60}|list-[a-z-]{2,30}):(?:\s|$)",
    re.IGNORECASE,
)
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,60}:(?:\s|$)|[ \t]|-{2,}")
_SESSION = re.compile(r"\s{0,4}(?:>>>|<<<)")


class Unit(Struct):
    """What belongs to one reply: whom it is about, and the lines."""

    recipient: str = ""
    lines: list[str] = field(default_factory=list)
    pair: tuple[str, str] = ("", "")  # code and status of its reply
    replied: bool = False
    plain: bool = False  # the reply stands at a line's front or behind a mark, not within a sentence
    logged: bool = False
    step: bool = False  # a log's line that names no recipient
    queued: bool = False  # of a queue's listing
    stamped: bool = False  # its line has a log's time at the front
    before: int = 0  # lines in front of the reply
    front: str = ""  # of a log's line, where its time stands
    loose: bool = False  # "Budget: 450 EUR" looks like it: only its words tell
    bare_pair: bool = False  # nothing but its code and status was said so far
    more: bool = False  # its last line announced another (RFC 5321 §4.2.1)

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)[:LINE]


def read(text: str) -> tuple[list[Unit], list[str]]:
    """The units of a text, and the lines in which our own server turned somebody away.

    These are none where the same server's log tells of deliveries too.
    """
    reader = _Reader()
    for line in text.split("\n")[:LINES]:
        reader.take(line[:LINE].rstrip())
    reader.steps()
    return _merged(reader.units), [] if reader.delivers else reader.turned_away


def replies(lines: list[str]) -> int:
    """How many replies begin in lines that nobody reads; of one of several lines its last."""
    count = 0
    for line in lines:
        bare = _BARE.match(line)
        count += bare[1][0] != "2" and bare[2] != "-" if bare else _shape(line[:LINE])
    return count


class _Reader:
    """Puts line after line into units."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.turned_away: list[str] = []
        self._formats = [(one.hint, one.reader()) for one in evidence.formats("maillogs")]
        self.delivers = False  # a log line tells of a delivery, whatever became of it
        self._steps: dict[str, Unit] = {}  # by message, the last of one of which no recipient was told yet
        self._told: set[str] = set()  # messages with a line for a recipient
        self._paragraph: list[str] = []  # its lines so far, when none of them opened a unit
        self._fresh = True  # at the front of a paragraph
        self._unclosed = 0  # lines that may still belong to the log line above
        self._returned = False  # among a returned message's headers

    def take(self, line: str) -> None:
        """The next line."""
        if not line.strip():
            self._end_paragraph()
            return
        if self._wrapped(line) or self._log(line) or self._queued(line) or self._skipped(line):
            return
        if led := plain.leads(line):
            self._open(Unit(led[0], [*([led[1]] if led[1] else [])]))
            if led[1]:
                self._saw(led[1], self.units[-1])
        else:
            self._prose(line)
        self._fresh = False

    def _wrapped(self, line: str) -> bool:
        """A terminal's or a mail program's line end in the middle of a log line."""
        if not self._unclosed or STAMP.match(line):
            self._unclosed = 0
            return False
        closed = line.endswith(")")
        self.units[-1].lines.append(line.removesuffix(")"))
        self._unclosed = 0 if closed else self._unclosed - 1
        return True

    def _queued(self, line: str) -> bool:
        """A message in a queue: why it waits, and for whom."""
        last = self.units[-1] if self.units else None
        if found := _QUEUED.match(line):
            self.units.append(Unit("", [found[1]], logged=True, queued=True, replied=True, plain=True))
        elif last and last.queued and (led := plain.leads(line.lstrip())) and not led[1]:
            if last.recipient:
                self.units.append(msgspec.structs.replace(last, recipient=led[0]))
            last.recipient = last.recipient or led[0]
        else:
            return False
        self._fresh = True
        return True

    def _log(self, line: str) -> bool:
        if _OWN_SERVER.search(line):
            self.turned_away.append(line)
        elif step := _STEP.search(line):
            self._step(step, line)
        elif units := _log_line(line, self._formats):
            self.delivers |= units[0].replied
            self._told |= {named[1] for named in [_NAMED.search(line)] if named}
            if units[0].lines:
                self.units += units
                self._unclosed = WRAPPED if _LOGGED.search(line) and not line.endswith(")") else 0
        else:
            return False
        self._paragraph, self._fresh = [], True
        return True

    def _step(self, step: re.Match[str], line: str) -> None:
        words, name = step["words"] or step["said"], step["id"] or step["exim"]
        self.delivers = True
        self._steps[name] = Unit(
            "", [words], logged=True, step=True, stamped=True, replied=True, plain=True, front=line[:FRONT]
        )

    def steps(self) -> None:
        """What a receiver said on the way counts where no line tells of the recipients."""
        self.units += [one for name, one in self._steps.items() if name not in self._told]

    def _skipped(self, line: str) -> bool:
        """A returned message's header is nobody's reply."""
        self._returned = bool(
            _RETURNED.match(line) or (self._returned and _FIELD.match(line) and not _shape(line))
        )
        return self._returned

    def _prose(self, line: str) -> None:
        unit = self.units[-1] if self.units and not self.units[-1].logged else None
        bare, shape, row = _BARE.match(line), _shape(line), _ROW.match(line)
        if unit and bare and _goes_on(unit, bare[1], _pair(line)[1]):
            unit.lines.append(line)
            unit.more = bare[2] == "-"
        elif not shape and not (bare and self._opens(bare)):
            self._add(line)
        elif unit and not self._paragraph and not row and self._continues(unit, line, bool(bare)):
            unit.lines.append(line)
            self._saw(line, unit)
        else:
            before, self._paragraph = self._paragraph, []
            whom, stamped = row[1] if row else "", bool(STAMP.match(line))
            self._open(Unit(whom, [*before, line], before=len(before), stamped=stamped))
            self._saw(line, self.units[-1])

    def _opens(self, bare: re.Match[str]) -> bool:
        """False for a number with which a line of prose happens to begin: "… in total\n554 EUR"."""
        announced = not self._paragraph or self._paragraph[-1].endswith(":")
        return self._fresh or bare[2] == "-" or (announced and bool(self.units or self._paragraph))

    def _continues(self, unit: Unit, line: str, bare: bool) -> bool:
        """True when a reply is the one that the unit waits for, or the same again."""
        if not unit.replied:
            return bool(unit.recipient)
        if _SESSION.match(line) or any(_SESSION.match(one) for one in unit.lines[-20:]):
            return True
        same = _pair(line) == unit.pair
        return not bare and bool(unit.recipient) and (same or not self._fresh)

    def _saw(self, line: str, unit: Unit) -> None:
        bare, shape = _BARE.match(line), _shape(line)
        if not (bare or shape) or unit.replied:
            return
        unit.replied = True
        unit.pair = _pair(line)
        pair = PAIR.search(line)
        unit.bare_pair = pair is not None and not line[pair.end() :].strip(" .'\")>")
        # Some write all lines of a reply into one: then its last line is in it.
        unit.more = bool(bare and bare[2] == "-" and f" {bare[1]} " not in line[bare.end() :])
        if not bare and pair:  # "remote server said: 550-5.7.1 …"
            unit.more = line[pair.end(1)] == "-" and f" {pair[1]} " not in line[pair.end() :]
        unit.plain = bool(bare) or bool(unit.recipient) or bool(_AFTER.search(line) or _led(line))
        unit.loose = not (bare or pair or _ERROR.search(line) or _SHORT.search(line))

    def _add(self, line: str) -> None:
        unit = self.units[-1] if self.units and not self.units[-1].logged else None
        announces = unit is not None and unit.replied and line.endswith(":")  # "GMX says:" below a reply
        if unit and not self._fresh and not self._paragraph and not announces:
            unit.lines.append(line)
        else:
            self._paragraph.append(line)

    def _open(self, unit: Unit) -> None:
        self._end_paragraph()
        self.units.append(unit)

    def _end_paragraph(self) -> None:
        """A paragraph without a reply goes with the one above it, unless it announces what follows."""
        lines, self._paragraph, self._fresh = self._paragraph, [], True
        if lines and self.units and not self.units[-1].logged and not lines[-1].endswith(":"):
            self.units[-1].lines += ["", *lines]
        elif lines and lines[-1].endswith(":"):
            self._paragraph = lines[-1:]


def _goes_on(unit: Unit, code: str, status: str) -> bool:
    """True when a line is the next one of the same reply."""
    return unit.more and code == unit.pair[0] and (not status or status == (unit.pair[1] or status))


def _led(line: str) -> bool:
    found = PAIR.search(line)
    return found is not None and line[: found.start()].rstrip(" \"'(<")[-1:] in (
        "",
        ":",
        ">",
        "-",
        "=",
        "\u201e",
    )


def _shape(line: str) -> bool:
    """True when a line holds what only a reply looks like; a number alone is none."""
    return bool(PAIR.search(line) or _AFTER.search(line) or _ERROR.search(line) or _SHORT.search(line))


def _pair(line: str) -> tuple[str, str]:
    if found := PAIR.search(line):
        return found[1], found[2]
    found = _AFTER.search(line) or _ERROR.search(line) or _BARE.match(line)
    if found:
        return found[1], ""
    found = _SHORT.search(line)
    return ((found[3] or ""), (found[1] or "")) if found else ("", "")


def _log_line(line: str, formats: list[tuple[str, evidence.Parse]]) -> list[Unit]:
    """A mail server's log line, a unit for each recipient; one without lines where it tells of no refusal."""
    logged = _LOGGED.search(line)
    stamped = bool(STAMP.match(line))
    led = _EXIM.search(line)
    if logged and (led or logged[0].endswith("(")):
        end = logged.end() if logged[0].endswith("(") else logged.start()
        words = line[end:].strip().removesuffix(")") if logged[0].endswith("(") else line[end:]
        return _for_each(_to(line[: logged.start()]) or ([led[1]] if led else [""]), words, line, stamped)
    if not stamped:
        return []
    for hint, parse in formats:
        made = parse(line, 0.0) if hint in line else None
        if made is None:
            continue
        told = [one for one in (made if isinstance(made, tuple) else (made,)) if isinstance(one, Delivery)]
        refused = [one for one in told if one.status in ("bounced", "deferred")]
        units = [unit for one in refused for unit in _for_each([one.recipient], one.text, line, stamped)]
        return units or [Unit(logged=True, replied=bool(told))]
    return []


def _to(line: str) -> list[str]:
    """Who a log line says the delivery was for."""
    return list(dict.fromkeys(who[0] for group in _TO.finditer(line) for who in _WHO.finditer(group[1])))


def _for_each(whom: list[str], words: str, line: str, stamped: bool) -> list[Unit]:
    return [
        Unit(who, [words], logged=True, stamped=stamped, replied=True, plain=True, front=line[:FRONT])
        for who in whom
    ]


def _merged(units: list[Unit]) -> list[Unit]:
    """A recipient who is named twice, first in words for people and then with the reply, is one."""
    merged: list[Unit] = []
    latest: dict[str, Unit] = {}
    for unit in units:
        last = merged[-1] if merged else None
        if last and last.bare_pair and not last.logged and last.pair == unit.pair and not unit.recipient:
            last.lines += unit.lines  # "Status code: 550 5.7.1" above, the words below
            last.bare_pair = unit.bare_pair
            continue
        name = unit.recipient.lower()
        first = latest.get(name) if name and not unit.logged else None
        if first and (not first.replied or not unit.replied or first.pair == unit.pair):
            first.lines += unit.lines
            if unit.replied and not first.replied:
                first.replied, first.pair, first.plain = True, unit.pair, unit.plain
            continue
        merged.append(unit)
        if not unit.logged:
            latest[name] = unit
    return merged
