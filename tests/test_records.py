"""Files that are one JSON document are read record by record, however they are laid out."""

import gzip
import io
import json
import tracemalloc
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unlisted.edge import records
from unlisted.edge.blocks import BLOCK, Cut
from unlisted.edge.records import Splitter, blocks, document

ROWS = [
    {"n": 1, "s": 'a "quoted" } ] { [ text\\', "u": "ü\u2028", "deep": {"list": [1, [2, {"x": "}"}]]}},
    {"n": 2, "events": "no array", "empty": {}, "none": []},
    {"n": 3, "big": 1766000000123456789, "f": 1.50},
]


def split(text: str | bytes, size: int = BLOCK) -> tuple[list[bytes], bool]:
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    splitter = Splitter(lambda _: (file.read(size), False))
    return list(splitter.records()), splitter.whole


def listed(path: Path) -> tuple[list[bytes], bool]:
    """Every record, and whether the document was damaged."""
    lines: list[bytes] = []
    try:
        for block in blocks(path):
            lines += block.data.splitlines()
    except Cut:
        return lines, True
    return lines, False


WRAPPED = {
    "array": ROWS,
    "records": {"records": ROWS},
    "api": {"total": 3, "rowCount": 3, "rows": ROWS},
    "kea": [{"result": 0, "text": "3 IPv4 lease(s) found.", "arguments": {"leases": ROWS}}],
    "cloudwatch": {"messageType": "DATA_MESSAGE", "logGroup": "x", "logEvents": ROWS},
    "elastic": {"took": 3, "_shards": {"total": 1}, "hits": {"total": {"value": 3}, "hits": ROWS}},
    "ubus": {"device": {"br-lan": {"leases": ROWS}}},
    "unifi": {"meta": {"rc": "ok"}, "data": ROWS},
    "dated": {"timestamp": "2026-11-24T00:00:00Z", "leases": ROWS},
}


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("size", [1, 7, BLOCK])
def test_records_of_every_layout(name: str, indent: int | str | None, size: int) -> None:
    text = json.dumps(WRAPPED[name], indent=indent, ensure_ascii=False)
    assert document(text.encode())
    found, whole = split(text, size)
    assert whole
    assert b"\n" not in b"".join(found)
    assert [one for one in map(json.loads, found) if "n" in one] == ROWS
    assert b'"f":1.5' in found[-1], "no space between the words"


def test_pretty_printed_objects_one_behind_the_other() -> None:
    text = "\n".join(json.dumps(row, indent=4) for row in ROWS)
    assert document(text.encode())
    assert [json.loads(one) for one in split(text, 5)[0]] == ROWS
    sequence = "".join(f"\x1e{json.dumps(row, indent=1)}\n" for row in ROWS)  # RFC 7464
    assert document(sequence.encode())
    assert [json.loads(one) for one in split(sequence)[0]] == ROWS


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1}\n{"a":2}\n',
        '{"timestamp":"2026-11-24T00:00:00Z","dns":{"answers":[{"rrname":"x"}]}}',
        '{"time":"2026-11-24T00:00:00Z","properties":{"flows":[{"rule":"x","flows":[{"mac":"0"}]}]}}',
        '{"ts":1.5,"data":[{"a":1}]}\n',
        '{"cut":"of\n{"a":2}\n{"a":3}\n',
        "[Tue Nov 24 00:06:26 2026] x",
        "[WAN_OUT-D-1] IN=eth0",
        "[ 12.5] x",
        "[1,2]",
        "{x} y",
        "",
    ],
)
def test_lines_stay_lines(text: str) -> None:
    assert not document(text.encode())


@pytest.mark.parametrize("indent", [None, 2])
def test_a_cut_off_document_is_read_as_far_as_it_goes(tmp_path: Path, indent: int | None) -> None:
    text = json.dumps({"records": ROWS}, indent=indent, ensure_ascii=False).encode()
    path = tmp_path / "x"
    for cut in range(len(text) - 1):
        path.write_bytes(text[:cut])
        if not document(text[:cut]):
            continue
        lines, damaged = listed(path)
        assert damaged
        good = []
        for line in lines:
            try:
                good.append(json.loads(line))
            except ValueError:
                assert line.endswith("…".encode())
        assert good == ROWS[: len(good)]
        assert len(good) >= sum(text[:cut].count(b'"n"') > number for number in range(1, 3))


def test_damage_in_the_middle_costs_one_record() -> None:
    rows = [json.dumps({"n": number, "in": {"a": [1, 2]}}, indent=1) for number in range(9)]
    for broken in (rows[4][:25], rows[4].replace('"n"', '"n'), rows[4].replace("]", "}"), rows[4][:-1]):
        for text in (
            "[" + ",\n".join([*rows[:4], broken, *rows[5:]]) + "]",
            "\n".join([*rows[:4], broken, *rows[5:]]),
        ):
            found, whole = split(text)
            assert not whole
            read = []
            for one in found:
                try:
                    read.append(json.loads(one).get("n"))
                except ValueError:
                    continue
            assert [n for n in read if n is not None and n != 4][:4] == [0, 1, 2, 3]
            assert [n for n in read if n is not None][-3:] == [6, 7, 8]


@given(
    data=st.binary(max_size=400), front=st.sampled_from([b"[{", b'{"records":[', b'{"a":\n', b"[\n{", b""])
)
def test_no_bytes_raise_and_pieces_do_not_matter(data: bytes, front: bytes) -> None:
    document(front + data)
    assert split(front + data, 3) == split(front + data)


@given(
    st.recursive(
        st.none() | st.integers(-(2**60), 2**60) | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_any_value_in_a_record_survives(value: object) -> None:
    assume(not any(name in json.dumps(value).lower() for name in records._ALWAYS))  # these hold records
    for indent in (None, 1):
        found, whole = split(json.dumps([{"time": value}, {"time": 1}], indent=indent))
        assert whole
        assert [json.loads(one) for one in found] == [{"time": value}, {"time": 1}]


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LONGEST", 1 << 20)
    path = tmp_path / "big.gz"
    row = msgspec.json.encode({"id": "x" * 200, "n": 1})
    endless = b'{"id":"' + b"y" * (6 << 20) + b'","n":2}'
    nested = b'{"a":[' + b'{"id":"zzzzzzzzzz"},' * 200_000 + b'{"n":3}]}'
    with gzip.open(path, "wb") as file:
        file.write(b'{"records":[' + b",".join([row] * 40_000 + [nested, row, endless]) + b"]}")
    assert all(block.longest == 1 << 20 for block in islice(blocks(path), 3))
    tracemalloc.start()
    lines, damaged = listed(path)
    lengths = [len(line) for line in lines]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert damaged, "a string longer than any record is no string"
    assert lengths[:40_000] == [len(row)] * 40_000
    assert lengths[40_000] < 300, "the front of a record that is too long"
    assert lengths[40_001] == len(row)
    assert peak < 32 << 20  # 9 MB of it are the lines themselves


def test_brackets_without_end_take_linear_time() -> None:
    found, whole = split(b'[{"a":' + b"[" * 200_000)
    assert not whole
    assert len(found) >= 1
    split(b'[{"a":"' + b"\\" * 2_000_000)
    split(b'[{"a":' + b'"' * 2_000_001)
