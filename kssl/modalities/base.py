"""What a modality is: one kind of data, as models, evaluations and reports need to know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

# One row of features for each example: of the bank, and of the test split.
Features = tuple[Any, Any]


class Modality:
    """One kind of data. Each instance is a plain description; it holds no data.

    A subclass sets the attributes, and overrides `raw` and `draw_example`. One of kssl's own has a
    line in both lists of `kssl/modalities/__init__.py`, and in `kssl/catalog/modalities.py`.

    Attributes:
        name: How recipes and messages call it.
        keys: The keys of an example that a model reads, each with its dtype. A bare tensor stands
            for the only key.
        optional: Those of the keys that an example need not have.
        stored: Other keys by which raw data is recognised, such as text that is not tokenized yet.
        layout: `"module:function"` that draws a contact sheet, `draw(raw, rounds, words)`, see
            `kssl preview`; one that also has the argument `facts` is given a
            `kssl.report.sheets.Facts`. Empty: one example beside the other, by `draw_example`.
        as_stored: Whether an evaluation reads examples as the data set has them, where it has the
            keys: for a modality whose transforms hide part of an example at random.
        as_text: Whether a generated example is written rather than drawn.
        scale: The range that values of a key have, in words, and the size from which on they are
            surely not in it, bytes or PCM that nobody has scaled: a tenth of it where none is
            negative. Standardised values pass.
        noun: What an example is called, and what its values are called, in tables.
        cell: Width and height in inches in which one example can be recognised.

    Example:
        >>> import kssl
        >>> kssl.modalities.Image().pick({"image": 1, "label": 2})
        1
    """

    name: str = ""
    keys: Mapping[str, str] = {}
    optional: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    layout: str = ""
    as_stored: bool = False
    as_text: bool = False
    scale: Mapping[str, tuple[str, float]] = {}
    noun: tuple[str, str] = ("example", "values")
    cell: tuple[float, float] = (1.8, 0.9)

    def present(self, keys: Any) -> list[str]:
        """Return the keys of the modality that are among `keys`.

        Raises:
            KeyError: One that it needs is not; the message names what there is.
        """
        found = [key for key in self.keys if key in keys]
        missing = [key for key in self.keys if key not in keys and key not in self.optional]
        if missing or not found:
            wanted = (missing or list(self.keys))[0]
            there = ", ".join(sorted(keys)) or "nothing"
            raise KeyError(f"the data has no {wanted!r}; it has {there}")
        return found

    def pick(self, batch: Any) -> Any:
        """Return what a model reads of a batch: a tensor, or a dict of several keys.

        Raises:
            KeyError: A key is missing.
        """
        if not isinstance(batch, Mapping):
            return batch
        found = self.present(batch)
        return batch[found[0]] if len(self.keys) == 1 else {key: batch[key] for key in found}

    def example_shape(self, shapes: Any) -> Any:
        """Return the shape of one example, or a dict of shapes, of what `build` is given.

        Raises:
            ValueError: A shape is not known.
        """
        picked = self.pick(shapes)
        if isinstance(picked, Mapping):
            return {key: _known(key, shape) for key, shape in picked.items()}
        return _known(next(iter(self.keys)), picked)

    def inputs(self, example_shape: Any) -> Any:
        """Return symbolic inputs `(batch, …)` of examples of that shape."""
        if isinstance(example_shape, Mapping):
            return {
                key: keras.Input(tuple(shape), dtype=self.keys[key], name=key)
                for key, shape in example_shape.items()
            }
        ((key, dtype),) = self.keys.items()
        return keras.Input(tuple(example_shape), dtype=dtype, name=key)

    def arrays(self, columns: Mapping[str, np.ndarray]) -> Any:
        """Return the examples of a split, each key in its dtype.

        Args:
            columns: Key -> `(examples, …)`.

        Raises:
            KeyError: A key is missing.
        """
        picked = self.pick(columns)
        if isinstance(picked, Mapping):
            return {key: np.asarray(picked[key], self.keys[key]) for key in picked}
        ((_, dtype),) = self.keys.items()
        return np.asarray(picked, dtype)

    def fitted(self, examples: Any, model: Any) -> Any:
        """Return the examples in the shape that a model takes, where they may be cut to it.

        Args:
            examples: As `arrays` returns them.
            model: Has `example_shape`.
        """
        return examples

    def check_values(self, examples: Any, model: str) -> None:
        """Raise a ValueError if a model cannot be trained on such values.

        Args:
            examples: NumPy array of one key, or a dict of several.
            model: Name of the model, for the message.
        """
        for key, given in self.by_key(examples).items():
            wanted, values = self.keys[key], np.asarray(given)
            whole = np.issubdtype(values.dtype, np.integer)
            if not values.size:
                raise ValueError(f"{model} is given no examples: {key!r} has shape {values.shape}")
            if wanted.startswith("float") and whole:
                raise ValueError(
                    f"{model} needs floating-point inputs under {key!r}; got {values.dtype}: "
                    "divide bytes by 255, or use the transform to_float"
                )
            if wanted.startswith("int") and not whole:
                raise ValueError(f"{model} needs whole numbers under {key!r}; got {values.dtype}")
            if not whole:
                self._check_scale(key, values, model)

    def _check_scale(self, key: str, values: np.ndarray, model: str) -> None:
        low, high = float(values.min()), float(values.max())  # NaN is handed on
        if not (np.isfinite(low) and np.isfinite(high)):
            wrong = int((~np.isfinite(values)).sum())
            raise ValueError(
                f"{model} is given {wrong:,} of {values.size:,} values under {key!r} that are NaN "
                "or infinite: leave these examples out, or fill them in"
            )
        words, largest = self.scale.get(key, ("", np.inf))
        largest = largest if low < 0 else largest / 10  # of both signs: may be standardised
        # Rows of numbers may stand for images too; they have any scale.
        if max(-low, high) > largest and not (key == "image" and values.ndim == 2):
            raise ValueError(
                f"{model} needs values in {words}; got {low:.3g} to {high:.3g} under {key!r}: "
                "scale them, bytes by dividing by 255"
            )

    def raw(self, bank: Any, test: Any, vocabulary: Any = None) -> dict[str, Features]:
        """Return the features that a simple model reads, by name; the usual one comes first.

        Args:
            bank: Examples as `arrays` returns them; whatever is fitted is fitted on these.
            test: Others, of the same shape.
            vocabulary: What turns ids into text, for text.

        Returns:
            Name -> two arrays `(examples, features)` in float32.
        """
        return {self.name: (_rows(bank), _rows(test))}

    def simple_predictions(
        self, bank: Any, labels: np.ndarray, test: Any, vocabulary: Any = None
    ) -> dict[str, np.ndarray]:
        """Return the classes that simple models give the test examples, by the model's name.

        Args:
            bank: Labelled examples as `arrays` returns them.
            labels: `(examples,)` classes of the bank.
            test: Examples whose class is asked for.
            vocabulary: See `raw`.
        """
        return {
            f"{name}, logistic regression": logistic_regression(rows, labels, queries)
            for name, (rows, queries) in self.raw(bank, test, vocabulary).items()
        }

    def pictures(self, examples: Any) -> np.ndarray | None:
        """Return examples that are pictures as `(examples, height, width, channels)`, else None."""
        return None

    def draw_example(self, axes: Any, example: Any, vocabulary: Any = None) -> None:
        """Draw one example into matplotlib's axes.

        Args:
            axes: Empty; its ticks are taken away by the caller.
            example: One element of what `arrays` returns.
            vocabulary: See `raw`.
        """
        axes.plot(np.asarray(example).reshape(-1), linewidth=0.7)

    def get_config(self) -> dict[str, Any]:
        """Return nothing: a modality has no settings."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Modality:
        """Return the modality again."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def by_key(self, examples: Any) -> Mapping[str, Any]:
        """Return examples, or shapes, as a dict also where there is one key."""
        return examples if isinstance(examples, Mapping) else {next(iter(self.keys)): examples}


def take(examples: Any, rows: Any) -> Any:
    """Return some examples of an array, or of a dict of arrays."""
    if isinstance(examples, Mapping):
        return {key: values[rows] for key, values in examples.items()}
    return examples[rows]


def count(examples: Any) -> int:
    """Return how many examples an array, or a dict of arrays, holds."""
    return len(next(iter(examples.values())) if isinstance(examples, Mapping) else examples)


def logistic_regression(bank: Any, labels: np.ndarray, test: Any) -> np.ndarray:
    """Return the classes of a logistic regression on standardised features, fitted on the bank."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(model.fit(bank, labels).predict(test))


def _rows(examples: Any) -> np.ndarray:
    """All values of each example side by side, `(examples, features)` float32."""
    parts = examples.values() if isinstance(examples, Mapping) else [examples]
    return np.concatenate([np.asarray(p, "float32").reshape(len(p), -1) for p in parts], axis=1)


def _known(key: str, shape: Any) -> tuple[int, ...]:
    known: tuple[int, ...] = tuple(shape)[1:]
    if any(size is None for size in known):
        raise ValueError(f"{key} must have one known shape; got {known}")
    return known
