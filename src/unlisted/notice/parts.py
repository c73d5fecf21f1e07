"""A mail taken apart: headers and the leaf parts of its body, in the order in which they stand.

RFC 5322 and RFC 2045-2049, read as mail is found and not as it should be: any line ends, missing blank
lines, boundaries that nobody announced or that never end, charsets that do not exist. Never raises.
A part is decoded when somebody reads it: what a bounce returns is mostly never looked at.
Bounded: at most `MAX_PARTS` leaves, `MAX_DEPTH` levels, `MAX_HEADERS` headers and `MAX_HEAD` characters of
them a part.
"""

import base64
import binascii
import codecs
import quopri
import re
from typing import TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]

MAX_PARTS = 64  # a bounce has three or four; a mailing list's digest has dozens and is no bounce
MAX_DEPTH = 12  # rfc822 in rfc822: Exchange nests four deep
MAX_HEADERS = 1000  # sendmail's own default is 1,000 recipients' worth of Received lines
MAX_HEAD = 1 << 20  # characters of one part's headers; Exim's header_maxsize is a megabyte
_TAIL = 1000  # characters behind a boundary that are looked at: RFC 5321 §4.5.3.1.6 ends a line there
_PEEK = 20_000  # characters in which a boundary that nobody announced is looked for

# Possessive throughout (Python 3.11): what was read once is never read again.
_NAME = r"[!-9;-~]{1,80}+[ \t]*+:"
_VALUE = r".*+(?:\n[ \t][^\S\n]*+\S.*+)*+"  # folded lines are no empty ones
_BLOCK = re.compile(rf"((?:{_NAME}{_VALUE}(?:\n|\Z)){{0,{MAX_HEADERS}}}+)(?:[^\S\n]*+(?:\n|\Z))?")
_AFTER = re.compile(rf"[ \t]*+:({_VALUE})")
_HEADER = re.compile(rf"^([!-9;-~]{{1,80}}+)[ \t]*+:({_VALUE})", re.MULTILINE)
_CHARSET = re.compile(r"charset\*?\s*=\s*\"?'?([A-Za-z0-9_.:+-]{1,40})", re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"\n]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_MULTIPLE = re.compile(r"\s*+(?:This is a MIME|--)")
_USED = re.compile(
    r"^--([^\s-][^\n]{0,69}|-{1,30}[^\n-][^\n]{0,69})\n(?=content-[a-z]{4,20}[ \t]?:)",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"=\?([A-Za-z0-9_.-]{1,40})(?:\*[A-Za-z-]{0,20})?\?([bBqQ])\?([^?\s]{0,2000})\?=")
# What a program gives back of the mail that it speaks of: RFC 3462 §2, RFC 6522 §3, RFC 6533 §4.
RETURNED = frozenset(
    (
        *("message/rfc822", "message/global", "message/partial", "text/rfc822-headers", "text/rfc822-header"),
        *("message/rfc822-headers", "message/global-headers"),
    )
)
_USUAL = frozenset(("from", "to", "subject", "date", "received", "return-path", "message-id", "mime-version"))
_ALIAS = {
    "unicode-1-1-utf-7": "utf-7",
    "x-sjis": "cp932",
    "x-unknown": "latin-1",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "x-euc-jp": "euc_jp",
    "windows-31j": "cp932",
    "x-ms-cp932": "cp932",
    "windows-949": "cp949",
    "x-windows-949": "cp949",
    "x-gbk": "gbk",
    "x-cp1251": "cp1251",
    "cp-1251": "cp1251",
    "windows1251": "cp1251",
    "cp-1252": "cp1252",
    "windows1252": "cp1252",
}
# Codecs of Python that are no charsets of mail: quadratic ones, and ones that read escapes.
_NO_CHARSET = ("punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined")
# Charsets in which the 128 letters of ASCII are themselves, shifts aside.
_LIKE_ASCII = re.compile(r"(?:us-)?ascii|utf-8|iso-8859-[0-9]{1,2}|windows-125[0-9]", re.IGNORECASE)
_HIGH = re.compile(r"[\x80-\xff]{2,}")
_HALF = re.compile(r"[\ud800-\udfff]")  # half a UTF-16 pair: UTF-7 can spell it, UTF-8 and RE2 cannot
_NO_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))


