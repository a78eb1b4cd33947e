"""Every mistake in a recipe is collected, so that all of them are reported at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kssl.errors import UserError

SHOWN = 30  # of a recipe's mistakes; more are rather a file of another kind


class Problem(NamedTuple):
    """One mistake: where it stands, the dotted path of the key, and what to do about it."""

    place: str
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in self if part)


class RecipeError(UserError):
    """A recipe that cannot be used; `problems` has every mistake with its place.

    Args:
        source: The file, as the user called it.
        problems: The mistakes, in the order in which they were found.
    """

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source = source
        self.problems = problems
        many = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
        lines = [_cut(str(each)) for each in problems[:SHOWN]]
        if len(problems) > SHOWN:
            lines.append(f"… and {len(problems) - SHOWN:,} more")
        super().__init__("\n".join([f"{many} in {source}:", *lines]))


def _cut(text: str, length: int = 1000) -> str:
    return text if len(text) <= length else f"{text[:length]} …"


@dataclass
class Problems:
    """What was found so far."""

    source: str
    found: list[Problem] = field(default_factory=list)

    def add(self, place: str, path: str, message: str) -> None:
        problem = Problem(place, path, " ".join(message.split()))
        if len(self.found) > 1000 or problem not in self.found:
            self.found.append(problem)

    def attempt(self) -> Problems:
        """Return an empty collection, for a reading that may turn out not to be the one meant."""
        return Problems(self.source)

    def raise_if_any(self, cause: BaseException | None = None) -> None:
        if self.found:
            raise RecipeError(self.source, list(self.found)) from cause
