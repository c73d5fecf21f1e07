"""What was told before: a retry of the same mail, a bounce that lies in two places, a line of the log that
came back as a bounce too. Each is one refusal, and is counted once.

The words of a reply change from try to try (times, ids of sessions); what they mean does not. Only the latest
KEPT refusals are remembered.
"""

from collections import OrderedDict
from typing import Literal

from unlisted.messages import Refusal

KEPT = 50_000  # refusals that are remembered
EACH = 64  # of one recipient that mean the same
QUEUED = (
    6 * 86_400.0
)  # seconds that a mail is tried (RFC 5321 §4.5.4.1: 4-5 days); then its id comes round again
APART = 15 * 3600.0  # seconds: a log without a zone is off by up to 14 h, a bounce comes some minutes later

Kind = Literal["mail", "log", "text"]
Again = Literal["", "same", "other"]


class Repeats:
    """Remembers the latest refusals as numbers, some hundred bytes each."""

    def __init__(self) -> None:
        self._same: OrderedDict[int, float | None] = OrderedDict()  # mail, recipient and meaning; told last
        self._refused: OrderedDict[int, None] = OrderedDict()  # message and recipient, as the log names them
        self._told: OrderedDict[int, list[tuple[float | None, set[Kind]]]] = OrderedDict()

    def again(self, one: Refusal, kind: Kind, message: str = "") -> Again:
        """How it was told before: "same" by this very message, "other" by a source of another kind, or not.

        `message`: queue id or message id, "" where nobody knows it.
        """
        meaning = (one.recipient.lower(), one.code, one.rule, one.list, one.cited_ip, one.verdict)
        if message:
            _remember(self._refused, hash((message, one.recipient.lower())))
            if self._tried(hash((message, meaning)), one.at):
                return "same"
        return "other" if one.recipient and self._elsewhere(hash(meaning), one.at, kind) else ""

    def _tried(self, key: int, at: float | None) -> bool:
        """True when this mail was told of before, and may still be the one that had this id then."""
        known = key in self._same
        then = self._same.pop(key, None)
        self._same[key] = then if at is None else at
        if len(self._same) > KEPT:
            self._same.popitem(last=False)
        return known and (then is None or at is None or abs(then - at) < QUEUED)

    def refused(self, recipient: str, message: str) -> bool:
        """True when this message to him was refused before: what arrives now is no other one."""
        return self._refused.pop(hash((message, recipient.lower())), 0) is None

    def _elsewhere(self, meaning: int, at: float | None, kind: Kind) -> bool:
        """True when a source of another kind told it; each of its refusals stands for one here."""
        told = self._told.setdefault(meaning, [])
        self._told.move_to_end(meaning)
        for then, kinds in told:
            if kind not in kinds and (then is None or at is None or abs(then - at) < APART):
                kinds.add(kind)
                return True
        told.append((at, {kind}))
        del told[:-EACH]
        if len(self._told) > KEPT:
            self._told.popitem(last=False)
        return False


def _remember(known: OrderedDict[int, None], key: int) -> bool:
    """Put it down; False when it was there."""
    if key in known:
        return False
    known[key] = None
    if len(known) > KEPT:
        known.popitem(last=False)
    return True
