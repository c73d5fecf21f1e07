"""A score as a picture: bars of characters for the terminal, and a page of SVG that needs nothing else.

Both say everything without color: the threshold is a labeled line, what tripped is marked and named.
"""

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

WIDEST = 6  # columns of one attempt in the terminal
POINTS = 1000  # drawn in one panel of the SVG; of more, the highest of each group
LETTERS = 100  # of a line of text in the SVG
WIDTH, HEIGHT = 760, 200  # of an SVG panel, pixels
LEFT, RIGHT, ABOVE, BELOW = 52, 16, 40, 34  # margins in it
_EIGHTHS = " ▁▂▃▄▅▆▇█"


class Series(NamedTuple):
    """A score after each of some attempts that follow each other."""

    title: str
    values: Sequence[float]
    threshold: float
    first: int  # the number of the first of these attempts
    tripped: int | None  # the number of the attempt at which it tripped, where it is one of these

    @property
    def last(self) -> int:
        """The number of the last of these attempts."""
        return self.first + len(self.values) - 1


def highest(values: Sequence[float], groups: int) -> list[float]:
    """At most `groups` values: of each stretch the highest."""
    if len(values) <= groups:
        return list(values)
    bounds = [i * len(values) // groups for i in range(groups + 1)]
    return [max(values[a:b]) for a, b in pairwise(bounds)]


# ---- terminal -------------------------------------------------------------------------------------


def terminal(series: Series, width: int, height: int = 8, *, plain: bool = False) -> list[str]:
    """Rows of at most `width` columns; `plain` keeps to ASCII. The threshold has a row of its own."""
    label = max(len(f"{series.threshold:.1f}"), len(f"{max(series.values):.1f}"))
    room = width - label - 2
    values = highest(series.values, room)
    cells = min(room, WIDEST * len(values))
    bars = [values[cell * len(values) // cells] for cell in range(cells)]
    top = max(*bars, series.threshold)
    below = max(1, int(height * series.threshold / top))  # rows up to the threshold; the scale is by it
    unit = max(series.threshold / below, top / (2 * height))  # however far over it
    above = -int(-(top - series.threshold) / unit // 1) if top > series.threshold else 0
    corner, side, line, full = ("+", "|", "-", "#") if plain else ("┼", "│", "─", "█")
    made = [series.title]
    for row in range(below + above - 1, -1, -1):
        filled = "".join(_cell(value / unit - row, plain=plain) for value in bars)
        named = f"{top:.1f}" if above and row == below + above - 1 else ""
        made.append(f"{named:>{label}} {side}{filled}".rstrip())
        if row == below:
            made.append(_limit(series, bars, label, (corner, line, full)))
    if not above:
        made.insert(1, _limit(series, bars, label, (corner, line, full)))
    made.append(f"{'0':>{label}} {corner}{line * len(bars)}")
    return made + _foot(series, label + 2, len(bars))


def _limit(series: Series, bars: Sequence[float], label: int, signs: tuple[str, str, str]) -> str:
    corner, line, full = signs
    cells = "".join(full if value >= series.threshold else line for value in bars)
    return f"{series.threshold:>{label}.1f} {corner}{cells}"


def _cell(part: float, *, plain: bool) -> str:
    """One character of a bar that fills `part` of it."""
    if plain:
        return "#" if part >= 0.5 else " "
    return _EIGHTHS[max(0, min(8, round(part * 8)))]


def _foot(series: Series, indent: int, cells: int) -> list[str]:
    """The numbers of the attempts, and where it tripped."""
    first, last = f"{series.first:,}", f"{series.last:,}"
    between = max(1, cells - len(first) - len(last))
    axis = (
        f"{' ' * indent}{first}{' ' * between}{last}"
        if series.last > series.first
        else f"{' ' * indent}{first}"
    )
    if series.tripped is None:
        return [axis]
    at, size = series.tripped - series.first, len(series.values)
    place = -(-at * cells // size) if size <= cells else ((at + 1) * cells - 1) // size  # its first column
    word = f"^ attempt {series.tripped:,} trips"
    mark = " " * (indent + place) + word
    if len(mark) > indent + max(cells, len(word)):  # no room to the right: the words go to the left of it
        mark = f"attempt {series.tripped:,} trips ^".rjust(indent + place + 1)
    return [axis, mark]


# ---- SVG ------------------------------------------------------------------------------------------

# Colors by rules, not by variables, which many viewers do not know; the dark ones overrule the light.
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1b1f24; } .title { font-size: 15px; font-weight: 600; }
.dim { fill: #59636e; } .paper { fill: #ffffff; } .axis { fill: none; stroke: #59636e; }
.score { fill: none; stroke: #0b57d0; stroke-width: 1.6; } .under { fill: #0b57d0; opacity: .15; }
.label { paint-order: stroke; stroke: #ffffff; stroke-width: 4; stroke-linejoin: round; }
.limit { stroke: #b3261e; stroke-dasharray: 6 4; } .trip { stroke: #1b1f24; stroke-dasharray: 2 3; }
@media (prefers-color-scheme: dark) {
text { fill: #e6e8eb; } .dim { fill: #9aa4af; } .paper { fill: #14171a; } .axis { stroke: #9aa4af; }
.label { stroke: #14171a; }
.score { stroke: #8ab4f8; } .under { fill: #8ab4f8; } .limit { stroke: #f2b8b5; } .trip { stroke: #e6e8eb; } }
"""


def svg(panels: Sequence[Series], title: str, words: Sequence[str]) -> str:
    """One panel under the other, with a heading and lines of text; everything is escaped."""
    head = 34 + 18 * len(words)
    height = head + len(panels) * HEIGHT + 8
    lines = "".join(
        f'<text class="dim" x="16" y="{46 + 18 * i}">{escape(_visible(line))}</text>\n'
        for i, line in enumerate(words)
    )
    drawn = "".join(_panel(one, head + i * HEIGHT) for i, one in enumerate(panels))
    told = escape(_visible(title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title">\n'
        f'<title id="title">{told}</title>\n<style>{_STYLE}</style>\n'
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>\n'
        f'<text class="title" x="16" y="26">{told}</text>\n{lines}{drawn}</svg>\n'
    )


def _visible(text: str) -> str:
    """Without the characters that XML 1.0 §2.2 forbids."""
    return "".join(
        c if c in "\t\n" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe" or c > "\uffff" else "�"
        for c in text
    )


def _panel(series: Series, y: int) -> str:
    values = highest(series.values, POINTS)
    peak = max(values)
    top = max(peak, series.threshold) * 1.08
    left, right = LEFT, WIDTH - RIGHT
    low, high = y + HEIGHT - BELOW, y + ABOVE
    step = (right - left) / len(values)

    def up(value: float) -> float:
        return round(low - (low - high) * value / top, 1)

    path, at = f"M{left} {up(0)}", float(left)
    for value in values:
        path += f"V{up(value)}H{round(at := at + step, 1)}"
    limit = up(series.threshold)
    parts = [
        f'<text x="16" y="{y + 16}">{escape(_visible(series.title))}</text>',
        f'<path class="under" d="{path}V{low}H{left}Z"/><path class="score" d="{path}"/>',
        f'<path class="axis" d="M{left} {high}V{low}H{right}"/>',
        f'<path class="limit" d="M{left} {limit}H{right}"/>',
        f'<text class="label" x="{right}" y="{limit - 4}" text-anchor="end">'
        f"threshold {series.threshold:.1f}</text>",
        f'<text class="dim" x="{left - 6}" y="{low + 4}" text-anchor="end">0</text>',
        f'<text class="dim" x="{left}" y="{low + 16}">attempt {series.first:,}</text>',
        f'<text class="dim" x="{right}" y="{low + 16}" text-anchor="end">{series.last:,}</text>',
    ]
    if low - up(peak) > 14:  # else it would lie on the 0
        parts.append(
            f'<text class="dim" x="{left - 6}" y="{up(peak) + 4}" text-anchor="end">{peak:.1f}</text>'
        )
    if series.tripped is not None:
        x = round(left + (right - left) * (series.tripped - series.first + 0.5) / len(series.values), 1)
        anchor = "start" if x < (left + right) / 2 else "end"
        parts += [
            f'<path class="trip" d="M{x} {high}V{low}"/>',
            f'<text x="{x + (5 if anchor == "start" else -5)}" y="{high - 2}" text-anchor="{anchor}">'
            f"attempt {series.tripped:,} trips</text>",
        ]
    return "\n".join(parts) + "\n"
