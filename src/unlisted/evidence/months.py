"""The names of months as journalctl writes them where the machine speaks another language than English.

Source: `abmon` in the GNU C library's locales (glibc 2.40). Spelled in small letters, without a dot at the
end; Chinese, Japanese and Korean number them.
"""

import re

_ABBREVIATED = (
    "jan ene janv gen led sty tammi янв",
    "feb fev févr úno lut helmi fév фев",
    "mar mär mrt mars bře maalis märz мар",
    "apr abr avril dub kwi huhti avr апр",
    "may mai mei mag maj kvě touko мая май",
    "jun juin giu čen cze kesä июн",
    "jul juil lug čec lip heinä июл",
    "aug ago août srp sie elo авг",
    "sep set sept zář wrz syys сен",
    "oct okt ott out říj paź loka окт",
    "nov lis marras ноя",
    "dec dez dic déc pro gru joulu дек",
)
_NUMBERS = {name: number for number, names in enumerate(_ABBREVIATED, 1) for name in names.split()}
_COUNTED = re.compile(r"(1[0-2]|[1-9])[月월]")
NAME = r"(?:[^\W\d_]{3,6}\.?|\d{1,2}[月월])"  # what may be one


def number(name: str) -> int:
    """The month that a name of `NAME` means; 0 for none."""
    if counted := _COUNTED.fullmatch(name):
        return int(counted[1])
    return _NUMBERS.get(name.rstrip(".").lower(), 0)
