"""How a benchmark here prints: ours and a peer's time on the same input, in turn, medians and their ratio.

Machines differ and are noisy; the ratio travels, the seconds do not.
"""

import statistics
import sys
import time
from collections.abc import Callable


def measure(run: Callable[[], object]) -> float:
    """Seconds that one run takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def alternate(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Medians of either, run in turn so that a slow moment of the machine hits both; one round to warm up."""
    pairs = [(measure(ours), measure(peer)) for _ in range(rounds + 1)][1:]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def show(what: str, ours: float, peer: float, name: str, goal: float) -> None:
    """`what: ours 0.150 s, rg 0.120 s, ratio 1.25 (goal 1.00)`."""
    sys.stdout.write(
        f"{what}: ours {ours:.3f} s, {name} {peer:.3f} s, ratio {ours / peer:.2f} (goal {goal:.2f})\n"
    )
