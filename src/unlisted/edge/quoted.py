"""The lines that convinced us, read again from their files."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import numpy as np

from unlisted.edge import tables
from unlisted.edge.blocks import BLOCK, LONGEST, Cut, head, known, piece, text, unpack
from unlisted.edge.records import blocks
from unlisted.evidence import Fact, Format, binary, facts
from unlisted.messages import Evidence


def quote(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The same with the lines' text, read again from their files; a file that is gone leaves it empty."""
    wanted = list(evidence)
    texts: dict[tuple[str, int], str] = {}
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for one in wanted:
        if one.line > 0 and not one.text:
            numbers[one.source].add(one.line)
    for source, lines in numbers.items():
        try:
            texts |= {(source, number): text for number, text in _lines(Path(source), sorted(lines))}
        except OSError:
            continue
    return tuple(
        msgspec.structs.replace(one, text=texts.get((one.source, one.line), one.text)) for one in wanted
    )


class Convinced(Protocol):
    """What carries evidence: a suspect, a candidate."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The lines that convinced us."""


T = TypeVar("T", bound=Convinced)


def quoted(many: Sequence[T]) -> list[T]:
    """The same with the text of their evidence; each file is read once for all of them."""
    texts = iter(quote(one for each in many for one in each.evidence))
    return [
        msgspec.structs.replace(each, evidence=tuple(islice(texts, len(each.evidence))))  # type: ignore[type-var]
        for each in many
    ]


def _lines(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    if not path.is_file() or not numbers:
        return
    first = head(path, 64)
    if known(first) == "parquet":
        yield from tables.rows(path, numbers)
        return
    if form := binary(first):
        yield from _records(path, form, frozenset(numbers))
        return
    left = deque(numbers)
    try:
        for block in blocks(path):
            end = block.first + block.lines
            if left[0] >= end:
                continue
            ends = np.flatnonzero(block.ends)
            while left and left[0] < end:
                number = left.popleft()
                place = number - block.first
                start = int(ends[place - 1]) + 1 if place else 0
                stop = int(ends[place]) if place < len(ends) else block.end
                yield number, text(block.buffer[start:stop][:LONGEST].rstrip(b"\r"))
            if not left:
                return
    except Cut:
        return


def _records(path: Path, form: Format, numbers: frozenset[int]) -> Iterator[tuple[int, str]]:
    """Records of a binary file, as one can read them."""
    if form.stream is None:
        return
    feed, left = form.stream(), len(numbers)
    with unpack(path) as file:
        data = b"x"
        while data and left > 0:
            data, _ = piece(file, BLOCK)
            for number, made in feed(data):
                if number in numbers:
                    left -= 1
                    yield number, "; ".join(_spelled(fact) for fact in facts(made))


def _spelled(fact: Fact) -> str:
    """A fact as `name=value`, its place left out."""
    told = msgspec.structs.asdict(fact)
    kind = type(fact).__name__.lower()
    return " ".join(
        [kind, *(f"{name}={value}" for name, value in told.items() if value not in ("", None, 0))]
    )
