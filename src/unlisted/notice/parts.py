"""A mail taken apart: headers and the leaf parts of its body, decoded, in the order in which they stand.

RFC 5322 and RFC 2045-2049, read as mail is found and not as it should be: any line ends, missing blank
lines, boundaries that nobody announced or that never end, charsets that do not exist. Never raises.
Bounded: at most `MAX_PARTS` leaves, `MAX_DEPTH` levels, `MAX_HEADERS` header lines a part.
"""

import base64
import binascii
import codecs
import quopri
import re

from msgspec import Struct

MAX_PARTS = 64  # a bounce has three or four; a mailing list's digest has dozens and is no bounce
MAX_DEPTH = 12  # rfc822 in rfc822: Exchange nests four deep
_TAIL = 1000  # characters behind a boundary that are looked at: RFC 5321 §4.5.3.1.6 ends a line there
MAX_HEADERS = 1000  # lines; sendmail's own default is 1,000 recipients' worth of Received lines

_HEADER = re.compile(r"([!-9;-~]{1,80})[ \t]*:[ \t]?(.*)")
_CHARSET = re.compile(r"charset\*?\s*=\s*\"?'?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"\n]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_USED = re.compile(
    r"^--([^\s-][^\n]{0,69}|-{1,30}[^\n-][^\n]{0,69})\n(?=content-[a-z]{4,20}[ \t]?:)",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"=\?([A-Za-z0-9_.-]{1,40})(?:\*[A-Za-z-]{0,20})?\?([bBqQ])\?([^?\s]{0,2000})\?=")
_ALIAS = {
    "unicode-1-1-utf-7": "utf-7",
    "x-sjis": "cp932",
    "x-unknown": "latin-1",
    "iso-2022-jp": "iso2022_jp_ext",
}
# Codecs of Python that are no charsets of mail: quadratic ones, and ones that read escapes.
_NO_CHARSET = ("punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined")
_HALF = re.compile(r"[\ud800-\udfff]")  # half a UTF-16 pair: UTF-7 can spell it, UTF-8 and RE2 cannot


class Part(Struct, frozen=True, gc=False):
    """One leaf of a mail, or one mail's own headers.

    `kind` is the media type in lower case. `text` is the decoded body; of message/rfc822 it is that
    message as it stood, headers and all, for nobody here descends into what was returned unasked.
    """

    kind: str
    headers: tuple[tuple[str, str], ...]
    text: str

    def get(self, name: str) -> str:
        """The first header of that name (lower case), unfolded; "" when there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        return [value for key, value in self.headers if key == name]


def split(raw: bytes) -> tuple[Part, list[Part]]:
    """The mail's headers (with an empty text) and its leaves."""
    text = raw.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    if text.startswith(("From ", ">From ")):
        text = text.partition("\n")[2]
    headers, body = _headers(text.lstrip("\n"))
    leaves: list[Part] = []
    _walk(headers, body, 0, leaves)
    return Part(_kind(headers), headers, ""), leaves


def headers_of(text: str) -> tuple[tuple[str, str], ...]:
    """The header block at the start of `text`."""
    return _headers(text.lstrip("\n"))[0]


def words(value: str) -> str:
    """A header with its RFC 2047 words decoded."""
    if "=?" not in value:
        return value
    return _WORD.sub(_word, re.sub(r"\?=\s{1,80}=\?", "?==?", value))


def _word(found: re.Match[str]) -> str:
    charset, encoding, body = found.groups()
    if encoding in "bB":
        data = _base64(body)
    else:
        data = quopri.decodestring(body.replace("_", " ").encode("latin-1", "replace"), header=True)
    return decode(data, charset)


def decode(data: bytes, charset: str) -> str:
    """Text in the charset that it claims, else UTF-8, else Latin-1; always text that UTF-8 can hold."""
    claimed = _codec(charset)
    for name in filter(None, (claimed, "utf-8")):
        try:
            return whole(data.decode(name))
        except (UnicodeError, ValueError):
            continue
    try:
        return whole(data.decode(claimed or "latin-1", "replace"))
    except (UnicodeError, ValueError):
        return data.decode("latin-1")


def whole(text: str) -> str:
    """`text` with U+FFFD for every half of a UTF-16 pair that stands alone."""
    return _HALF.sub("\ufffd", text)


