"""A play: events go in with `>>`, the commands that must come out are named with `<<`.

    play(engine) >> lease >> attempt >> attempt << (Name, Hold)

Every command must be expected, in order; a play that ends with commands nobody expected fails.
"""

from typing import TypeVar

from unlisted.engine import Engine
from unlisted.messages import Command, Event

C = TypeVar("C")


class Play:
    """One engine on the stage, and the commands that nobody has looked at yet."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.waiting: list[Command] = []

    def __rshift__(self, event: Event) -> "Play":
        """The event happens. What the one before it caused must have been expected by now."""
        assert not self.waiting, f"nobody expected {self.waiting}"
        self.waiting = self.engine.step(event)
        return self

    def __lshift__(self, kinds: tuple[type[Command], ...]) -> "Play":
        """Exactly these kinds of commands came out, in this order."""
        assert tuple(type(command) for command in self.waiting) == kinds, self.waiting
        self.seen, self.waiting = self.waiting, []
        return self

    def last(self, kind: type[C]) -> C:
        """The command of that kind among those just expected."""
        return next(command for command in self.seen if isinstance(command, kind))

    def ends(self) -> None:
        """Nothing is left over."""
        assert not self.waiting, f"nobody expected {self.waiting}"
