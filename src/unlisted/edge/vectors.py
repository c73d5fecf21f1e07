"""Rows of a table as columns of attempts, many at once: what `columns.cells` does for one row.

Each distinct text is read once, by the same functions that read the lines of a text table; only times are
read by Polars, where it can. What depends on the rows before is asked of the same `Rows`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from unlisted import net
from unlisted.evidence.contact import port
from unlisted.evidence.flows.columns import (
    ACTIONS,
    EARLIEST,
    PORTS,
    Layout,
    address,
    card,
    flags,
    moment,
    number,
    outcome,
    server_left,
    tcp,
    told,
)  # fmt: skip
from unlisted.evidence.flows.halves import Rows
from unlisted.evidence.framing import east
from unlisted.find.columns import ACTIONS as TOLD
from unlisted.find.columns import OUTCOMES, Flows, stacked
from unlisted.net import Address

if TYPE_CHECKING:
    import polars as pl

ROW = "__row__"  # our own column: the number of the line or row, from 1
PARTS = (
    "at", "date", "src", "src6", "dst", "dst6", "sport", "dport", "proto", "direction", "state", "mac",
    "action", "flags", "packets", "back",
)  # fmt: skip
_KEPT = 500_000  # texts of addresses remembered
_COUNTS = 7  # packets; more tell no more (columns.told)
_PATTERNS = (
    "%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ",
)  # fmt: skip

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


class Vectors:
    """Takes frames of one table and keeps their attempts as columns."""

    def __init__(self, path: str, where: Layout, rows: Rows, near: float) -> None:
        self._path, self._where, self._rows, self._near = path, where, rows, near
        self._addresses: dict[Address, int] = {}
        self._hosted: dict[str, int] = {}  # by their text
        self._macs: dict[str, int] = {"": 0}
        self._parts: list[Flows] = []
        self._scale = 0.0  # of numeric times, told by the first ones
        self.unzoned = False
        self.good = self.bad = 0

    def add(self, frame: "pl.DataFrame") -> None:
        """Rows on mail ports, or from them; columns by the names of `PARTS`, all but the time as text."""
        made = self._read(frame)
        if made is not None:
            self._parts.append(made)

    def flows(self) -> Flows | None:
        """What was found."""
        if not self._parts:
            return None
        return stacked(self._parts)._replace(addresses=tuple(self._addresses), macs=tuple(self._macs))

    def _read(self, frame: "pl.DataFrame") -> Flows | None:
        times = self._times(frame)
        src, dst = self._hosts(frame, "src"), self._hosts(frame, "dst")
        dport, sport = self._coded(frame, "dport", _port), self._ports(frame, "sport")
        mail = np.isin(dport, net.MAIL_PORTS)
        ours = self._coded(frame, "proto", _is_tcp).astype(np.bool_)
        valid = (times >= 0) & (src >= 0) & (dst >= 0)
        self.bad += int((~valid & ours & mail).sum())
        shown = self._coded(frame, "flags", lambda text: _FLAGS[flags(text) or ""])
        state, packets = self._outcomes(frame, shown)
        if self._where.direction >= 0:
            valid &= ~self._coded(frame, "direction", server_left).astype(np.bool_)
        keep = valid & ours & mail
        line = frame[ROW].to_numpy().astype(np.int64)
        if not self._where.both_ways:
            keep &= (shown == 0) | (shown & _SYN > 0) | (state == OUTCOMES.index("refused"))
            self._join(valid & ours, keep, times, src, dst, sport, dport, shown, packets, state)
        self.good += int(keep.sum())
        if not keep.any():
            return None
        mac = self._coded(frame, "mac", lambda text: self._macs.setdefault(card(text), len(self._macs)))
        action = self._coded(frame, "action", lambda text: TOLD.index(ACTIONS.get(text.lower(), "")))
        places = np.zeros(max(net.MAIL_PORTS) + 1, np.int8)
        places[list(net.MAIL_PORTS)] = range(len(net.MAIL_PORTS))
        return Flows(
            at=times[keep], src=src[keep], dst=dst[keep], sport=sport[keep], port=places[dport[keep]],
            outcome=state[keep].astype(np.int8), action=action[keep].astype(np.int8), mac=mac[keep],
            file=np.zeros(int(keep.sum()), np.int32), line=line[keep], addresses=(), macs=(),
            files=(self._path,), packets=(False,),
        )  # fmt: skip

    def _join(
        self, halves: Bools, keep: Bools, times: npt.NDArray[np.int64], src: Ints, dst: Ints, sport: Ints,
        dport: Ints, shown: Ints, packets: Ints, state: Ints,
    ) -> None:  # fmt: skip
        """What the rows before tell of these, in their order; corrects `keep` and `state`."""
        back = halves & (dport > 1023) & np.isin(sport, net.MAIL_PORTS)
        ask = keep & (sport > 0) & ((state == 0) | (shown == 0))
        if not self._rows.joins and not back.any():
            ask[:] = False
        hosts = list(self._addresses)
        for row in np.flatnonzero(back | ask):
            at, flag = times[row] / 1e6, _SHOWN[int(shown[row])]
            one, other = hosts[src[row]], hosts[dst[row]]
            if back[row]:
                self._rows.answered(
                    (other, int(dport[row]), one, int(sport[row])), at, flag, int(packets[row])
                )
                continue
            again, how = self._rows.known((one, int(sport[row]), other, int(dport[row])), at, flag)
            keep[row] &= not again
            if how and not state[row]:
                state[row] = OUTCOMES.index(how)

    def _outcomes(self, frame: "pl.DataFrame", shown: Ints) -> tuple[Ints, Ints]:
        """How each connection went, by the recorder's word or by flags and counts; and the packets."""
        packets, back = (
            np.minimum(self._coded(frame, part, lambda text: min(number(text), 1 << 30)), _COUNTS)
            for part in ("packets", "back")
        )
        if self._where.state >= 0:
            return self._coded(frame, "state", lambda text: OUTCOMES.index(outcome(text))), packets
        key = (shown * (_COUNTS + 1) + packets) * (_COUNTS + 1) + back
        distinct, places = np.unique(key, return_inverse=True)
        made = []
        for one in distinct.tolist():
            rest, answers = divmod(one, _COUNTS + 1)
            code, asked = divmod(rest, _COUNTS + 1)
            made.append(OUTCOMES.index(told(_SHOWN[code], asked, answers)))
        return np.array(made, np.int32)[places.reshape(-1)] if made else key.astype(np.int32), packets

    def _hosts(self, frame: "pl.DataFrame", part: str) -> Ints:
        """Numbers of addresses, -1 for what is none."""
        import polars as pl

        if part + "6" in frame.columns:
            four, six = pl.col(part), pl.col(part + "6")
            empty = four.is_in(["", "0.0.0.0", "-"]) & (six != "") & (six != "::")  # noqa: S104 - no socket
            frame = frame.with_columns(pl.when(empty).then(six).otherwise(four).alias(part))

        return self._coded(frame, part, self._host)

    def _host(self, text: str) -> int:
        """The number of an address. The texts of a file repeat from batch to batch."""
        if (known := self._hosted.get(text)) is not None:
            return known
        if len(self._hosted) > _KEPT:
            self._hosted.clear()
        made = address(text)
        place = (
            -1 if made is None or not int(made) else self._addresses.setdefault(made, len(self._addresses))
        )
        self._hosted[text] = place
        return place

    def _ports(self, frame: "pl.DataFrame", part: str) -> Ints:
        """Numbers of ports; of a client's nearly every one is another."""
        import polars as pl

        if part not in frame.columns:
            return np.zeros(len(frame), np.int32)
        text = frame[part]
        plain = text.str.contains("^[0-9]{1,5}$")
        made = text.cast(pl.Int32, strict=False).fill_null(0).to_numpy()
        if plain.all():
            return np.where(made <= 65535, made, 0).astype(np.int32)
        return self._coded(frame, part, _port)

    def _coded(self, frame: "pl.DataFrame", part: str, read_one: Callable[[str], int]) -> Ints:
        """A text column as numbers: each distinct text is read once."""
        import polars as pl

        if part not in frame.columns:
            return np.full(len(frame), read_one(""), np.int32)
        series = frame[part]
        distinct = series.unique().sort()
        values = np.array([read_one(text.strip()) for text in distinct.to_list()] or [0], np.int32)
        codes = series.cast(pl.Enum(distinct)).to_physical().to_numpy()
        chosen: Ints = values[codes.astype(np.int64)]
        return chosen

    def _times(self, frame: "pl.DataFrame") -> npt.NDArray[np.int64]:
        """Microseconds since 1970 UTC, -1 where a time cannot be read."""
        import polars as pl

        series = frame["at"]
        kind = series.dtype
        if isinstance(kind, pl.Datetime):
            self.unzoned |= not kind.time_zone
            made = series.dt.epoch("us").fill_null(-1).to_numpy().astype(np.int64)
            return made if kind.time_zone else _local(made)
        if kind.is_numeric():
            return self._numbers(series)
        text = series.cast(pl.String, strict=False).fill_null("").str.strip_chars()
        if "date" in frame.columns:
            apart = ~text.str.contains("[-/]")
            text = pl.select(pl.when(apart).then(frame["date"] + " " + text).otherwise(text)).to_series()
        return self._spelled(text)

    def _numbers(self, series: "pl.Series") -> npt.NDArray[np.int64]:
        """Seconds, milli-, micro- or nanoseconds: one unit a table, so that no broken row moves others."""
        import polars as pl

        values = series.cast(pl.Float64).fill_nan(-1.0).fill_null(-1.0).to_numpy()
        values = np.where(np.isfinite(values), values, -1.0)
        positive = values[values > 0]
        if not self._scale and len(positive):
            usual = float(np.median(positive))
            self._scale = 1.0 if usual < 1e11 else 1e3 if usual < 1e14 else 1e6 if usual < 1e17 else 1e9
        scale = self._scale or 1.0
        if scale == 1e9 and series.dtype.is_integer():
            exact = series.cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
            return _bounded((exact + 500) // 1000)
        return _bounded(np.rint(values / scale * 1e6))

    def _spelled(self, text: "pl.Series") -> npt.NDArray[np.int64]:
        """Times as text: in a pattern that Polars knows, else each by itself."""
        made = np.full(len(text), -1, np.int64)
        if not len(text):
            return made
        for pattern in _PATTERNS:
            parsed = text.str.to_datetime(pattern, strict=False, time_unit="us", time_zone=None)
            if parsed.null_count() * 2 < len(parsed):
                self.unzoned |= not pattern.endswith("Z")
                made = parsed.dt.epoch("us").fill_null(-1).to_numpy().astype(np.int64)
                made = made if pattern.endswith("Z") else _local(made)
                break
        if (made < 0).all():
            made = _counted(text)
        left = np.flatnonzero(made < 0)
        for row, one in zip(left.tolist(), text.gather(left).to_list() if len(left) else (), strict=True):
            at = moment(one, self._near)
            made[row] = -1 if at is None else round(at * 1e6)
        return made


def _local(shown: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What clocks showed, in the zone that is assumed: zones change on the quarter of an hour."""
    quarters, where = np.unique(shown // QUARTER, return_inverse=True)
    ahead = np.array([round(east(float(one) * QUARTER / 1e6) * 1e6) for one in quarters], np.int64)
    return np.where(shown < 0, shown, shown - ahead[where]) if len(shown) else shown


QUARTER = 900_000_000  # microseconds


def _counted(text: "pl.Series") -> npt.NDArray[np.int64]:
    """Numbers as text, each of its own unit, as `columns.epoch` reads them; -1 for what is none."""
    import polars as pl

    plain = text.str.contains(r"^[0-9]{1,20}(\.[0-9]*)?$").to_numpy()
    values = text.cast(pl.Float64, strict=False).fill_null(-1.0).to_numpy()
    whole = text.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
    scale = np.select([values < 1e11, values < 1e14, values < 1e17], [1.0, 1e3, 1e6], 1e9)
    micros = _bounded(np.rint(values / scale * 1e6))
    exact = (scale == 1e9) & (whole > 0)
    return np.where(plain, np.where(exact, _bounded((whole + 500) // 1000), micros), -1)


_BITS = {"S": 1, "A": 2, "F": 4, "R": 8, "P": 16}
_SYN = _BITS["S"]
_SHOWN: dict[int, str | None] = {
    code: "".join(letter for letter, bit in _BITS.items() if code & bit) or None for code in range(32)
}
_FLAGS = {shown or "": code for code, shown in _SHOWN.items()}


def _port(text: str) -> int:
    plain = text.lower().removesuffix(".0")
    return port(plain) or PORTS.get(plain, 0)


def _is_tcp(text: str) -> int:
    return tcp(text.removesuffix(".0") or "tcp")


def _bounded(micros: "npt.NDArray[np.int64] | npt.NDArray[np.float64]") -> npt.NDArray[np.int64]:
    good = (micros >= EARLIEST * 1e6) & (micros < 4e18)
    return np.where(good, micros, -1).astype(np.int64)


def rows_of(frame: "pl.DataFrame", names: Sequence[str]) -> "list[tuple[str, ...]]":
    """A frame's rows as a text table would have them."""
    import polars as pl

    plain = frame.select(pl.col(name).cast(pl.String, strict=False).fill_null("") for name in names)
    return list(plain.iter_rows())