class Part:
    """One leaf of a mail, or one mail's own headers.

    `media` is the Content-Type and `kind` its type in lower case, `text` the decoded body; of message/rfc822
    that is the message as it stood, headers and all: nobody here descends into what was returned unasked.
    """

    __slots__ = ("_block", "_body", "_low", "_pairs", "_text", "kind", "media")

    def __init__(self, kind: str, headers: Headers = (), text: str = "") -> None:
        self.kind = self.media = kind
        self._pairs: Headers | None = headers
        self._block = self._low = self._body = ""  # as they stood, a letter for each octet
        self._text: str | None = text

    @classmethod
    def unread(cls, block: str, body: str) -> "Part":
        """A part of which nothing was decoded yet."""
        part = cls("")
        part._block, part._low, part._body = block, block.lower(), body
        part._pairs = part._text = None
        part.media = part.get("content-type")
        part.kind = part.media.partition(";")[0].partition(" ")[0].strip().lower() or "text/plain"
        return part

    @property
    def headers(self) -> Headers:
        """Every header, its name in lower case, unfolded."""
        if self._pairs is None:
            self._pairs = _pairs(self._block)
        return self._pairs

    @property
    def text(self) -> str:
        """The decoded body; decoded once, when first asked for."""
        if self._text is None:
            self._text = _decoded(self, self._body)
        return self._text

    def get(self, name: str) -> str:
        """The first header of that name (lower case), unfolded; "" when there is none."""
        if self._pairs is not None:
            return next((value for key, value in self._pairs if key == name), "")
        # A mail has twenty headers and is asked for five: they are found, not taken apart.
        mark = "\n" + name
        at = self._low.find(mark)
        while at >= 0:
            if found := _AFTER.match(self._block, at + len(mark)):
                return _unfolded(found[1])
            at = self._low.find(mark, at + 1)
        return ""

    def begins(self, name: str) -> bool:
        """True when the name of a header begins so (lower case)."""
        if self._pairs is not None:
            return any(key.startswith(name) for key, _ in self._pairs)
        return f"\n{name}" in self._low

    def all(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        return [value for key, value in self.headers if key == name]


def split(raw: bytes) -> tuple[Part, list[Part]]:
    """The mail as one part, for its headers, and its leaves."""
    text = raw.decode("latin-1")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.startswith(("From ", ">From ")):
        text = text.partition("\n")[2]
    block, body = _cut(text.lstrip("\n"))
    head = Part.unread(block, body)
    leaves: list[Part] = []
    _walk(head, body, 0, leaves)
    return head, leaves


def headers_of(text: str) -> Headers:
    """The header block at the start of `text`."""
    return _pairs(_cut(text.lstrip("\n"))[0])


def fields_only(text: str) -> Headers | None:
    """The headers of a text that holds nothing else; None when it does."""
    block, rest = _cut(text)
    return None if rest else _pairs(block)


def is_mail(text: str) -> bool:
    """True when a text begins with a mail's headers, two of them at least such as every mail has."""
    names = {name for name, _ in headers_of(text[:MAX_HEAD])}
    return len(names & _USUAL) > 1


def boundary(content_type: str) -> str:
    """The boundary that a Content-Type announces; "" when it announces none."""
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]) if found else ""


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
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _codec(charset: str) -> str:
    """Python's name for a charset; "" for one that it does not know, or that no mail should name."""
    try:
        name = codecs.lookup(_ALIAS.get(charset.lower(), charset) or "utf-8").name
        b"a".decode(name, "replace")  # a LookupError for what turns bytes into bytes (hex, zlib)
    except (LookupError, UnicodeError, ValueError):
        return ""
    return "" if name in _NO_CHARSET else name


