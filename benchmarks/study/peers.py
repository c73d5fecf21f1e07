"""What the trip is compared with, on identical input: the threshold random walk, and "20 in 60 s"."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from study.traces import ANSWERED, UNKNOWN, Bools, Numbers
from unlisted.find.trip import Attempts

THETA_HONEST, THETA_ROGUE = 0.8, 0.2  # Jung et al.: chance that a first contact succeeds
BETA = 0.01  # chance to miss
COMPILE_FROM = 50_000  # attempts; below, loading Numba takes longer than the plain loop


def first_contacts(attempts: Attempts) -> Bools:
    """Which attempts go to a network where their device never was; exact, however many there are."""
    size = 1 << max(4, int(2 * len(attempts.at)).bit_length())
    first = np.zeros(len(attempts.at), np.bool_)
    slots = np.full(size, -1, np.int64)
    _run(_first, len(first))(attempts.device.astype(np.int64), attempts.prefix, slots, first)
    return first


def _first(device: Any, prefix: Any, slots: Any, first: Any) -> None:
    mask = len(slots) - 1
    for row in range(len(first)):
        key = (device[row] << 40) | prefix[row]
        slot = ((key & 0xFFFFFFFFFF) * 40503 >> 7 ^ device[row] * 7919) & mask
        while slots[slot] != -1 and slots[slot] != key:
            slot = (slot + 1) & mask
        if slots[slot] == -1:
            slots[slot] = key
            first[row] = True


def walk(attempts: Attempts, first: Bools, alpha: float) -> Numbers:
    """Rows at which TRW says "scanner". After either verdict it begins anew, as it must to go on watching.

    Only a first contact with a known outcome moves it (Jung et al., IEEE S&P 2004, section 4).
    """
    moves = np.flatnonzero(first & (attempts.outcome != UNKNOWN))
    failed = attempts.outcome[moves] != ANSWERED
    up = math.log((1 - THETA_ROGUE) / (1 - THETA_HONEST))
    down = math.log(THETA_ROGUE / THETA_HONEST)
    alarm = np.zeros(len(moves), np.bool_)
    over, under = math.log((1 - BETA) / alpha), math.log(BETA / (1 - alpha))
    _run(_walk, len(moves))(attempts.device[moves].astype(np.int64), failed, up, down, over, under, alarm)
    return moves[alarm]


def _walk(device: Any, failed: Any, up: float, down: float, over: float, under: float, alarm: Any) -> None:
    score = 0.0
    for row in range(len(alarm)):
        if row == 0 or device[row] != device[row - 1]:
            score = 0.0
        score += up if failed[row] else down
        if score >= over:
            alarm[row] = True
            score = 0.0
        elif score <= under:
            score = 0.0


def twenty(attempts: Attempts, count: int = 20, seconds: float = 60.0) -> Numbers:
    """Rows at which a device's last `count` connections fall within `seconds`, once a crossing."""
    if len(attempts.at) < count:
        return np.zeros(0, np.int64)
    back = count - 1
    near = np.abs(attempts.at[back:] - attempts.at[:-back]) <= seconds * 1e6
    near &= attempts.device[back:] == attempts.device[:-back]
    near = np.concatenate([np.zeros(back, np.bool_), near])
    before = np.concatenate([[False], near[:-1] & (attempts.device[1:] == attempts.device[:-1])])
    return np.flatnonzero(near & ~before)


def _run(loop: Callable[..., None], size: int) -> Callable[..., None]:
    """The loop, compiled where Numba is there and there is enough to do."""
    return _compiled(loop) if size >= COMPILE_FROM else loop


@lru_cache(maxsize=4)
def _compiled(loop: Callable[..., None]) -> Callable[..., None]:
    try:
        from numba import njit
    except ImportError:
        return loop
    compiled: Callable[..., None] = njit(cache=True)(loop)
    return compiled
