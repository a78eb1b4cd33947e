"""What a data set says of itself beside its examples: vocabulary, names of classes, categories.

`tf.data` knows no such thing. A source writes them as attributes on the data set that it returns,
and whatever is made of that by `.map`, `.take` or `.batch` is a new data set without them. So they
are asked for at the source and handed on by name.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from kssl.errors import UserError

UNLABELLED = -1  # under `label` in a data set with names of classes: the example has none

if TYPE_CHECKING:
    from kssl.data.locate import Dataset
    from kssl.tokenizers.vocabulary import Vocabulary


@dataclass(frozen=True)
class Description:
    """What a data set says of itself; None where it says nothing.

    Attributes:
        vocabulary: Which token an id stands for.
        class_names: The class that each number under `label` stands for.
        categories: For each column under `categorical`, how many numbers there are, 0 included.
        columns: The names of the columns of a table, by the key under which they are.
        category_names: For each column under `categorical`, what its numbers from 1 stand for.
        sample_rate: Samples per second of recordings.
        names: What each example is called, in order: its file, or the number of its row. Examples
            that are parts of one file have one name.
        found: What was found and how it was understood, in three lines: kinds and counts with
            what was left out, splits, classes.
    """

    vocabulary: Any = None
    class_names: Sequence[str] | None = None
    categories: Sequence[int] | None = None
    columns: Mapping[str, Sequence[str]] | None = None
    category_names: Sequence[Sequence[str]] | None = None
    sample_rate: int | None = None
    found: Sequence[str] | None = None
    names: Sequence[str] | None = None


def described(dataset: Dataset, **facts: Any) -> Dataset:
    """Write a description on a data set, as the last step of a source, and return it.

    Args:
        dataset: What the source returns.
        **facts: Fields of `Description`.
    """
    for name, value in facts.items():
        if value is not None:
            setattr(dataset, name, value)
    return dataset


def describe(dataset: Dataset) -> Description:
    """Return what a source has written on its data set.

    Args:
        dataset: As the source returned it; what `.map` or `.take` made of it says nothing.

    Example:
        >>> import kssl
        >>> rows = kssl.data.tokens("test", "python_topics", {"kind": "characters"}, length=65)
        >>> describe(rows).vocabulary is None, describe(rows.take(5)).vocabulary is None
        (False, True)
    """
    names = (field.name for field in fields(Description))
    return Description(**{name: getattr(dataset, name, None) for name in names})


def vocabulary_of(dataset: Dataset) -> Vocabulary:
    """Return the vocabulary of a data set of tokens, to hand it on.

    Args:
        dataset: As `kssl.data.tokens`, or another source of ids, returned it.

    Raises:
        UserError: It has none, or has lost it.

    Example:
        >>> import kssl
        >>> rows = kssl.data.tokens("test", "python_topics", {"kind": "words"}, 64, "sentences")
        >>> vocabulary = vocabulary_of(rows)
        >>> few = rows.take(8)  # a new data set, which knows nothing of it
        >>> pipeline = kssl.data.Pipeline(few, batch_size=8, vocabulary=vocabulary)
        >>> pipeline.vocabulary is vocabulary
        True
    """
    found = describe(dataset).vocabulary
    if found is None:
        raise UserError(
            "the data set has no vocabulary. One that went through .map, .take or .batch has lost "
            "it: ask for it before, vocabulary = kssl.data.vocabulary_of(source), and give it on, "
            "such as Pipeline(dataset, vocabulary=vocabulary)"
        )
    return found  # type: ignore[no-any-return]


@functools.cache
def warn_once(text: str) -> None:
    """Warn of what is odd about data, once though its three splits are opened one by one."""
    logging.getLogger("kssl").warning("%s", text)
