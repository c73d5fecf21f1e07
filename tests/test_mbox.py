"""Mails in one file: bounces written one behind the other, and mboxes whose "From " lines are odd."""

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.edge import mail, mbox

POST = b"From MAILER-DAEMON Thu Nov 19 10:00:00 2026\n"
NOTICE = (
    b"Return-Path: <>\nFrom: MAILER-DAEMON@relay.example.net\nSubject: failure notice\n\n"
    b"I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
    b"<b@example.org>:\n198.51.100.7 does not like recipient.\n"
    b"Remote host said: 550 5.1.1 User unknown\n\n--- Below this line is a copy of the message.\n\n"
)
MULTIPART = (
    b"Return-Path: <a@example.net>\nFrom: a@example.net\nSubject: x\n"
    b"Content-Type: multipart/alternative; boundary=abc\n\n"
    b"--abc\nContent-Type: text/plain\n\nhi\n--abc\nContent-Type: text/html\n\n<p>hi\n--abc--\n"
)
SHORT = MULTIPART.replace(b"hi\n--abc\nContent-Type: text/html\n\n", b"")
PLAIN = b"Return-Path: <a@example.net>\nFrom: a@example.net\nSubject: x\n\nA copy of the mail follows:\n"


def _split(raw: bytes, limit: int = mail.LIMIT) -> list[bytes]:
    return [one for one, _ in mbox.split(mbox.Rewound(b"", io.BytesIO(raw)), limit)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("between", [b"", b"\n", b"\n\n"])
@pytest.mark.parametrize("returned", [MULTIPART, SHORT, PLAIN])
def test_bounces_one_behind_the_other(returned: bytes, between: bytes, end: bytes) -> None:
    """Four of them were one mail where what they return ended in a boundary, or spoke of a copy."""
    raw = between.join([NOTICE + returned] * 4).replace(b"\n", end)
    assert [one.strip() for one in _split(raw)] == [(NOTICE + returned).replace(b"\n", end).strip()] * 4


@pytest.mark.parametrize("words", [b"copy of the message.", b"Original message:", b"The mail follows"])
def test_a_bounce_that_a_bounce_returns_is_no_second_mail(words: bytes) -> None:
    notice = NOTICE.replace(b"copy of the message.", words)
    raw = notice + notice + PLAIN
    assert _split(raw) == [raw]
    assert len(_split(raw + b"\n" + raw)) == 2


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_mbox_without_empty_lines_before_its_from_lines(end: bytes) -> None:
    one = (POST + NOTICE + MULTIPART).replace(b"\n", end)
    assert _split(one * 4) == [one] * 4


def test_a_from_line_that_begins_no_mail_is_text() -> None:
    dated = b"From a@example.net Thu Nov 19 10:00:00 2026\n"
    quoted = POST + NOTICE.rstrip() + b"\n" + dated + PLAIN  # what it returns, as sendmail returned it
    prose = POST + NOTICE + PLAIN + dated + b"nothing came.\n"
    for raw in (quoted, prose):
        assert _split(raw) == [raw]
        assert len(_split(raw + b"\n" + raw)) == 2


LINES = [
    b"a\n", b"\n", b" \n", b"to: x\n", b"From: postmaster\n", b"Return-Path: <>\n", b"--b\n", b"--b--\n",
    b"--abc--\n",
    b"From: MAILER-DAEMON\nSubject: x\n", b"copy of\n", b"y" * 90 + b"\n", POST, b"Content-Length: 60\n",
    b"From a@b.example Thu Nov 19 10:00:00 2026\n",
]  # fmt: skip


@given(
    st.lists(st.sampled_from(LINES), max_size=40),
    st.integers(1, 300),
    st.sampled_from([b"", POST]),
    st.sampled_from([b"\n", b"Content-Type: multipart/x; boundary=b\n\n"]),
    st.sampled_from([120, 10**6]),
)
def test_blocks_of_any_size_tell_the_same_and_nothing_is_lost(
    lines: list[bytes], block: int, post: bytes, head: bytes, limit: int
) -> None:
    raw = post + b"From: a@b.example\n" + head + b"".join(lines)
    found = []
    for size in (block, 1 << 18):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mbox, "BLOCK", size)
            patch.setattr(mbox, "AHEAD", 1000)
            found.append(list(mbox.split(mbox.Rewound(b"", io.BytesIO(raw)), limit)))
    assert found[0] == found[1]
    assert sum(len(one) + cut for one, cut in found[0]) == len(raw)


def test_what_is_quoted_is_unquoted_once() -> None:
    raw = POST + NOTICE + b">From here\n>>From there\n> From\n\n"
    (one,) = _split(raw)
    assert one.endswith(b"\nFrom here\n>From there\n> From\n\n")


@pytest.mark.parametrize("post", [b"", POST])
@pytest.mark.parametrize("block", [4096, 1 << 18])
def test_a_large_one_is_counted_and_hides_nothing(
    post: bytes, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "BLOCK", block)
    large = post + NOTICE + PLAIN + (b"y" * 70 + b"\n") * 30_000 + b"\n"
    found = list(mbox.split(mbox.Rewound(b"", io.BytesIO(large + post + NOTICE + PLAIN)), 100_000))
    assert found == [(large[:100_000], len(large) - 100_000), (post + NOTICE + PLAIN, 0)]


@pytest.mark.parametrize(
    "unit", [b"x" * 60 + b"\n", b"\nto: b\n c\n", POST, b"to: a\n", b"--b--\nto: a\n c\n"]
)
@pytest.mark.parametrize("post", [b"", POST])
def test_large_messages_cost_no_more_than_their_length(post: bytes, unit: bytes) -> None:
    """What was kept of a large message was copied with each block that came behind it."""
    raw = post + NOTICE + PLAIN + unit * (12_000_000 // len(unit))
    started = time.process_time()
    assert sum(
        len(one) + cut for one, cut in mbox.split(mbox.Rewound(b"", io.BytesIO(raw)), mail.LIMIT)
    ) == len(raw)
    assert time.process_time() - started < 20
