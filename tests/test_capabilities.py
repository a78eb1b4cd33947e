"""What evaluations, figures and commands know of a model: its modality and capabilities alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kssl.models import capabilities
from kssl.models.capabilities import Generates, GeneratesClasses, has, missing

PACKAGE = Path(__file__).resolve().parent.parent / "kssl"
ROOMS = ("evaluation", "report", "callbacks", "runs", "cli")
FILES = [file for room in ROOMS for file in sorted((PACKAGE / room).rglob("*.py"))]

OWNERS = r"(?:self\.|scene\.|task\.|loaded\.|prepared\.)?(?:model|untrained)\b"
GUESSES = re.compile(rf"\b(?:has|get)attr\(\s*{OWNERS}|\breads (?:==|!=|in)|\.reads\b")


class Draws:
    """Generates, of classes or without."""

    def __init__(self, classes: int | None) -> None:
        self.classes = classes

    def generate(self, count: int, seed: int | None = None) -> list[int]:
        return [0] * count

    def supports(self, capability: type) -> bool:
        return capability is not GeneratesClasses or self.classes is not None


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_room_guesses_what_a_model_is(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert not [f"{n}: {line}" for n, line in enumerate(lines, 1) if GUESSES.search(line)]


@pytest.mark.parametrize(
    "line",
    [
        'if getattr(task.model, "reads", "") == "tokens":',
        'hasattr(model, "project")',
        "if model.reads == key:",
        "getattr(self.model, name)",
    ],
)
def test_a_guess_would_be_found(line: str) -> None:
    assert GUESSES.search(line)


def test_a_capability_is_a_protocol_and_the_instance_may_refuse_it() -> None:
    assert has(Draws(3), Generates, "GeneratesClasses")
    assert has(Draws(None), Generates) and not has(Draws(None), GeneratesClasses)
    assert missing(Draws(None), "Generates", "Reconstructs").startswith(
        "it needs a model that reconstructs its input from its embedding (`reconstruct`)"
    )


PROTOCOLS = [
    each
    for each in vars(capabilities).values()
    if isinstance(each, type)
    and getattr(each, "_is_protocol", False)
    and each.__module__ != "typing"
]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.__name__)
def test_each_capability_ends_the_sentence_and_names_its_members(protocol: Any) -> None:
    first = protocol.__doc__.strip().splitlines()[0]
    assert re.fullmatch(r"[a-z].*\((`\w+`(, )?)+\)", first), first
