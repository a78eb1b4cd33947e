"""The next token, from those before it."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from kssl.errors import UserError
from kssl.pretext import random
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.task import Task
from kssl.pretext.text.layout import count, ids_of
from kssl.pretext.text.sentence_tasks import below

_ALONG = ("document", "padding_mask", "starts", "sentence")  # keys that are cut as the tokens are


def next_token(
    context: int | None = None, apart: bool = True, attention_mask: bool = False
) -> MapFunction:
    """Predict each token from those before it: the target is the input, shifted by one.

    In packed rows, documents are kept apart: positions begin again with each, the first token of
    a document is not predicted from the one before, and attention must not cross the border,
    which `document` or `attention_mask` tells the model. Restarting positions alone would still
    let the model look across.

    Args:
        context: Tokens of the input: a window of `context + 1` at a random place of the row, drawn
            anew in every epoch. With blocks of `2 * context + 1` ids and a stride of `context`,
            every window of the text can come up. None takes the whole row, without its last token.
        apart: Whether documents are kept apart, where the rows have `document`.
        attention_mask: Whether `attention_mask` bool `(context, context)` is written: True where
            row `i` may look at column `j`, which is not behind it, real and of its document.

    Returns:
        A map function; `tokens` int32 `(context,)`, `target` the next ones, -1 where there is
        none to predict, and `positions` int32, counted from 0 in each document. `document`,
        `padding_mask`, `starts` and `sentence` are cut as `tokens` are.

    Raises:
        UserError: From the map function, when a row is not longer than `context`.

    Example:
        >>> packed = {"tokens": tf.constant([7, 8, 3, 9, 5])}
        >>> packed["document"] = tf.constant([0, 0, 0, 1, 1])
        >>> example = next_token()(packed)
        >>> {key: example[key].numpy().tolist() for key in ("tokens", "target", "positions")}
        {'tokens': [7, 8, 3, 9], 'target': [8, 3, -1, 5], 'positions': [0, 1, 2, 0]}
    """
    if context is not None and context < 1:
        raise UserError(f"next_token: context {context} is not 1 or more")

    def change(batch: Mapping[str, tf.Tensor], *seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        cut = {key: batch[key] for key in ("tokens", *_ALONG) if key in batch}
        cut["tokens"] = ids_of("next_token", batch)
        if context is not None:
            cut = _window(cut, context + 1, *seeds)
        return _shifted(cut, apart, attention_mask)

    optional = dict.fromkeys(_ALONG, 1)
    task = Task("tokens", skipped=False)  # the tokens are whole, and as many as the model reads
    return by_batch("next_token", change, {"tokens": 1}, context is not None, optional, task)


def _window(
    columns: Mapping[str, tf.Tensor], length: int, seeds: tf.Tensor
) -> dict[str, tf.Tensor]:
    """A part of each row, at a random place."""
    size = columns["tokens"].shape[1]
    if size < length:
        raise UserError(
            f"next_token: rows of {size} ids are too short for a context of {length - 1}: one more "
            f"is predicted, so they must have {length} or more"
        )
    begin = random.choice(seeds, (), size - length + 1)  # (batch,)
    index = begin[:, None] + tf.range(length)
    return {key: tf.gather(value, index, batch_dims=1) for key, value in columns.items()}


def _shifted(
    columns: Mapping[str, tf.Tensor], apart: bool, attention_mask: bool
) -> dict[str, tf.Tensor]:
    ids = columns["tokens"]
    target = ids[:, 1:]  # (batch, length - 1)
    result = {key: value[:, :-1] for key, value in columns.items()}
    places = tf.range(target.shape[1]) + tf.zeros_like(target)
    if apart and "document" in columns:
        document = columns["document"]
        target = tf.where(document[:, 1:] == document[:, :-1], target, -1)
        first = tf.searchsorted(result["document"], result["document"])  # where each one begins
        places = places - first
    if "padding_mask" in columns:
        target = tf.where(columns["padding_mask"][:, 1:], target, -1)
    result |= {"target": target, "positions": places}
    if attention_mask:
        result["attention_mask"] = _causal(result, apart)
    return result


def _causal(columns: Mapping[str, tf.Tensor], apart: bool) -> tf.Tensor:
    """The attention mask: bool `(batch, length, length)`."""
    length = columns["tokens"].shape[1]
    places = tf.range(length)
    seen = (places[:, None] >= places[None, :])[None]
    if apart and "document" in columns:
        document = columns["document"]
        seen = seen & (document[:, :, None] == document[:, None, :])
    if "padding_mask" in columns:
        seen = seen & (columns["padding_mask"][:, None, :] | tf.eye(length, dtype=tf.bool))
    batch = tf.shape(columns["tokens"])[0]
    return seen & tf.ones([batch, 1, 1], tf.bool)


def prefix(attention_mask: bool = False) -> MapFunction:
    """Predict the rest of a row from its beginning, which is seen both ways.

    The prefix language model of C. Raffel et al., T5, arXiv:1910.10683. A row of `n` real tokens
    is cut at a place drawn evenly from 1 to n - 1.

    Args:
        attention_mask: Whether `attention_mask` bool `(length - 1, length - 1)` is written: True
            where row `i` may look at column `j`, which is in the prefix or not behind it.

    Returns:
        A map function; `tokens` is the row without its last token, `target` the next ones, -1
        within the prefix and at padding, and `prefix` int32 `()` how many tokens it has.
        `positions` counts from 0.

    Example:
        >>> example = prefix()({"tokens": tf.constant([7, 8, 9, 5])})
        >>> size = int(example["prefix"])
        >>> example["target"].numpy().tolist() == [-1] * (size - 1) + [8, 9, 5][size - 1 :]
        True
    """

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        cut = {key: batch[key] for key in ("padding_mask", "starts", "sentence") if key in batch}
        cut["tokens"] = ids = ids_of("prefix", batch)
        real = count(cut.get("padding_mask", tf.ones_like(ids, tf.bool)))
        size = 1 + below(seeds, real - 1)  # (batch,)
        result = _shifted(cut, False, attention_mask)
        within = tf.range(ids.shape[1] - 1) < size[:, None] - 1
        result |= {"target": tf.where(within, -1, result["target"]), "prefix": size}
        if attention_mask:
            both = tf.range(ids.shape[1] - 1) < size[:, None]
            result["attention_mask"] |= both[:, None, :] & both[:, :, None]
        return result

    optional = dict.fromkeys(("padding_mask", "starts", "sentence"), 1)
    task = Task("tokens", skipped=False)  # as in `next_token`
    return by_batch("prefix", change, {"tokens": 1}, True, optional, task)