def _codec(charset: str) -> str:
    """Python's name for a charset; "" for one that it does not know, or that no mail should name."""
    try:
        name = codecs.lookup(_ALIAS.get(charset.lower(), charset) or "utf-8").name
        b"a".decode(name, "replace")  # a LookupError for what turns bytes into bytes (hex, zlib)
    except (LookupError, UnicodeError, ValueError):
        return ""
    return "" if name in _NO_CHARSET else name


def _headers(text: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """Headers up to the blank line, or up to the first line that cannot be one."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text) and len(found) < MAX_HEADERS:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end]
        if not line.strip():
            return tuple(found), text[end + 1 :]
        if line[0] in " \t" and found:
            # Some mailers fold in front of a parameter, a few fold a boundary away: both are continued.
            name, value = found[-1]
            found[-1] = (name, f"{value[:4000]} {line.strip()}")
        elif header := _HEADER.match(line):
            found.append((header[1].lower(), header[2].strip()))
        else:
            break
        at = end + 1
    return tuple(found), text[at:]


def _first(headers: tuple[tuple[str, str], ...], name: str) -> str:
    return next((value for key, value in headers if key == name), "")


def _kind(headers: tuple[tuple[str, str], ...]) -> str:
    value = _first(headers, "content-type")
    return value.split(";", 1)[0].split(" ", 1)[0].strip().lower() or "text/plain"


def _walk(headers: tuple[tuple[str, str], ...], body: str, depth: int, leaves: list[Part]) -> None:
    if len(leaves) >= MAX_PARTS:
        return
    kind = _kind(headers)
    boundary = _boundary(headers, body)
    # "multipart/mx6d" and worse exist: what has a boundary that occurs in the body is a multipart.
    if boundary and depth < MAX_DEPTH:
        pieces = _pieces(body, boundary)
        if len(pieces) > 1:
            preamble = pieces[0].strip()
            if preamble and depth == 0:
                leaves.append(Part("text/preamble", (), preamble))
            for piece in pieces[1:]:
                inner, rest = _headers(piece)
                _walk(inner, rest, depth + 1, leaves)
            return
    leaves.append(Part(kind, headers, _body(headers, body, kind)))


def _boundary(headers: tuple[tuple[str, str], ...], body: str) -> str:
    """The announced boundary, or the one that the body plainly uses where that one is absent."""
    value = _first(headers, "content-type")
    found = _BOUNDARY.search(value)
    if found and "--" + (found[1] or found[2]) in body:
        return found[1] or found[2]
    bare = not value or body.lstrip().startswith(("This is a MIME", "--"))
    if found or bare or value.lower().startswith("multipart"):
        used = _USED.search(body[:20_000])
        return used[1] if used else ""
    return ""


def _pieces(body: str, boundary: str) -> list[str]:
    """Preamble and parts; a missing end is the end of the text."""
    mark = "--" + boundary
    pieces: list[str] = []
    start = at = 0
    while len(pieces) <= MAX_PARTS and (found := body.find(mark, at)) >= 0:
        at = found + len(mark)
        if found and body[found - 1] not in "\n ":
            continue
        end = body.find("\n", at, at + _TAIL)
        end = min(len(body), at + _TAIL) if end < 0 else end
        tail = body[at:end].strip()
        if tail not in ("", "--"):  # a longer boundary that begins like this one
            continue
        pieces.append(body[start:found])
        start = at = min(end + 1, len(body))
        if tail == "--":
            return pieces
    pieces.append(body[start:])
    return pieces


def _body(headers: tuple[tuple[str, str], ...], body: str, kind: str) -> str:
    encoding = _first(headers, "content-transfer-encoding").lower()
    data = body.encode("latin-1", "replace")
    if kind.startswith("message/") and kind != "message/delivery-status" and "base64" not in encoding:
        return body
    if encoding.startswith("base64"):
        data = _base64(body)
    elif encoding.startswith("quoted"):
        data = quopri.decodestring(data)
    charset = _CHARSET.search(_first(headers, "content-type"))
    if charset is None and b"\x1b$" in data:  # ISO-2022-JP says so by its escape, whatever the header forgot
        return decode(data, "iso-2022-jp")
    return decode(data, charset[1] if charset else "utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _base64(text: str) -> bytes:
    letters = re.sub(r"[^A-Za-z0-9+/]", "", text)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        return b""
