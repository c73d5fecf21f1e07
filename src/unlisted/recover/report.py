"""The pack for the owner, the IT department and the provider: one page, the case as data, XARF, and hashes.

Pure: texts by file name. The page is the same one that the terminal shows, so the two never disagree.
Self-contained HTML: no script, no address that is fetched, everything that strangers wrote is escaped.
"""

from hashlib import sha256
from html import escape

from unlisted import codec
from unlisted.case import Case
from unlisted.page import Line, render
from unlisted.recover import xarf

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }}
h2 {{ font-size: 1.05rem; margin: 1.6rem 0 .3rem; border-bottom: 1px solid #ccc }}
p {{ margin: .15rem 0; overflow-wrap: anywhere }}
.bad {{ color: #a40000; font-weight: 600 }} .good {{ color: #1b6e1b }}
.dim {{ color: #555; font-size: .9rem }}
.command {{ font-family: ui-monospace, monospace; background: #f2f2f2; padding: .1rem .4rem }}
@media print {{ body {{ margin: 0; max-width: none }} }}
</style></head><body>
"""


def pack(case: Case, by: xarf.Contact | None = None) -> dict[str, bytes]:
    """The files of the pack by name; `SHA256SUMS` proves the others unchanged (`sha256sum -c`).

    `xarf.json` is among them where the case tells an address and a time.
    """
    files = {
        "report.html": html(render(case), f"Case {case.id}").encode(),
        "case.json": codec.encode(case) + b"\n",
    }
    if report := xarf.document(case, by or xarf.Contact()):
        files["xarf.json"] = report
    sums = "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return files | {"SHA256SUMS": sums.encode()}


def html(lines: list[Line], title: str) -> str:
    """The page as one HTML document."""
    return _HEAD.format(title=escape(title)) + "\n".join(map(_line, lines)) + "\n</body></html>\n"


def _line(line: Line) -> str:
    text = escape(line.text)
    if line.style == "title":
        return f"<h2>{text}</h2>"
    return f'<p class="{line.style}" style="margin-left:{line.indent / 2}rem">{text}</p>'
