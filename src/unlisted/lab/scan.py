"""The virus scan: clamscan over a machine's files, with a signature database of the lab's own.

The database holds one hash signature (ClamAV's .hsb format: SHA256:size:name), of the rogue's own file. So
the scan really runs and really would find it, on the machine that has it, which is not here when the
scan is made. ClamAV's published signatures are not needed and not loaded.
"""

import hashlib
import re
import shutil
from pathlib import Path

from msgspec import Struct

from unlisted.lab import rogue
from unlisted.lab.host import PATH, Host

PAYLOAD = Path(rogue.__file__)
SIGNATURE = "Unlisted.Lab.Rogue"
HIDDEN = "AppData/Roaming/updater.py"  # where the laptop keeps it

_SUMMARY = re.compile(r"^(Engine version|Scanned files): +(\S+)$", re.MULTILINE)
_FOUND = re.compile(r"^(.+): (\S+) FOUND$", re.MULTILINE)


class Infection(Struct, frozen=True):
    """One file and what it was taken for; the path is relative to the machine's files."""

    path: str
    signature: str


class Scan(Struct, frozen=True):
    """What the scanner said of one machine. `why` is "" unless there was no scan."""

    machine: str
    engine: str
    files: int
    infected: tuple[Infection, ...]
    why: str = ""


def database(folder: Path) -> Path:
    """Write the signature database."""
    content = PAYLOAD.read_bytes()
    folder.mkdir(exist_ok=True)
    line = f"{hashlib.sha256(content).hexdigest()}:{len(content)}:{SIGNATURE}:73\n"
    (folder / "lab.hsb").write_text(line)
    return folder


def scan(host: Host, home: Path, signatures: Path) -> Scan:
    """Scan the machine's files."""
    if shutil.which("clamscan", path=PATH) is None:
        return Scan(host.name, "", 0, (), "clamscan (package clamav) is not installed")
    done = host.run(["clamscan", f"--database={signatures}", "--recursive", str(home)], timeout=60)
    if done.returncode not in (0, 1):  # clamscan(1): 2 is an error
        return Scan(host.name, "", 0, (), f"clamscan failed: {(done.stderr or done.stdout).strip()[-200:]}")
    facts = dict(_SUMMARY.findall(done.stdout))
    # ClamAV marks what is not from its own database.
    infected = tuple(
        Infection(str(Path(path).relative_to(home)), name.removesuffix(".UNOFFICIAL"))
        for path, name in _FOUND.findall(done.stdout)
    )
    version = facts.get("Engine version", "?")
    return Scan(host.name, f"ClamAV {version}", int(facts.get("Scanned files", "0")), infected)
