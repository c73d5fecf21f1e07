"""The lines that convinced us, read again from their files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from unlisted.edge import tables
from unlisted.edge.blocks import LONGEST, Cut, head, known
from unlisted.edge.records import blocks
from unlisted.messages import Evidence


def quote(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The same with the lines' text, read again from their files; a file that is gone leaves it empty."""
    wanted = list(evidence)
    texts: dict[tuple[str, int], str] = {}
    for source in Counter(one.source for one in wanted):
        numbers = sorted({one.line for one in wanted if one.source == source and not one.text})
        try:
            texts |= {(source, number): text for number, text in _lines(Path(source), numbers)}
        except OSError:
            continue
    return tuple(
        msgspec.structs.replace(one, text=texts.get((one.source, one.line), one.text)) for one in wanted
    )


def _lines(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    if not path.is_file() or not numbers:
        return
    if known(head(path, 16)) == "parquet":
        yield from tables.rows(path, numbers)
        return
    left = list(numbers)
    try:
        for block in blocks(path):
            end = block.first + block.lines
            if left[0] >= end:
                continue
            lines = block.data.split(b"\n")
            while left and left[0] < end:
                number = left.pop(0)
                text = lines[number - block.first][:LONGEST].rstrip(b"\r")
                yield number, text.decode("utf-8", "replace")
            if not left:
                return
    except Cut:
        return
