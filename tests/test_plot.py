"""Scores as pictures: what they show must be there without color, and nothing hostile may get in."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted import plot
from unlisted.plot import Series

SVG = "{http://www.w3.org/2000/svg}"
CLIMB = Series("fast score", [2.0 * n for n in range(1, 31)], 17.0, 101, 109)

scores = st.lists(st.floats(0, 1000, allow_nan=False), min_size=1, max_size=300)


def test_the_terminal_shows_threshold_peak_and_crossing() -> None:
    rows = plot.terminal(CLIMB, 80)
    assert rows[0] == "fast score"
    [limit] = [row for row in rows if row.startswith("17.0 ┼")]
    cells = limit.partition("┼")[2]
    assert cells.rstrip("█").strip("─") == ""
    crossing = cells.index("█")
    assert rows[-1].index("^") - limit.index("┼") - 1 == crossing, (
        "the mark stands below the first bar over it"
    )
    assert rows[-1].endswith("^ attempt 109 trips")
    assert rows[-2].split() == ["101", "130"]
    assert rows[1].startswith("60.0 │")


def test_a_score_below_its_threshold_leaves_the_line_whole() -> None:
    rows = plot.terminal(Series("slow score", [0.0, 3.0], 13.5, 1, None), 60)
    assert rows[1] == "13.5 ┼" + "─" * 12
    assert "trips" not in "".join(rows)


def test_plain_keeps_to_ascii_and_says_the_same() -> None:
    plain = plot.terminal(CLIMB, 80, plain=True)
    assert "".join(plain).isascii()
    [limit] = [row for row in plain if row.startswith("17.0 +")]
    [fine] = [row for row in plot.terminal(CLIMB, 80) if row.startswith("17.0 ┼")]
    assert limit.index("#") == fine.index("█")


def test_a_peak_of_one_attempt_is_not_lost_among_thousands() -> None:
    values = [0.0] * 5000
    values[4321] = 20.0
    rows = plot.terminal(Series("", values, 17.0, 1, 4322), 80)
    assert sum("█" in row for row in rows) > 1
    assert rows[-1].rstrip().endswith("attempt 4,322 trips ^")


@given(scores, st.floats(0.001, 1000), st.integers(40, 110), st.booleans(), st.booleans())
def test_any_scores_fit_the_terminal(
    values: list[float], threshold: float, width: int, plain: bool, tripped: bool
) -> None:
    series = Series("score", values, threshold, 1, len(values) if tripped else None)
    rows = plot.terminal(series, width, plain=plain)
    assert all(len(row) <= width for row in rows)
    assert len(rows) < 40


@given(scores, st.floats(0.001, 1000), st.text(max_size=20), st.text(max_size=20))
def test_any_words_and_scores_make_a_whole_svg(
    values: list[float], threshold: float, title: str, word: str
) -> None:
    made = plot.svg([Series(title, values, threshold, 1, 1)], title, [word])
    root = ET.fromstring(made.encode())
    assert root.tag == SVG + "svg"
    assert len(list(root.iter(SVG + "script"))) == 0


@pytest.mark.parametrize(
    "hostile", ["</text><script>x</script>", '"><image href="http://h/x"/>', "\x00\x1b&", "\ud800"]
)
def test_what_strangers_write_stays_text(hostile: str) -> None:
    made = plot.svg([CLIMB._replace(title=hostile)], hostile, [hostile])
    root = ET.fromstring(made.encode())
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {
        "svg",
        "title",
        "style",
        "rect",
        "text",
        "path",
    }
    assert "href" not in {name for one in root.iter() for name in one.attrib}


def test_the_svg_needs_nothing_else_and_says_what_it_shows() -> None:
    made = plot.svg([CLIMB], "192.168.50.9", ["rogue"])
    root = ET.fromstring(made)
    texts = [one.text for one in root.iter(SVG + "text")]
    assert {"192.168.50.9", "rogue", "fast score", "threshold 17.0", "attempt 109 trips"} <= set(texts)
    assert "url(" not in made
    assert "prefers-color-scheme: dark" in made
    assert root.find(SVG + "title") is not None
    classes = {str(one.get("class")) for one in root.iter(SVG + "path")}
    assert classes == {"under", "score", "axis", "limit", "trip"}


def test_many_attempts_make_no_large_file() -> None:
    made = plot.svg([Series("", [1.0, 2.0] * 500_000, 17.0, 1, None)], "", [])
    assert len(made) < 60_000


def test_the_threshold_can_be_read_where_the_curve_crosses_it() -> None:
    drawn = plot.svg([plot.Series("score", [1.0, 9.0, 17.0, 18.0, 30.0], 17.5, 1, 4)], "t", [])
    assert '<text class="label"' in drawn
    assert drawn.index('class="score" d=') < drawn.index('<text class="label"')  # it lies on the curve
    assert drawn.count(".label { ") == 2  # a rim in the color of the paper, light and dark
    assert "paint-order: stroke" in drawn
