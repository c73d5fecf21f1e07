"""Tables through Polars: Parquet, and large text with named columns; only the columns and rows that are
needed.

The filter on the mail ports is pushed down to the file, what passes it comes in batches, and `vectors.py`
reads a batch at once. Tables whose program has a reader of its own (AWS, Zeek), and questions about an
address on whatever port, take that reader for the rows that pass. Polars comes with `pip install
'unlisted[bulk]'`; without it text is read line by line, to the same end.
"""

import importlib.util
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from unlisted.edge.blocks import Block
from unlisted.edge.vectors import PARTS, ROW, Vectors, rows_of
from unlisted.evidence import Parse, Parsed
from unlisted.evidence.flows import aws_vpc, zeek_conn, zeek_smtp
from unlisted.evidence.flows.argus import Table
from unlisted.evidence.flows.columns import PORTS, Layout, layout
from unlisted.evidence.flows.halves import Rows
from unlisted.evidence.framing import zone_said
from unlisted.find.columns import Flows, join
from unlisted.net import MAIL_PORTS, Address

if TYPE_CHECKING:
    import polars as pl

BATCH = 200_000  # rows handed over at once
_DEEP = 4  # levels of nested columns
_OWN = (aws_vpc.rows, zeek_conn.rows, zeek_smtp.rows)


class Account(Protocol):
    """What a reading tells of a table."""

    path: str
    kind: str
    kinds: tuple[str, ...]
    format: str
    trouble: str
    lines: int
    understood: int
    other: int
    unknown: int
    assumed: tuple[str, ...]
    flows: Flows | None


class Keeper(Protocol):
    """Takes the rows of a table one by one."""

    packets: bool

    @property
    def reading(self) -> Account: ...
    @property
    def about(self) -> frozenset[Address]: ...
    @property
    def port(self) -> int: ...
    def read(self, made: Parsed, number: int, line: str, /) -> None: ...
    def finish(self) -> None: ...


def read(path: Path, keeper: Keeper, near: float) -> None:
    """Read a Parquet file."""
    reading = keeper.reading
    try:
        import polars as pl
    except ImportError:
        reading.trouble = "a Parquet table, and Polars, which reads it, is not installed (unlisted[bulk])"
        return
    try:
        table = pl.scan_parquet(path)
        columns = dict(_leaves(table.collect_schema()))
        where = layout(list(columns))
        if where is None:
            reading.trouble = "a Parquet table without columns for time, source, destination and port"
            return
        reading.kind = reading.format = "parquet"
        reading.kind, reading.kinds = "flows", ("flows",)
        reading.lines = int(table.select(pl.len()).collect().item())
        _Parquet(table, columns, where, keeper).run(near)
    except (pl.exceptions.PolarsError, OSError) as error:
        told = str(error).splitlines() or [type(error).__name__]
        reading.trouble = f"a Parquet table that cannot be read: {told[0][:200]}"


def _leaves(
    schema: "pl.Schema",
    front: "pl.Expr | None" = None,
    name: str = "",
    level: int = 0,
) -> "Iterator[tuple[str, pl.Expr]]":
    """Each column by its name, those inside of others by their path: `jsonPayload.connection.src_ip`."""
    import polars as pl

    for own, kind in schema.items():
        here = pl.col(own) if front is None else front.struct.field(own)
        path = f"{name}.{own}" if name else own
        if isinstance(kind, pl.Struct) and level < _DEEP:
            yield from _leaves(pl.Schema(kind.to_schema()), here, path, level + 1)
        else:
            yield path, here