def _cut(text: str) -> tuple[str, str]:
    """Headers up to the blank line, or up to the first line that cannot be one; and what follows."""
    found = _BLOCK.match(text, 0, MAX_HEAD)
    return (f"\n{found[1]}", text[found.end() :]) if found else ("\n", text)


def _pairs(block: str) -> Headers:
    if not block.isascii():
        block = _HIGH.sub(_utf8, block)
    return tuple(
        [
            (name.lower(), _unfolded(value) if "\n" in value else value.strip())
            for name, value in _HEADER.findall(block)
        ]
    )


def _unfolded(value: str) -> str:
    """Some mailers fold in front of a parameter, a few fold a boundary away: both are continued."""
    value = value if value.isascii() else _HIGH.sub(_utf8, value)
    if "\n" not in value:
        return value.strip()
    return " ".join([line.strip() for line in value.split("\n")]).strip()


def _utf8(octets: re.Match[str]) -> str:
    """RFC 6532 §3.2: a header may hold UTF-8 as it is. What is none stays a letter for each octet."""
    try:
        return octets[0].encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return octets[0]


def _walk(part: Part, body: str, depth: int, leaves: list[Part]) -> None:
    if len(leaves) >= MAX_PARTS:
        return
    border = _border(part.media, body)
    # "multipart/mx6d" and worse exist: what has a boundary that occurs in the body is a multipart.
    if border and depth < MAX_DEPTH:
        pieces = _pieces(body, border)
        if len(pieces) > 1:
            preamble = pieces[0].strip()
            if preamble and depth == 0:
                leaves.append(Part("text/preamble", (), preamble))
            for piece in pieces[1:]:
                block, rest = _cut(piece)
                _walk(Part.unread(block, rest), rest, depth + 1, leaves)
            return
    leaves.append(part)


def _border(announced: str, body: str) -> str:
    """The announced boundary, or the one that the body plainly uses where that one is absent."""
    found = boundary(announced)
    if found and "--" + found in body:
        return found
    if found or not announced or announced.lower().startswith("multipart") or _MULTIPLE.match(body):
        start = body[:_PEEK]
        if start.startswith("--") or "\n--" in start:
            used = _USED.search(start)
            return used[1] if used and not _of_another(start[: used.start()], used[1]) else ""
    return ""


def _of_another(above: str, used: str) -> bool:
    """True where a message further down announces a boundary: a plain bounce returns it, headers and all."""
    return any(
        used in found.groups() and "\n\n" in above[: found.start()] for found in _BOUNDARY.finditer(above)
    )


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


def _decoded(part: Part, body: str) -> str:
    encoding = part.get("content-transfer-encoding").lower()
    kind = part.kind
    fields = kind.endswith(("delivery-status", "/feedback-report"))  # RFC 6533 §3 has them in UTF-8
    if kind.startswith("message/") and not fields and "base64" not in encoding:
        return body
    named = _CHARSET.search(part.media)
    charset = named[1] if named else ""
    if encoding.startswith("base64"):
        data = _base64(body)
    elif encoding.startswith("quoted"):
        data = quopri.decodestring(body.encode("latin-1", "replace"))
    elif body.isascii() and "\x1b" not in body and _LIKE_ASCII.fullmatch(charset or "utf-8"):
        return body
    else:
        data = body.encode("latin-1", "replace")
    # ISO-2022-JP says so by its escape, whatever the header forgot or claims.
    if b"\x1b$" in data and _LIKE_ASCII.fullmatch(charset or "utf-8"):
        return decode(data, "iso-2022-jp")
    return decode(data, charset or "utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _base64(text: str) -> bytes:
    letters = text.encode("latin-1", "replace").translate(None, _NO_BASE64)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return base64.b64decode(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:
        return b""
