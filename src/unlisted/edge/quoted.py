"""The lines that convinced us, read again from their files."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import numpy as np

from unlisted.edge import tables
from unlisted.edge.blocks import LONGEST, Cut, head, known
from unlisted.edge.records import blocks
from unlisted.evidence import binary
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
    first = head(path, 16)
    if binary(first):
        return  # a record of it is no text
    if known(first) == "parquet":
        yield from tables.rows(path, numbers)
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
                yield number, block.buffer[start:stop][:LONGEST].rstrip(b"\r").decode("utf-8", "replace")
            if not left:
                return
    except Cut:
        return