class _Parquet:
    """One file, and how it is read."""

    def __init__(
        self, table: "pl.LazyFrame", columns: "dict[str, pl.Expr]", where: Layout, keeper: Keeper
    ) -> None:
        self._table, self._columns, self._where, self._keeper = table, columns, where, keeper
        self._names = list(columns)

    def run(self, near: float) -> None:
        """Read it all."""
        one = next((made for own in _OWN if (made := own(self._names))), None)
        if one is None and not self._keeper.about:
            self._all(near)
        else:
            self._each(one or Rows(self._where).read, near)

    def _batches(self, chosen: "Sequence[pl.Expr]") -> "Iterator[pl.DataFrame]":
        import polars as pl

        query = self._table.with_row_index(ROW, offset=1).filter(self._wanted()).select(pl.col(ROW), *chosen)
        if hasattr(query, "collect_batches"):
            yield from query.collect_batches(
                chunk_size=BATCH, maintain_order=True, lazy=True, engine="streaming"
            )
        else:
            yield query.collect(engine="streaming")

    def _wanted(self) -> "pl.Expr":
        """Rows to or from a mail port, and those about an address on whatever port."""
        import polars as pl

        kinds = self._table.select(**self._columns).collect_schema()

        def on(place: int) -> "pl.Expr":
            name = self._names[place]
            if kinds[name].is_numeric():
                return self._columns[name].is_in(list(MAIL_PORTS))
            text = self._columns[name].cast(pl.String, strict=False).str.strip_chars().str.to_lowercase()
            return text.is_in(list(PORTS))

        keep = on(self._where.dport)
        if self._where.sport >= 0 and not self._where.both_ways:
            keep |= on(self._where.sport)
        if self._keeper.about:
            spelled = sorted(
                {text for one in self._keeper.about for text in (str(one), one.exploded, f"::ffff:{one}")}
            )
            for part in (
                self._where.src,
                self._where.src6,
                self._where.dst,
                self._where.dst6,
                self._where.nat,
            ):
                if part >= 0:
                    text = self._columns[self._names[part]].cast(pl.String, strict=False).str.to_lowercase()
                    keep |= text.is_in(spelled)
        if self._keeper.port and self._where.sport >= 0:
            text = self._columns[self._names[self._where.sport]].cast(pl.String, strict=False)
            keep |= text.str.strip_chars().is_in([str(self._keeper.port), f"{self._keeper.port}.0"])
        return keep.fill_null(value=False)

    def _all(self, near: float) -> None:
        """Many rows at once."""
        import polars as pl

        reading, where = self._keeper.reading, self._where
        chosen = []
        for part in PARTS:
            if (place := getattr(where, part)) >= 0:
                column = self._columns[self._names[place]]
                text = column.cast(pl.String, strict=False).str.strip_chars().fill_null("")
                chosen.append((column if part == "at" else text).alias(part))
        vectors = Vectors(reading.path, where, Rows(where), near)
        try:
            for frame in self._batches(chosen):
                if len(frame):
                    vectors.add(frame)
        finally:  # of a damaged file what came before
            reading.understood += vectors.good
            reading.unknown += vectors.bad
            reading.other += reading.lines - vectors.good - vectors.bad
            if vectors.unzoned:
                reading.assumed += (zone_said(),)
            reading.flows = vectors.flows()

    def _each(self, one: Callable[[Sequence[str], float], Parsed], near: float) -> None:
        """Row by row."""
        keeper, taken = self._keeper, 0
        chosen = [column.alias(name) for name, column in self._columns.items()]
        try:
            for frame in self._batches(chosen):
                numbers = frame[ROW].to_list()
                for number, values in zip(numbers, rows_of(frame, self._names), strict=True):
                    keeper.read(one(values, near), number, ",".join(values))
                taken += len(numbers)
        finally:
            keeper.reading.other += keeper.reading.lines - taken
            keeper.finish()


class Lines:
    """A large text table, block by block; a block that is not plain goes line by line."""

    SIZE = 16 << 20  # bytes of a block

    def __init__(self, path: str, table: Table, near: float) -> None:
        self._table, self._near = table, near
        self._places = {part: place for part in PARTS if (place := getattr(table.where, part)) >= 0}
        self._names = [f"c{place}" for place in range(len(table.names))]
        self.vectors = Vectors(path, table.where, table.rows, near)
        self._lines = 0

    def block(self, block: Block) -> bool:
        """Read whole lines; False when they are to be read one by one."""
        import polars as pl

        data = block.data
        if b'"' in data or b"#" in data or b"\r\r" in data or block.lines < 1000:
            return False
        try:
            frame = pl.read_csv(
                io.BytesIO(data), has_header=False, separator=self._table.separator, new_columns=self._names,
                schema=dict.fromkeys(self._names, pl.String), quote_char=None, encoding="utf8",
                columns=sorted({self._table.width - 1, *self._places.values()}),
            )  # fmt: skip
        except (pl.exceptions.PolarsError, ValueError):
            return False  # a line with more or fewer cells, or in another encoding
        if len(frame) != block.lines:
            return False
        where = self._table.where
        ports = [where.dport] + ([where.sport] if where.sport >= 0 and not where.both_ways else [])
        keep = pl.lit(value=False)
        for place in ports:
            keep |= pl.col(f"c{place}").str.strip_chars().str.to_lowercase().is_in(list(PORTS))
        last = pl.col(f"c{self._table.width - 1}")
        found = frame.with_row_index(ROW, offset=block.first).filter(keep & last.is_not_null())
        chosen = [
            pl.col(f"c{place}").str.strip_chars().fill_null("").alias(part)
            for part, place in self._places.items()
        ]
        if len(found):
            self.vectors.add(found.select(pl.col(ROW), *chosen))
        self._lines += block.lines
        return True

    def finish(self, reading: Account) -> None:
        """Adds what was found here to what was read line by line."""
        made = self.vectors
        reading.lines += self._lines
        reading.understood += made.good
        reading.unknown += made.bad
        reading.other += self._lines - made.good - made.bad
        found = [one for one in (reading.flows, made.flows()) if one is not None]
        if found:
            whole = join(found)
            reading.flows = whole._replace(
                file=whole.file * 0, files=whole.files[:1], packets=whole.packets[:1]
            )


def lines(path: str, parse: Parse, near: float) -> Lines | None:
    """What reads a large text table's blocks, by what reads its lines; None for others, or without Polars."""
    table = getattr(parse, "__self__", None)
    if not isinstance(table, Table) or importlib.util.find_spec("polars") is None:
        return None
    return Lines(path, table, near)


def rows(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Some rows as text, comma-separated, for quoting."""
    try:
        import polars as pl
    except ImportError:
        return
    try:
        table = pl.scan_parquet(path)
        columns = [column.alias(name) for name, column in _leaves(table.collect_schema())]
        frame = table.with_row_index(ROW, offset=1).filter(pl.col(ROW).is_in(list(numbers)))
        for row in frame.select(pl.col(ROW), *columns).collect(engine="streaming").iter_rows():
            yield int(row[0]), ",".join("" if cell is None else str(cell) for cell in row[1:])
    except (pl.exceptions.PolarsError, OSError):
        return
