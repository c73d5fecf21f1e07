"""The trip's state as bytes: the same comes back, and anything else is refused as a whole."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.find import saved, trip


def some() -> trip.State:
    """A state after thirty attempts of three devices."""
    rows = np.arange(30)
    ports = (rows % 3).astype(np.int8)
    attempts = trip.Attempts(
        (rows % 3).astype(np.int32), rows * 10_000_000, rows % 7 + 1, ports, ports, np.zeros(30, np.int8)
    )
    return trip.advance(trip.State.new(3), attempts, trip.load())[0]


def why(data: bytes) -> str:
    found = saved.load(data)
    assert isinstance(found, saved.Refused)
    return found.why


def test_what_was_saved_comes_back() -> None:
    for state in (some(), trip.State.new(0), trip.State.new(5)):
        back = saved.load(saved.dump(state))
        assert isinstance(back, trip.State)
        for ours, theirs in zip(state, back, strict=True):
            assert ours.dtype == theirs.dtype
            assert ours.shape == theirs.shape
            assert np.array_equal(ours, theirs)
        assert all(column.flags.writeable for column in back)


def test_a_bit_that_turned_is_seen_wherever_it_is() -> None:
    data = saved.dump(some())
    for place in range(len(data)):
        wrong = bytearray(data)
        wrong[place] ^= 1 << place % 8
        assert why(bytes(wrong))


def test_a_file_that_was_cut_or_has_more_behind_is_refused() -> None:
    data = saved.dump(some())
    for end in range(len(data)):
        assert why(data[:end])
    assert "digest" in why(data + b"\0")


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    assert why(data)
    assert why(saved.dump(trip.State.new(1))[:42] + data)


def sealed(head: bytes, body: bytes) -> bytes:
    return head + saved._digest(head, body) + body


def test_another_version_is_named() -> None:
    head = struct.pack("<14sHHQ", b"unlisted trip\n", 2, trip.SLOTS, 0)
    assert "format 2" in why(sealed(head, zlib.compress(b"")))
    head = struct.pack("<14sHHQ", b"unlisted trip\n", 1, 128, 0)
    assert "128 slots" in why(sealed(head, zlib.compress(b"")))


@pytest.mark.parametrize("devices", [0, 2, 10**6, 2**63])
def test_a_number_of_devices_that_does_not_fit_is_refused(devices: int) -> None:
    head = struct.pack("<14sHHQ", b"unlisted trip\n", 1, trip.SLOTS, devices)
    one = bytes(8 * 8 + 4 * trip.SLOTS)
    assert why(sealed(head, zlib.compress(one)))
    assert why(sealed(head, one))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("fast", -1),
        ("slow", 2**62),
        ("last", -2),
        ("counted", 2**61),
        ("tries", -1),
        ("fresh", 99),
        ("seen", -8),
    ],
)
def test_numbers_that_would_break_the_arithmetic_are_refused(column: str, value: int) -> None:
    state = some()
    getattr(state, column)[...] = value
    assert "never" in why(saved.dump(state))
