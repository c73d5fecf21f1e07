"""Parquet through Polars: only the columns needed, only the rows of the mail ports, and no row as an object.

Polars comes with `pip install 'unlisted[bulk]'`. Text tables need none of it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from unlisted import net
from unlisted.evidence.flows.columns import CLIENT_LEFT, PORTS, TCP, Layout, layout, outcome
from unlisted.evidence.framing import stamp
from unlisted.find.columns import OUTCOMES, Flows

if TYPE_CHECKING:
    import polars as pl

ROW = "__row__"  # our own column: the row's number in the file


class Account(Protocol):
    """What a reading tells of a table."""

    path: str
    kind: str
    format: str
    trouble: str
    lines: int
    understood: int
    other: int
    unknown: int
    assumed: tuple[str, ...]
    flows: Flows | None


def read(path: Path, reading: Account) -> None:
    """Fill `reading` from a Parquet file."""
    try:
        import polars as pl
    except ImportError:
        reading.trouble = "a Parquet table, and Polars, which reads it, is not installed (unlisted[bulk])"
        return
    try:
        table = pl.scan_parquet(path)
        names = table.collect_schema().names()
        where = layout(names)
        if where is None:
            reading.trouble = "a Parquet table without columns for time, source, destination and port"
            return
        reading.kind, reading.format = "flows", "parquet"
        reading.lines = int(table.select(pl.len()).collect().item())
        _fill(_narrow(table, names, where), reading)
    except (pl.exceptions.PolarsError, OSError) as error:
        reading.trouble = f"a Parquet table that cannot be read: {str(error).splitlines()[0][:200]}"


def _narrow(table: "pl.LazyFrame", names: Sequence[str], where: Layout) -> "pl.DataFrame":
    """The mail ports' rows with our names; the filter is pushed down to the file."""
    import polars as pl

    chosen = {
        part: names[position]
        for part in ("at", "src", "dst", "dport", "sport", "proto", "direction", "state", "mac")
        if (position := getattr(where, part)) >= 0
    }

    def text(part: str) -> "pl.Expr":
        return pl.col(chosen[part]).cast(pl.String, strict=False).str.strip_chars().fill_null("")

    keep = text("dport").is_in(list(PORTS))
    if "proto" in chosen:
        keep &= text("proto").is_in(list(TCP))
    if "direction" in chosen:
        keep &= text("direction").is_in(list(CLIENT_LEFT))
    wanted = [text(part).alias(part) for part in chosen if part != "at"]
    return (
        table.with_row_index(ROW)
        .filter(keep)
        .select(pl.col(ROW), pl.col(chosen["at"]).alias("at"), *wanted)
        .collect(engine="streaming")
    )


def _fill(frame: "pl.DataFrame", reading: Account) -> None:
    import polars as pl

    times, zone = _micros(frame["at"])
    addresses: dict[net.Address, int] = {}
    src = _coded(frame["src"], lambda text: _number(net.ip(text), addresses))
    dst = _coded(frame["dst"], lambda text: _number(net.ip(text), addresses))
    macs = {"": 0}
    empty = pl.Series([""]).new_from_index(0, len(frame))

    def column(name: str) -> "pl.Series":
        return frame[name] if name in frame.columns else empty

    mac = _coded(column("mac"), lambda text: macs.setdefault(net.mac(text), len(macs)))
    port = _coded(frame["dport"], lambda text: net.MAIL_PORTS.index(PORTS[text]))
    state = _coded(column("state"), lambda text: OUTCOMES.index(outcome(text)))
    sport = _coded(column("sport"), lambda text: int(text) if text.isdecimal() and len(text) < 6 else 0)
    good = (times >= 0) & (src >= 0) & (dst >= 0)
    found = int(good.sum())
    reading.understood += found
    reading.unknown += len(frame) - found
    reading.other += reading.lines - len(frame)
    if zone:
        reading.assumed += (zone,)
    if found:
        reading.flows = Flows(
            at=times[good],
            src=src[good],
            dst=dst[good],
            sport=sport[good],
            port=port[good].astype(np.int8),
            outcome=state[good].astype(np.int8),
            action=np.zeros(found, np.int8),
            mac=mac[good],
            file=np.zeros(found, np.int32),
            line=frame[ROW].to_numpy().astype(np.int64)[good] + 1,
            addresses=tuple(addresses),
            macs=tuple(macs),
            files=(reading.path,),
            packets=(False,),
        )


def _number(address: net.Address | None, known: dict[net.Address, int]) -> int:
    return -1 if address is None else known.setdefault(address, len(known))


class _Reads(Protocol):
    def __call__(self, text: str, /) -> int: ...


def _coded(series: "pl.Series", read_one: _Reads) -> npt.NDArray[np.int32]:
    """A text column as numbers: each distinct text is read once."""
    import polars as pl

    distinct = series.unique().sort()
    values = np.array([read_one(text) for text in distinct.to_list()] or [0], np.int32)
    codes = series.cast(pl.Enum(distinct)).to_physical().to_numpy()
    chosen: npt.NDArray[np.int32] = values[codes.astype(np.int64)]
    return chosen


def _micros(series: "pl.Series") -> tuple[npt.NDArray[np.int64], str]:
    """Microseconds since 1970 UTC, -1 where a time cannot be read; and what was assumed."""
    import polars as pl

    assumed = "no time zone in the times: taken as UTC"
    kind = series.dtype
    if isinstance(kind, pl.Datetime):
        made = series.dt.epoch("us").fill_null(-1).to_numpy().astype(np.int64)
        return made, "" if kind.time_zone else assumed
    if kind.is_numeric():
        return _epoch(series.cast(pl.Float64).fill_nan(-1.0).fill_null(-1.0).to_numpy()), ""
    text = series.cast(pl.String, strict=False).fill_null("")
    for pattern in ("%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"):
        parsed = text.str.to_datetime(pattern, strict=False, time_unit="us")
        if len(parsed) and parsed.null_count() * 2 < len(parsed):
            return parsed.dt.epoch("us").fill_null(-1).to_numpy().astype(np.int64), assumed
    stamps = [stamp(one + " ", 0.0) for one in text.to_list()]
    zoned = all(one is None or one.zone for one in stamps)
    values = [round(one.at * 1e6) if one is not None and one.year else -1 for one in stamps]
    return np.array(values, np.int64), "" if zoned else assumed


def _epoch(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Seconds, milli-, micro- or nanoseconds, told apart by their size (all later than 1973).

    By the middle one: a single broken row must not move the others.
    """
    good = values[np.isfinite(values) & (values > 0)]
    usual = float(np.median(good)) if len(good) else 0.0
    scale = 1e6 if usual < 1e11 else 1e3 if usual < 1e14 else 1.0 if usual < 1e17 else 1e-3
    scaled = np.where(np.isfinite(values), values, -1.0) * scale
    return np.where((scaled >= 0) & (scaled < 4e18), scaled, -1.0).round().astype(np.int64)


def rows(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Some rows as text, comma-separated, for quoting."""
    try:
        import polars as pl
    except ImportError:
        return
    try:
        frame = pl.scan_parquet(path).with_row_index(ROW, offset=1).filter(pl.col(ROW).is_in(list(numbers)))
        for row in frame.collect(engine="streaming").iter_rows():
            yield int(row[0]), ",".join("" if cell is None else str(cell) for cell in row[1:])
    except (pl.exceptions.PolarsError, OSError):
        return
