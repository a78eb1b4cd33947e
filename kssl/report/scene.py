"""What the figures of a run are drawn from."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from kssl.evaluation.base import Skipped, apply
from kssl.evaluation.inputs import mixed, modality_of, read
from kssl.modalities import count, take
from kssl.report import canvas
from kssl.report.sheets.facts import Facts, facts_of

Drawn = tuple[Any, str]  # figure, or a text; caption
_WIDTH = 9.0  # inches of a sheet
LIMIT = 2000  # test examples that figures look at


@dataclasses.dataclass(frozen=True)
class Scene:
    """What the figures are drawn from.

    Args:
        run: The run directory.
        model: The trained model.
        examples: Test examples as the model reads them, an array or a dict of arrays; or None.
        labels: `(examples,)` or None.
        seed: Of samples, noise and t-SNE.
        vocabulary: What turns ids into text, or None.
        pipeline: Pipeline of the test split, or None.
    """

    run: Any
    model: Any
    examples: Any
    labels: np.ndarray | None
    seed: int
    vocabulary: Any = None
    pipeline: Any = None

    @property
    def modality(self) -> Any:
        """What the model reads."""
        return modality_of(self.model)

    @functools.cached_property
    def facts(self) -> Facts:
        """What the numbers of an example stand for."""
        return facts_of(self.pipeline)

    @property
    def class_names(self) -> Sequence[str] | None:
        """What each label is called, or None."""
        return self.facts.names.get("label")

    @property
    def noun(self) -> str:
        """What one example is called."""
        return self.modality.noun[0]

    @property
    def size(self) -> int:
        """How many examples there are."""
        return 0 if self.examples is None else count(self.examples)

    @property
    def columns(self) -> int:
        """How many examples fit beside one another on a sheet."""
        return max(2, int(_WIDTH / self.modality.cell[0]))

    def first(self, number: int) -> Any:
        """Return the first examples."""
        return take(self.examples, slice(0, number))

    def apply(self, method: str, inputs: Any, **arguments: Any) -> np.ndarray:
        """Run a method of the model over examples."""
        return apply(self.model, method, inputs, **arguments)

    @functools.cached_property
    def embedded(self) -> np.ndarray:
        """The embeddings `(examples, features)` of all examples."""
        return self.apply("embed", self.examples).reshape(self.size, -1)

    def pictures(self, examples: Any) -> np.ndarray | None:
        """Return examples as pictures in [0, 1], or None where they are none."""
        found = self.modality.pictures(examples)
        return None if found is None else canvas.as_pictures(found)

    def decode(self, points: np.ndarray) -> np.ndarray | None:
        """Latent points -> pictures, or None where the data are none."""
        return self.pictures(self.apply("decode", points))

    def rows(self, rows: Sequence[tuple[str, Any]]) -> Any:
        """Return a figure of rows of examples, each with its name.

        Args:
            rows: (name, examples as the model reads them), as many in each.
        """
        pictures = [(name, self.pictures(examples)) for name, examples in rows]
        if all(values is not None for _, values in pictures):
            return canvas.labelled_rows(pictures)
        lists = [
            (name, [take(examples, place) for place in range(count(examples))])
            for name, examples in rows
        ]
        return canvas.example_rows(lists, self.draw_example, self.modality.cell)

    def grid(self, examples: Any) -> Any:
        """Return a figure of many examples, row by row."""
        wide = self.columns
        rows = [list(examples[start : start + wide]) for start in range(0, len(examples), wide)]
        cell = self.modality.cell
        return canvas.example_rows([("", row) for row in rows], self.draw_example, cell)

    def draw_example(self, axes: Any, example: Any) -> None:
        """Draw an example as its modality does."""
        self.modality.draw_example(axes, example, self.vocabulary)


def scene_of(run: Any, model: Any, test: Any, seed: int) -> Scene:
    """Return what the figures of a run are drawn from.

    Args:
        run: The run directory.
        model: The trained model.
        test: Pipeline of the test split, or None.
        seed: Of samples, noise and t-SNE.
    """
    if test is None:
        return Scene(run, model, None, None, seed)
    try:
        examples, columns = read(test, model, LIMIT)
    except Skipped:  # data of another kind: figures of examples are left out
        return Scene(run, model, None, None, seed, test.vocabulary, test)
    labels = columns.get("label")
    if labels is not None:
        labels = np.asarray(labels).reshape(-1)
        order = mixed(labels)  # so that the first, which are shown, are not of one class
        examples, labels = take(examples, order), labels[order]
    return Scene(run, model, examples, labels, seed, test.vocabulary, test)
