"""Plain SVG: delays as cumulative shares, false alarms as marks on a logarithmic scale."""

import math
from collections.abc import Callable
from html import escape
from typing import NamedTuple

import numpy as np

from study import measure
from study.measure import Caught, Exposure
from study.traces import Floats

SHOWN = {measure.OURS: "#0b5cad", measure.TRW: "#c0392b", measure.TRW5: "#e59866", measure.TWENTY: "#7f8c8d"}
_PANEL_WIDTH, _PANEL_HEIGHT, _COLUMNS = 250, 150, 3
_MOST = 1000  # attempts shown
_ROW, _LEFT, _SCALE = 24, 190, 560
_LOWEST, _HIGHEST = -5, 5  # decades of alarms a device-year


class Point(NamedTuple):
    """Somewhere on the picture."""

    x: float
    y: float


def text(at: Point, words: str, *, size: int = 11, anchor: str = "start", color: str = "#222") -> str:
    """A line of text."""
    return (
        f'<text x="{at.x:.1f}" y="{at.y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{color}">'
        f"{escape(words)}</text>"
    )


def line(begin: Point, end: Point, color: str = "#ddd") -> str:
    """A straight line."""
    return f'<path d="M{begin.x:.1f} {begin.y:.1f}L{end.x:.1f} {end.y:.1f}" stroke="{color}" fill="none"/>'


def picture(width: float, height: float, title: str, parts: list[str]) -> str:
    """The whole file."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
            f' font-family="sans-serif"><title>{escape(title)}</title>',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def legend(at: Point) -> list[str]:
    """The detectors' colors."""
    parts = []
    for number, (name, color) in enumerate(SHOWN.items()):
        place = Point(at.x + 120 * number, at.y)
        parts.append(f'<rect x="{place.x:.1f}" y="{place.y - 8:.1f}" width="14" height="8" fill="{color}"/>')
        parts.append(text(Point(place.x + 20, place.y), name))
    return parts


def delays(families: list[Caught]) -> str:
    """One panel a family: the share of infected devices flagged by their n-th spam attempt."""
    rows = math.ceil(len(families) / _COLUMNS)
    parts = legend(Point(20, 20))
    for number, one in enumerate(families):
        corner = Point(
            20 + number % _COLUMNS * (_PANEL_WIDTH + 20), 40 + number // _COLUMNS * (_PANEL_HEIGHT + 50)
        )
        parts += _panel(corner, one)
    return picture(
        20 + _COLUMNS * (_PANEL_WIDTH + 20), 40 + rows * (_PANEL_HEIGHT + 50),
        "Share of infected devices flagged by their n-th spam attempt (synthetic)", parts,
    )  # fmt: skip


def _panel(corner: Point, one: Caught) -> list[str]:
    def place(attempts: float, share: float) -> Point:
        x = corner.x + math.log(attempts) / math.log(_MOST) * _PANEL_WIDTH
        return Point(x, corner.y + 16 + (1 - share) * _PANEL_HEIGHT)

    parts = [text(Point(corner.x, corner.y + 10), one.family.name)]
    for decade in range(4):
        parts.append(line(place(10**decade, 0), place(10**decade, 1)))
        below = place(10**decade, 0)
        parts.append(
            text(Point(below.x, below.y + 13), f"{10**decade:,}", size=9, anchor="middle", color="#666")
        )
    parts += [line(place(1, share), place(_MOST, share)) for share in (0, 0.5, 1)]
    for name, color in reversed(SHOWN.items()):
        parts.append(_curve(one.runs[name].attempts, place, color))
    return parts


def _curve(attempts: Floats, place: Callable[[float, float], Point], color: str) -> str:
    """Steps of the cumulative share; those that no eye tells apart are one."""
    values, counts = np.unique(attempts[attempts <= _MOST], return_counts=True)
    shares = np.cumsum(counts) / max(1, len(attempts))
    last = place(1, 0)
    path = [f"M{last.x:.0f} {last.y:.0f}"]
    for value, share in zip(values.tolist(), shares.tolist(), strict=True):
        spot = place(value, share)
        if spot.x - last.x >= 1 or share == shares[-1]:
            path.append(f"H{spot.x:.0f}V{spot.y:.0f}")
            last = spot
    end = place(_MOST, 0)
    return f'<path d="{"".join(path)}H{end.x:.0f}" stroke="{color}" stroke-width="1.6" fill="none"/>'


def accusations(roles: list[Exposure]) -> str:
    """One row a role: alarms a device-year; hollow where there was none, at the 95 % bound."""
    height = 70 + _ROW * len(roles)

    def place(rate: float, y: float) -> Point:
        decade = min(max(math.log10(rate), _LOWEST), _HIGHEST)
        return Point(_LEFT + (decade - _LOWEST) / (_HIGHEST - _LOWEST) * _SCALE, y)

    parts = legend(Point(20, 20))
    for decade in range(_LOWEST, _HIGHEST + 1):
        x = place(10.0**decade, 0).x
        parts.append(line(Point(x, 34), Point(x, height - 30), "#0b5cad" if decade == -3 else "#ddd"))
        parts.append(text(Point(x, height - 16), f"1e{decade}", size=9, anchor="middle", color="#666"))
    parts.append(
        text(
            Point(_LEFT, height - 3), "alarms a device-year; hollow: none, 95 % bound", size=10, color="#666"
        )
    )
    for number, one in enumerate(roles):
        y = 50 + _ROW * number
        parts.append(text(Point(_LEFT - 10, y + 4), one.role.name, anchor="end"))
        for shift, (name, color) in enumerate(SHOWN.items()):
            count = one.accused[name].alarms
            spot = place(max(count, 3 if not count else 0) / one.years, y - 6 + 4 * shift)
            fill = color if count else "#fff"
            parts.append(
                f'<circle cx="{spot.x:.1f}" cy="{spot.y:.1f}" r="3.2" fill="{fill}" stroke="{color}"/>'
            )
    return picture(_LEFT + _SCALE + 30, height, "False alarms by role, kernel alone (synthetic)", parts)
