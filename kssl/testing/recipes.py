"""What a recipe promises: it fits its parts, replays, and says what it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from kssl.testing.common import Check, make_checks, require, run_all


def recipe_checks(source: str | Path) -> list[Check]:
    """Return the checks of a recipe: a file or the name of an offered one."""
    return make_checks(source, [recipe_fits_its_parts, recipe_replays, recipe_explains_itself])


def check_recipe(source: str | Path) -> None:
    """Run all of `recipe_checks`."""
    run_all(recipe_checks(source))


def recipe_fits_its_parts(source: str | Path) -> None:
    from kssl import recipe
    from kssl.tokenizers.train import train_vocabulary

    loaded = recipe.load(source)
    loaded.check()
    # What only a run knows, for the parts that leave it out.
    words = train_vocabulary(["a word or two"], "words")
    facts: dict[str, Any] = {"vocabulary": words, "vocabulary_size": words.size, "classes": 2}
    facts |= {"total_steps": 1000, "steps_per_epoch": 100, "examples": 1000, "categories": [3]}
    loaded.supply.facts.update(facts)
    for section in ("pretext", "model", "optimizer", "callbacks", "evaluate"):
        loaded.build(section)


def recipe_replays(source: str | Path) -> None:
    from kssl import recipe

    text = recipe.load(source).resolved()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.yaml"
        copy.write_text(text, encoding="utf-8")
        require(recipe.load(copy).resolved() == text, "the resolved recipe loads to another one")


def recipe_explains_itself(source: str | Path) -> None:
    from kssl import recipe

    text = recipe.locate(source).read_text(encoding="utf-8")
    head = [line for line in text.split("\n\n")[0].splitlines() if line.startswith("#")]
    require(head, "no comment at its head that says what it is")
    require("kssl fit" in "\n".join(head), "its head comment does not have the command")
