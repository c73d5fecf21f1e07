"""Asks many different questions of a resolver at once, and comes back by a deadline whatever it does."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from unlisted.edge.ask import Ask
from unlisted.edge.asker import WINDOW, Asker
from unlisted.edge.server import Server, parse, system
from unlisted.notice import packets
from unlisted.notice.dnsbl import Question
from unlisted.notice.packets import Answer

__all__ = ["Report", "Server", "look", "parse", "system"]

Follow: TypeAlias = Callable[[Question, Answer], Iterable[Question]]


class Report(Struct, frozen=True):
    """An answer for every question, and how the resolver behaved."""

    answers: dict[Question, Answer]
    sent: int = 0
    repeated: int = 0
    doubtful: int = 0  # packets that did not fit their question, never believed
    seconds: float = 0.0


def look(
    questions: Iterable[Question],
    servers: Sequence[Server],
    timeout: float,
    follow: Follow | None = None,
    window: int = WINDOW,
    pace: Callable[[Question], float] = lambda _: 0.0,
) -> Report:
    """Every question answered, or explained, within `timeout` seconds. The same question is asked once.

    `follow` hears of each answer when it comes, and names the questions that it raises; they are asked at
    once, not after the slowest. `pace`: how many seconds after the start a question may be sent.
    """
    began = time.monotonic()
    asked: dict[Question, None] = {}
    answers: dict[Question, Answer] = {}

    def asks(raised: Iterable[Question]) -> Iterator[Ask]:
        for question in raised:
            if question not in asked:
                asked[question] = None
                section = packets.question(question.name, question.qtype)
                why = "" if section else "no name that DNS can carry"
                yield Ask(section, question, None, why, packets.EDNS, due=began + pace(question))

    asker = Asker(servers, timeout, window=window)
    for told in asker.run(asks(questions)):
        for question, answer in told:
            answers[question] = answer
            if follow is not None:
                asker.more.extend(asks(follow(question, answer)))
    answers = {question: answers[question] for question in asked}
    spent = time.monotonic() - began
    return Report(answers, asker.sent, asker.repeated, asker.doubtful, spent)
