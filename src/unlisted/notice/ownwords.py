"""What of a refusal are the mail's own words: its subject, its author's name, its files, what displeased.

A filter quotes them, and whoever wrote the mail chose them: "subject of (Client host blocked using …)"
accuses nobody. `masked` makes their letters x, so that nothing in them is taken for the receiver's words;
and those of "your IP is not listed at NAME", where a sentence says just that.
"""

import re
from collections.abc import Iterator

from unlisted.notice.phrases import Phrases

_MARKS = "\"'`\u201c\u201e\u201d\u2018\u2019\u00ab\u00bb\u300c\u300e"
_OPENED, _QUOTE = rf"[{_MARKS}(\[<{{]", f"[{_MARKS}]"
# What stands between the noun and what is quoted: "subject line of", "file name =", "words that were found:".
_LINKS = (
    r"(?: ?[:=]|[ -](?:of|is|was|line|field|header|named?|called|titled|entitled|reads|value|text|string|the|"
    r"an?|matched|matching|matches|found|following|like|containing|contains|that|were|with|in|ist|est|es)\b){0,5}"
    r"[ :=]{0,3}"
)
# Behind these whatever stands in quotes or brackets is quoted; behind the others only what stands in quotes.
_SUBJECTS = r"subjects?|betreff|asunto|oggetto|assunto|objet|onderwerp|temat"
_NOUNS = (
    rf"{_SUBJECTS}|title|display[ -]name|file[ -]?names?|files?|attachments?|attached|(?:key)?words?|"
    r"phrases?|anhang|datei|adjunto|allegato|anexo|fichier|bijlage"
)
# A "text" alone may be a reply's.
_OTHERS = (
    r"terms?|strings?|patterns?|expressions?|(?:body|message|mail|html)[ -]texts?|body|contents?|headers?"
)
_OWN = Phrases(
    rf"\b(?:(?:{_NOUNS}){_LINKS}{_OPENED}|(?:{_OTHERS}){_LINKS}{_QUOTE})|"
    # The same in letters that have no \b.
    rf"(?:тема|темой|темы|вложение|файл|件名|添付ファイル|主题|主旨|附件|标题) ?[:=：]? ?{_OPENED}",
    # A header field, to where the next begins.
    rf"(?:^|[\s(\[;,])(?:{_SUBJECTS}) ?[:=] ?([^\"'(\[<\s])",
    # Somebody's name before his mailbox.
    r"\"([^\"<>]{1,200})\" ?<[^<>\s]{1,128}@|"
    r"(?:^|[\s(\[;,])from ?[:=] ?([^\"'(\[<\s@;][^\"<>@;\n]{0,200}?) ?<[^<>\s]{1,128}@",
    # A file by its ending, a place on the web that the mail holds.
    r"\b(?:attachments?|attached|file[ -]?names?|files?)(?: named| called)?[ :=]{1,3}"
    r"([\w.%+-]{1,120}\.[a-z0-9]{2,5})\b|"
    r"\b(?:contain(?:s|ed|ing)?|includ(?:es|ed|ing)) (?:[a-z-]{1,20} ){0,4}(?:urls?|uris?|links?|web ?sites?|"
    r"address)[ :=\"'(<\[]{1,3}(h..ps?://[^\s\"'()\[\]<>]{1,300}|[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})|"
    r"\b(?:urls?|uris?|links?)[ :=\"'(<\[]{1,3}(h..ps?://[^\s\"'()\[\]<>]{1,300})[\"')\]>]? "
    r"(?:in|on|is|was|are|were|has|have|listed|found|black-?listed)\b",
    # That it is not so. At a sentence's front: "check that your IP is not listed" says nothing of the kind.
    r"(?:^|[.;:,!] |\( ?|(?:^|[ -])[245](?:[0-9]{2}|\.[0-9]{1,3}\.[0-9]{1,3})[ -])"
    r"(?:(?:your|the|this|our|client|sending|source|sender|connecting|ip|host|server|address|network) ){0,4}"
    r"[\[(]?(?:[0-9a-f.:]{6,45}[\])]? )?(?:(?:is|are|was) )?"
    r"((?:not|no longer) (?:currently )?(?:(?:black|block|deny)-?listed|listed (?:in|on|at|by) "
    r"(?:any |our |the |an? )?(?:[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,7}|(?:black|block)-?lists?|"
    r"rbls?|dnsbls?)))\b",
)
_SUBJECT = 1
_FIELD = re.compile(r"[;|\n]| [A-Z][A-Za-z-]{1,30}: ")  # where a header field without quotes ends
_CLOSING = {
    "\u201e": "\u201c",
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
}
_NESTS = {pair[0]: re.compile(f"[{re.escape(pair)}]") for pair in ("()", "[]", "<>", "{}")}
_ENDS = re.compile(r"['\u2019`](?!\w)|(?<!\s)[\"\u201c\u201d](?!\w)")
_WORD = re.compile(r"[^\W_]")
SHORT = 300  # characters in which an apostrophe that opens a quotation must be closed: it may be another


def masked(text: str) -> str:
    """The text, as long as it was, with x for every letter and digit that is the mail's own."""
    kinds = _OWN.which(text)
    if not kinds:
        return text
    pieces: list[str] = []
    done = 0
    for start, end in sorted(span for kind in kinds for span in _spans(text, kind)):
        start = max(start, done)
        if start < end:
            pieces += (text[done:start], _WORD.sub("x", text[start:end]))
            done = end
    return "".join(pieces) + text[done:]


def _spans(text: str, kind: int) -> Iterator[tuple[int, int]]:
    done = 0
    for found in _OWN.patterns[kind].finditer(text):
        start, end = found.span(found.lastindex) if found.lastindex else (found.end(), found.end())
        if start < done or (start == done and done):
            continue
        if kind == _SUBJECT:
            field = _FIELD.search(text, end)
            end = field.start() if field else len(text)
        elif start == end:
            end = _end(text, start)
        yield start, end
        done = end


def _end(text: str, start: int) -> int:
    """Where what was opened right before `start` is closed; the end of a text that breaks off before."""
    opened = text[start - 1]
    if opened in _NESTS:
        return _nested(text, start, opened)
    if opened in "'`\u2018\u2019":
        found = _ENDS.search(text, start, start + SHORT)
        return found.start() if found else start
    if closing := _CLOSING.get(opened):
        at = text.find(closing, start)
        return at if at >= 0 else len(text)
    found = _ENDS.search(text, start)
    while found and found[0] in "'`\u2019":
        found = _ENDS.search(text, found.end())
    return found.start() if found else len(text)


def _nested(text: str, start: int, opened: str) -> int:
    depth = 1
    for found in _NESTS[opened].finditer(text, start):
        depth += 1 if found[0] == opened else -1
        if not depth:
            return found.start()
    return len(text)
