"""Run a command on a terminal of its own and keep what it printed as a picture (SVG).

    python tools/record.py docs/demo.svg unlisted demo

The recording is what the program wrote, color for color; nothing is edited.
"""

import os
import pty
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 100


def run(command: list[str]) -> str:
    """What `command` writes to a terminal of COLUMNS columns."""
    ours, theirs = pty.openpty()
    # `unlisted` is the one of this environment, whatever else is installed.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    size = {"PATH": path, "COLUMNS": str(COLUMNS), "LINES": "50", "TERM": "xterm-256color"}
    program = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=os.environ | size
    )
    os.close(theirs)
    chunks = []
    try:
        while chunk := os.read(ours, 65536):
            chunks.append(chunk)
    except OSError:  # Linux reports the far end's closing as an error
        pass
    program.wait(timeout=600)
    return b"".join(chunks).decode(errors="replace").replace("\r\n", "\n")


def main() -> None:
    """Record `argv[2:]` into the file `argv[1]`."""
    target, command = Path(sys.argv[1]), sys.argv[2:]
    screen = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    screen.print(Text.from_ansi(f"$ {' '.join(command)}\n" + run(command)))
    target.write_text(screen.export_svg(title="unlisted", clear=False), encoding="utf-8")


if __name__ == "__main__":
    main()
