"""A simulation study of the trip: how soon it sees each kind of bot, how often it accuses each honest role.

All volume here is synthetic. Every number of a generator is marked: R fitted on a real trace, L taken from
literature, A assumed. `python tools/study.py` writes docs/study.md and its figures from it.

Tuning may use `TUNING` seeds and the families that are not in `HELD_OUT`; what is reported comes from seeds
of `REPORTED` on, and the families of `HELD_OUT` were never looked at while parameters were chosen.
"""

TUNING = range(100)
REPORTED = 1000  # the first seed of every figure in docs/study.md
HELD_OUT = frozenset({"mx-engine", "snowshoe"})
