"""A mail taken apart: what is found, whatever it looks like, and what is bounded."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlisted.notice import parts
from unlisted.notice.parts import Part

MAIL = (
    b"From: a@example.net\nSubject: =?utf-8?q?caf=C3=A9?=\nX-Long: one\n  two\n\tthree\nReceived: 1\n"
    b'Received : 2\nContent-Type: Multipart/Report;\n boundary="b"\n\npreamble\n--b\n'
    b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9\n"
    b"--b\nContent-Type: message/rfc822\n\nFrom: c@example.net\n\n=E9\n--b\n"
    b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nY2Fm\n w6k=\n"
    b"--b--\nepilogue\n"
)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_headers_and_leaves_whatever_ends_the_lines(end: bytes) -> None:
    head, leaves = parts.split(MAIL.replace(b"\n", end))
    assert head.get("x-long") == "one two three"
    assert head.all("received") == ["1", "2"]
    assert parts.words(head.get("subject")) == "café"
    assert [leaf.kind for leaf in leaves] == ["text/preamble", "text/plain", "message/rfc822", "text/plain"]
    assert [leaf.text.strip() for leaf in leaves] == [
        "preamble",
        "café",
        "From: c@example.net\n\n=E9",
        "café",
    ]


def test_what_nobody_reads_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    whole = parts._decoded

    def watched(part: Part, body: str) -> str:
        decoded.append(part.kind)
        return whole(part, body)

    monkeypatch.setattr(parts, "_decoded", watched)
    _, leaves = parts.split(MAIL)
    assert decoded == []
    assert leaves[1].text == leaves[1].text
    assert decoded == ["text/plain"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A: 1\nB: 2\n\nC: 3\n", ["a", "b"]),
        ("A: 1\n \nC: 3\n", ["a"]),  # white space alone ends it, as an empty line does
        ("A: 1\nno header\nB: 2\n", ["a"]),
        (" folded before any\nA: 1\n", []),
        ("A: 1\n B: folded\nC: 2", ["a", "c"]),
        ("A : spaced\nb_c!: odd\n\n", ["a", "b_c!"]),
        ("", []),
    ],
)
def test_where_headers_end(text: str, names: list[str]) -> None:
    assert [name for name, _ in parts.headers_of(text)] == names


def test_a_part_made_of_pairs_answers_alike() -> None:
    made = Part("text/plain", (("a", "1"), ("b", "2"), ("a", "3")), "ready, é €")
    assert (made.get("a"), made.get("c"), made.all("a"), made.text) == ("1", "", ["1", "3"], "ready, é €")


_LINES = st.lists(
    st.sampled_from(
        (
            "Subject: a",
            "subject : b",
            "SUBJECT:c",
            " folded",
            "\tto",
            "From: x",
            "Subjects: no",
            "",
            " ",
            "bad",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: multipart/x; boundary=b",
            "--b",
            "--b--",
        )
    ),
    max_size=14,
)


@given(_LINES)
def test_finding_a_header_and_reading_them_all_agree(lines: list[str]) -> None:
    head, leaves = parts.split("\n".join(lines).encode())
    for part in (head, *leaves):
        for name in ("subject", "from", "content-type", "subjects"):
            found = part.get(name)
            assert found == next((value for key, value in part.headers if key == name), "")


@given(
    st.binary(max_size=400), st.sampled_from(["utf-8", "utf-7", "iso-2022-jp", "x-sjis", "none", "utf-16"])
)
def test_no_body_raises_and_every_text_can_be_written(body: bytes, charset: str) -> None:
    for encoding in ("base64", "quoted-printable", "8bit"):
        head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
        _, leaves = parts.split(head.encode() + body)
        for leaf in leaves:
            leaf.text.encode()


@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_a_text_in_ascii_is_what_stood_there(text: str) -> None:
    body = text.replace("\r", "").replace("\x1b", "").replace("+", "")
    for charset in ("us-ascii", "utf-8", "iso-8859-15", "windows-1252"):
        part = Part.unread(f"\nContent-Type: text/plain; charset={charset}\n", body)
        assert part.text == parts.decode(body.encode(), charset)


def test_numbers_of_headers_parts_and_levels_are_bounded() -> None:
    head, _ = parts.split(b"X: y\n" * 5000 + b"\nbody")
    assert len(head.headers) == parts.MAX_HEADERS
    head, _ = parts.split(b"X: " + b"y" * 1_300_000 + b"\n z" * 100_000 + b"\n\nbody")
    assert len(head.get("x")) <= parts.MAX_HEAD
    head, _ = parts.split(b"X: y" + b"\n z" * 400_000 + b"\n\nbody")
    assert len(head.get("x")) <= parts.MAX_HEAD
    many = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 5000
    assert len(parts.split(many)[1]) <= parts.MAX_PARTS
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(400))
    assert len(parts.split(deep + b"x")[1]) == 1


@pytest.mark.parametrize(
    "unit",
    [b"X: y\n", b"X: y\n z\n", b" \n", b"\t", b"--b\n", b"--b\n\n", b"A:\n\xa0", b"=?", b"\r", b"boundary="],
)
@pytest.mark.parametrize("head", [b"", b"X: ", b"Content-Type: multipart/x; boundary=b\n\n--b\n"])
def test_ten_megabytes_take_seconds_and_not_minutes(unit: bytes, head: bytes) -> None:
    raw = head + unit * (10_000_000 // len(unit))
    started = time.process_time()
    _, leaves = parts.split(raw)
    for leaf in leaves:
        assert leaf.text is not None
    assert time.process_time() - started < 10  # a second a megabyte


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("x-euc-jp", "euc_jp", "存在しません"),
        ("windows-31j", "cp932", "存在しません"),
        ("ISO-2022-JP-MS", "iso2022_jp", "存在しません"),
        ("us-ascii", "iso2022_jp", "存在しません"),
        ("utf-8", "iso2022_jp", "存在しません"),
        ("windows-949", "cp949", "사용자가 없습니다"),
        ("x-gbk", "gbk", "用户不存在"),
        ("windows1251", "cp1251", "пользователь не найден"),
    ],
)
def test_charsets_by_the_names_that_mail_gives_them(charset: str, codec: str, text: str) -> None:
    raw = f"Subject: x\nContent-Type: text/plain; charset={charset}\n\n".encode() + text.encode(codec)
    _, (leaf,) = parts.split(raw)
    assert leaf.text.strip() == text


@pytest.mark.parametrize("value", ["送信エラー", "Zustellung für João", "voilà", "İstanbul"])
def test_a_header_in_raw_utf_8_is_what_it_says(value: str) -> None:
    # RFC 6532 §3.2; a letter may end in an octet that Latin-1 calls a blank (0xA0), or change its length in
    # lower case.
    raw = f"X-Other: {value}\nSubject: {value}\n\nx\n".encode()
    head, _ = parts.split(raw)
    assert head.get("subject") == value
    assert dict(head.headers)["subject"] == value
    folded, _ = parts.split(f"Subject: {value}\n {value}\n\nx\n".encode())
    assert folded.get("subject") == f"{value} {value}"


def test_a_header_in_latin_1_stays_one() -> None:
    head, _ = parts.split("Subject: für Ärger\n\nx\n".encode("latin-1"))
    assert head.get("subject") == "für Ärger"


def test_a_boundary_that_a_returned_message_announces_is_not_the_mails() -> None:
    inner = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nhi\n--b--\n"
    _, (leaf,) = parts.split(f"From: d@x.example\n\nIt came back.\n\nFrom: a@x.example\n{inner}".encode())
    assert "It came back" in leaf.text
    _, leaves = parts.split(f"From: d@x.example\nno header\n{inner}".encode())  # its own, cut off from it
    assert [one.text.strip() for one in leaves][1:] == ["hi"]
