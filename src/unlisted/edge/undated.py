"""Log lines that somebody pasted without their dates: with one they are read as what they are.

A terminal's or a log viewer's columns leave out the time, and the host and the program with it. The date
that is put there stands for none: of such a line only whom it names and what was said to him is read.
Sources: Exim's specification §52.1, qmail-send(8), sendmail's op.ps §2.3, lines in tests/samples/opensmtpd.
"""

import re

from unlisted import evidence

SYSLOG = "Jan  1 00:00:00 host "
_EXIM = "2000-01-01 00:00:00 "
_QMAIL = "@400000003000000000000000 "  # TAI64N

_PROGRAM = re.compile(
    r"(?:[A-Za-z0-9.-]{1,253} )?(?=(?:postfix[\w-]{0,20}/[a-z/-]{1,30}|sendmail|sm-mta|smtpd|exim4?|qmail)"
    r"(?:\[[0-9]{1,10}\])?: )"
)
_MESSAGE = re.compile(
    r"[A-Za-z0-9]{6}-[A-Za-z0-9]{6,11}-[A-Za-z0-9]{2,4} (?:<=|=>|->|\*\*|==|H=|Completed|SMTP )"
)
_DELIVERY = re.compile(
    r"(?:new msg|end msg|info msg|bounce msg|starting delivery|delivery|status: local) [0-9]"
)
_QUEUED = re.compile(r"[A-Za-z0-9]{14,20}: (?:to|from)=")
_FATE = re.compile(r"[0-9a-f]{16} (?:mta|smtp) [a-z-]{1,20} ")


def dated(text: str) -> str:
    """The text with a date before each log line that has none, and that a reader knows when it has one."""
    readers = [(one.hint, one.parse) for one in evidence.formats("maillogs")]
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if front := _front(line):
            whole = front + line
            if any(hint in whole and parse(whole, 0.0) is not None for hint, parse in readers):
                lines[number] = whole
    return "\n".join(lines)


def _front(line: str) -> str:
    if found := _PROGRAM.match(line):
        return SYSLOG if not found[0] else SYSLOG.removesuffix("host ")
    if _MESSAGE.match(line):
        return _EXIM
    if _DELIVERY.match(line):
        return _QMAIL
    if _QUEUED.match(line):
        return SYSLOG + "sendmail[1]: "
    return SYSLOG + "smtpd[1]: " if _FATE.match(line) else ""
