"""From a data set to batches: by index, seeded, resumable at any step.

What an example looks like depends on (seed, epoch, index) alone: not on the batch size, the order
of the work or where training began. A split that fits is held decoded in memory and gathered by
index, which is faster than shuffling examples; a larger one streams.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kssl.data.array_batches import fed, for_model
from kssl.data.description import describe
from kssl.data.selection import numbered, representative
from kssl.data.whole import count, fits, read_all
from kssl.errors import UserError
from kssl.pretext import random

Example = dict[str, tf.Tensor]

EVALUATION_EPOCH = 2**31 - 1  # the epoch whose draws every evaluation and preview sees
_LEAST_PART = 16  # examples that a part of a split has, however small
SHUFFLE_BUFFER = 16_384  # examples that a streaming split is shuffled among, block by block


class Pipeline:
    """One split of a data set with its transforms.

    Args:
        dataset: Examples as dicts of named tensors, unbatched, `label` among them or not.
        transforms: Map functions `(example, seed) -> example`, applied to batches in order.
        batch_size: Examples of a training step; a split with fewer is one batch.
        seed: Seed of the order and of every transform.
        memory_budget: Bytes up to which the split is held in memory.
        vocabulary: Which token an id stands for; None takes what the data set, as its source
            returned it, or a transform says of itself, see `kssl.data.vocabulary_of`.
        class_names: The class that each label stands for; None takes the data set's own.

    Attributes:
        transform_names: How the transforms are written in the record of a run.
        description: What the data set says of itself, see `kssl.data.Description`.
        names: What each example is called, or None; see `kssl.data.Description`.
        categories: For each column under `categorical`, how many numbers there are, or None.

    Raises:
        UserError: If the data set is empty, endless, or does not yield dicts.

    Example:
        >>> import kssl
        >>> dataset = kssl.data.digits("train")
        >>> pipeline = kssl.data.Pipeline(dataset, [kssl.pretext.to_float()], batch_size=64)
        >>> next(iter(pipeline.train()))["image"].shape
        TensorShape([64, 28, 28, 1])
    """

    def __init__(
        self,
        dataset: tf.data.Dataset,
        transforms: Sequence[Callable[..., Example]] = (),
        batch_size: int = 128,
        seed: int = 0,
        memory_budget: int = 2**31,
        vocabulary: Any = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        if not isinstance(dataset.element_spec, dict):
            raise UserError(
                f"a data set must yield dicts of named tensors; it yields {dataset.element_spec}"
            )
        self.transforms = tuple(transforms)
        self.transform_names = [getattr(each, "__name__", "transform") for each in transforms]
        self.seed = seed
        own = self.description = describe(dataset)
        sources = [getattr(each, "vocabulary", None) for each in self.transforms]
        self.vocabulary = next(filter(None, (vocabulary, own.vocabulary, *sources)), None)
        self.class_names = own.class_names if class_names is None else class_names
        self.categories = own.categories
        self.names = own.names
        self.size = count(dataset)
        self.batch_size = min(batch_size, self.size)
        self.steps_per_epoch = self.size // self.batch_size
        held = fits(dataset, self.size, memory_budget)
        self._columns = read_all(dataset) if held else None
        self._dataset = None if held else dataset
        self._part = 1.0

    @property
    def in_memory(self) -> bool:
        """Whether the split is held decoded in memory."""
        return self._columns is not None

    @property
    def bytes_held(self) -> int:
        """Bytes that the split takes in memory."""
        columns = self._columns.values() if self._columns else ()
        return sum(math.prod(column.shape) * column.dtype.size for column in columns)

    @property
    def has_labels(self) -> bool:
        """Whether the data has a `label` that a model can be trained on."""
        known = self._columns if self._dataset is None else self._dataset.element_spec
        return "label" in known and known["label"].dtype != tf.string

    def labels(self) -> np.ndarray:
        """Return the `label` of each example, in order, of data that has labels."""
        if self._columns is not None:
            return np.asarray(self._columns["label"]).reshape(-1)
        labels = self._dataset.map(lambda example: example["label"]).batch(1024)
        return np.concatenate(list(labels.as_numpy_iterator())).reshape(-1)

    @property
    def task(self) -> Any:
        """What the last transform that makes a pretext task says of it, or None."""
        tasks = (getattr(transform, "task", None) for transform in reversed(self.transforms))
        found = next(filter(None, tasks), None)
        return None if found is None else found.among(self.size)

    def count_classes(self) -> int | None:
        """Return the number of classes of `label`, None where the data has none."""
        if self.class_names:
            return len(self.class_names)
        if not self.has_labels:
            return None
        if self._columns is not None:
            return int(tf.reduce_max(self._columns["label"])) + 1
        labels = self._dataset.map(lambda example: tf.cast(example["label"], tf.int64))
        return int(labels.reduce(np.int64(-1), tf.maximum)) + 1

    def train(self, start_step: int = 0, epochs: int = 1, labels: bool = False) -> tf.data.Dataset:
        """Return shuffled batches from a training step on.

        Args:
            start_step: Steps already done, over all epochs.
            epochs: Epochs in all, counted from step 0. The last, partial batch of an epoch is
                left out; the order changes from epoch to epoch.
            labels: Whether `label` stays: only for a model that says `needs_labels`.

        Returns:
            Batches with static shapes.
        """
        total = epochs * self.steps_per_epoch
        if self.in_memory:
            steps = tf.data.Dataset.range(start_step, total)
            batches = steps.map(self._gather_step, tf.data.AUTOTUNE, deterministic=True)
        else:
            batches = self._stream(start_step, epochs)
        return fed(for_model(batches, labels))

    def part(self, fraction: float) -> Pipeline:
        """Return the same split, of which `ordered` and `arrays` read only a fraction.

        Of whatever is asked for, so that what is done with it takes about that fraction of its
        time; nothing is read again.
        """
        other = copy.copy(self)
        other._part = self._part * fraction
        return other

    def ordered(
        self,
        limit: int | None = None,
        labels: bool = False,
        transformed: bool = True,
        epoch: int = EVALUATION_EPOCH,
    ) -> tf.data.Dataset:
        """Return batches in the data's own order, every example once, always the same.

        Args:
            limit: At most so many examples, from the start.
            labels: Whether `label` stays: only for a model that says `needs_labels`.
            transformed: Whether the transforms are applied.
            epoch: The epoch whose draws they see; evaluations keep to the same one.
        """
        rows = self._rows(limit, first=True)
        return fed(for_model(self._in_order(rows, transformed, epoch), labels))

    def _rows(self, limit: int | None, first: bool) -> np.ndarray:
        count = self.size if limit is None else min(limit, self.size)
        rows = np.arange(count)
        if not first and count < self.size and self.has_labels:
            rows = representative(self.labels(), count)
        if self._part < 1:
            fewer = min(count, max(_LEAST_PART, round(self._part * count)))
            rows = rows[np.arange(fewer) * count // fewer]
        return rows

    def _in_order(
        self, rows: np.ndarray, transformed: bool, epoch: int, tasks: bool = True
    ) -> tf.data.Dataset:
        if self.in_memory:
            with tf.device("cpu"):
                order = tf.constant(rows)
            starts = tf.data.Dataset.range(0, len(rows), self.batch_size)
            batches = starts.map(lambda start: self._at(order[start : start + self.batch_size]))
        else:
            batches = numbered(self._dataset, rows, self.size).batch(self.batch_size)
        if not transformed:
            return batches.map(lambda index, example: example)
        return batches.map(
            lambda index, example: self._transform(index, example, epoch, tasks),
            tf.data.AUTOTUNE,
            deterministic=True,
        )

    def arrays(
        self,
        limit: int | None = None,
        transformed: bool = True,
        epoch: int = EVALUATION_EPOCH,
        tasks: bool = True,
        first: bool = True,
    ) -> dict[str, np.ndarray]:
        """Return the split, or `limit` of its examples, as arrays, labels included.

        Args:
            limit: At most so many examples.
            transformed: Whether the transforms are applied.
            epoch: The epoch whose draws they see.
            tasks: Whether those transforms are among them that make a pretext task or add views
                (they carry a `task`, or `adds`); False gives the examples that are made into them.
            first: Whether a limit means the first ones even where they lie in the order of their
                classes, see `kssl.data.selection.representative`.
        """
        rows = self._rows(limit, first)
        batches = list(fed(self._in_order(rows, transformed, epoch, tasks)).as_numpy_iterator())
        return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}

    def _gather_step(self, step: tf.Tensor) -> Example:
        epoch = step // self.steps_per_epoch
        first = (step % self.steps_per_epoch) * self.batch_size
        positions = first + tf.range(self.batch_size, dtype=tf.int64)
        order = tf.stack([tf.constant(self.seed, tf.int64), epoch])
        index = tf.random.experimental.index_shuffle(positions, order, self.size - 1)
        return self._transform(*self._at(index), epoch)

    def _at(self, index: tf.Tensor) -> tuple[tf.Tensor, Example]:
        return index, {key: tf.gather(column, index) for key, column in self._columns.items()}

    def _stream(self, start_step: int, epochs: int) -> tf.data.Dataset:
        def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
            # Not `Dataset.shuffle`: its order depends on TensorFlow's global seed as well, and it
            # takes no symbolic seed where that one is 0.
            blocks = self._dataset.enumerate().batch(SHUFFLE_BUFFER).enumerate()
            order = blocks.map(lambda number, block: self._shuffled(number, epoch, *block))
            batches = order.unbatch().batch(self.batch_size, drop_remainder=True)
            batches = batches.take(self.steps_per_epoch)
            return batches.map(
                lambda index, example: self._transform(index, example, epoch),
                tf.data.AUTOTUNE,
                deterministic=True,
            )

        first, skipped = divmod(start_step, self.steps_per_epoch)
        return tf.data.Dataset.range(first, epochs).flat_map(one_epoch).skip(skipped)

    def _shuffled(
        self, number: tf.Tensor, epoch: tf.Tensor, index: tf.Tensor, example: Example
    ) -> tuple[tf.Tensor, Example]:
        seed = tf.stack([tf.constant(self.seed), tf.cast(number, tf.int32)])[None]  # (1, 2)
        count = tf.shape(index)[0]
        order = random.permutation(random.fold_in(seed, epoch), count)[0]  # (count,)
        columns = {key: tf.gather(column, order) for key, column in example.items()}
        return tf.gather(index, order), columns

    def _transform(
        self, index: tf.Tensor, example: Example, epoch: Any, tasks: bool = True
    ) -> Example:
        index = tf.cast(index, tf.int32)
        seeds = random.example_seeds(self.seed, index, epoch)  # (batch, 2)
        if any("index" in getattr(transform, "reads", ()) for transform in self.transforms):
            example = {"index": index, **example}  # the data's own, if it has one, counts
        lacking = False
        for position, transform in enumerate(self.transforms):
            if not tasks and _is_skipped(transform, example, lacking):
                lacking, task = True, getattr(transform, "task", None)
                example = task.instead(example) if task else example
            else:
                example = transform(example, seed=random.fold_in(seeds, position))
        return example


def _is_skipped(transform: Any, example: Example, lacking: bool) -> bool:
    """Whether it makes a task or views, or, where one is `lacking`, changes what that had made."""
    task = getattr(transform, "task", None)
    if getattr(transform, "adds", False) or (task is not None and task.skipped):
        return True
    return lacking and not any(key in example for key in getattr(transform, "reads", example))
