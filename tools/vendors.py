"""Make data/vendors.txt: the IEEE's registries as sorted lines `prefix TAB name`.

    python tools/vendors.py DATE SOURCE… > src/unlisted/data/vendors.txt

SOURCE is the IEEE's own CSV (https://standards-oui.ieee.org/{oui/oui,oui28/mam,oui36/oui36}.csv) or the
JSON of the npm package oui-data (BSD-2-Clause), which is made from them. The IEEE asserts no copyright in
the listing.
"""

import csv
import io
import json
import sys
from pathlib import Path


def entries(text: str) -> dict[str, str]:
    """Prefix to organization, from either form."""
    if text.startswith("{"):
        return {prefix: str(lines).partition("\n")[0] for prefix, lines in json.loads(text).items()}
    rows = csv.DictReader(io.StringIO(text))
    return {row["Assignment"]: row["Organization Name"] for row in rows}


def main() -> int:
    """Print the table."""
    if len(sys.argv) < 3:
        sys.stderr.write(str(__doc__))
        return 2
    found: dict[str, str] = {}
    for source in sys.argv[2:]:
        found |= entries(Path(source).read_text(encoding="utf-8"))
    lines = {
        prefix.upper(): " ".join(name.split())
        for prefix, name in found.items()
        if len(prefix) in (6, 7, 9) and prefix.isalnum() and prefix.isascii()
    }
    out = [
        "# IEEE MA-L, MA-M and MA-S: who made a network card. Public listing, no copyright asserted.",
        f"# source: {', '.join(Path(source).name for source in sys.argv[2:])}; data of {sys.argv[1]}",
        *(f"{prefix}\t{lines[prefix]}" for prefix in sorted(lines)),
    ]
    sys.stdout.write("\n".join(out) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
