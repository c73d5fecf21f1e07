"""The simulation study: docs/study.md and its figures anew.

    python tools/study.py [--quick] [--out docs]

Everything is synthetic but the CTU-13 trace, which is read from UNLISTED_CORPORA where that is set. The same
seeds give the same text. The generators and measures are in benchmarks/study.
"""

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from study import figures, page, run  # noqa: E402


def main() -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the devices, one seed")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    args = parser.parse_args()
    began = time.perf_counter()
    folder = os.environ.get("UNLISTED_CORPORA", "")
    corpora = Path(folder) if folder and (Path(folder) / run.real.NAME).is_file() else None
    if corpora is None:
        print("no corpora (UNLISTED_CORPORA): the real trace is left out", file=sys.stderr)

    def say(what: str) -> None:
        print(f"{time.perf_counter() - began:6.1f} s  {what}", file=sys.stderr)

    results = run.study(run.QUICK if args.quick else 1.0, corpora, say)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "study.md").write_text(page.render(results), encoding="utf-8")
    (args.out / "study-delays.svg").write_text(figures.delays(results.caught), encoding="utf-8")
    (args.out / "study-alarms.svg").write_text(figures.accusations(results.exposed), encoding="utf-8")
    say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
