"""Lines of key=value: the wanted ones of some fifty, without taking the whole line apart.

The first of a key outside quotes counts: what a stranger wrote stands in quotes, or behind. A value that the
end of the line may have cut off is none.
"""

import re
from collections.abc import Callable

_QUOTED = r'"(?:[^"\\]|\\.)*"'


def finished(line: str, separator: str, keys: tuple[str, ...]) -> str:
    """The line, its last value marked as whole where it is of one of `keys` (`src=`), which may be last."""
    return line + separator if line.startswith(keys, line.rfind(separator) + 1) else line


def wanted(keys: str, separator: str = " ") -> Callable[[str, int], dict[str, str]]:
    """What reads `keys` (`src|dst`) from a line, from a place on: their values without quotes."""
    gap = re.escape(separator)
    bare = rf'[^{gap}"]*(?={gap})'
    quick = re.compile(rf'{gap}({keys})=("[^"]*"|{bare})')
    careful = re.compile(rf"{gap}(?:({keys})=({_QUOTED}|{bare})|[\w.-]+={_QUOTED})")  # goes past quoted ones

    def read(line: str, start: int) -> dict[str, str]:
        text = separator + line[start:]
        hidden = '\\"' in text or "=" in '"'.join(text.split('"')[1::2])
        found = (careful if hidden else quick).findall(text)
        found.reverse()
        return {key: value.strip('"') for key, value in found}

    return read
