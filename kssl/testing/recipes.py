"""What a recipe promises: it fits its parts, replays, and says what it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

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
    # Text comes with a vocabulary, which a run hands to its transforms and its model.
    words = train_vocabulary(["a word or two"], "words")
    given = {"vocabulary": words, "vocabulary_size": words.size}
    for section in ("pretext", "model", "optimizer", "callbacks", "evaluate"):
        loaded.build(section, **given)


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
