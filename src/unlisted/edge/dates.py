"""In which year times lie that tell none: by those that do, and by when the file was written."""

import email.utils
import re
from collections.abc import Iterable
from pathlib import Path
from statistics import median_low

from unlisted.edge.blocks import head, known, text, virtual
from unlisted.edge.lines import sample
from unlisted.evidence import binary
from unlisted.evidence.framing import BOOT_LIMIT, stamp

HALF_A_YEAR = 182.6 * 86_400  # seconds; the year nearest to a moment reaches this far after it
AHEAD = 86_400.0  # seconds by which another's clock, or zone, may be wrong


def placing(near: float | None, written: float) -> float:
    """The moment by which a file's times without a year are placed: none may lie after it was written.

    `written`: when it was last written to (Unix seconds); 1980 and before is what archives put there that
    know no time.
    """
    if written < 3.5e8:  # 1981
        return written if near is None else near
    latest = written + AHEAD - HALF_A_YEAR
    return latest if near is None else min(near, latest)


_DATE = re.compile(r"^Date:[ \t]*([^\r\n]{10,80})", re.MULTILINE | re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b|\b1\d{9}\b")


def nearest(found: Iterable[Path]) -> float | None:
    """The latest absolute time in these files, by which times without a year are placed; None for none.

    Absolute are times with a year, else dates of mails. A mail's date is a stranger's, and one bounce
    from 2038 must not carry the logs away with it: of these the middle one counts, and none from after
    its file was written.
    """
    times: list[float] = []
    dates: list[float] = []
    for path in found:
        written, mailed = _absolute(path)
        times += written
        dates += mailed
    return max(times, default=None) if times or not dates else median_low(dates)


def _absolute(path: Path) -> tuple[list[float], list[float]]:
    """The latest time that a log tells; the latest date of a mail. Either may be missing."""
    try:
        first = (
            head(path) if path.is_file() and not virtual(path) else b""
        )  # a pipe would never end, or never begin
        if not first or known(first) or binary(first):
            return [], []
        lines = sample(path, first)
        latest = path.stat().st_mtime + AHEAD
    except OSError:
        return [], []
    dates = [at for line in _DATE.findall(text(first[:8192])) if (at := _mail_date(line))]
    if dates:
        return [], [at for at in dates if at <= latest][:1]
    times = []
    for line in lines:
        if not _YEAR.search(line[:100]):
            continue
        made = stamp(line, 0.0)
        if made is not None and made.year and made.at > BOOT_LIMIT:
            times.append(made.at)
    return ([max(times)] if times else []), []


def _mail_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
