"""What we raise: two classes, until a caller needs a third.

Bad input is a value and never raises out of a reader; bad code raises anything else, loudly.
"""


class UnlistedError(Exception):
    """Something that a person can mend: what failed, and what to try.

    `code` is the exit code of the command line (3 could not tell, 4 not permitted).
    """

    def __init__(self, what: str, *, remedy: str = "", code: int = 3) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.code = code


class ConfigError(UnlistedError):
    """The configuration or a data file is wrong: names the file, the path in it and the mend."""

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what, remedy=remedy, code=2)
