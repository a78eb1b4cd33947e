"""What the layouts share: naming the rounds, leaving out what did not change, small numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Batch = dict[str, np.ndarray]
Rounds = Sequence[Batch]
Words = Callable[[np.ndarray], Sequence[str]]  # how token ids are written

FEW = 4  # numbers that still fit below a picture


def lines(
    raw: Batch, rounds: Rounds, drawable: Callable[[str, np.ndarray], bool]
) -> Iterator[tuple[str, str, np.ndarray, Batch]]:
    """Yield (name of the round, key, values, round) of all that is to be drawn, inputs first.

    A single round is called `output`, several by their epochs. What a round has in common with the
    input or an earlier round is not repeated.
    """
    for key, values in raw.items():
        if drawable(key, values):
            yield "input", key, values, raw
    for number, batch in enumerate(rounds):
        earlier = [raw, *rounds[:number]]
        for key, values in batch.items():
            known = any(_unchanged(values, other.get(key)) for other in earlier)
            if drawable(key, values) and not known:
                yield round_name(number, rounds), key, values, batch


def round_name(number: int, rounds: Rounds) -> str:
    """Return what a round is called."""
    return f"epoch {number + 1}" if len(rounds) > 1 else "output"


def made(batch: Batch, raw: Batch) -> Batch:
    """Return what the transforms made or changed."""
    return {key: values for key, values in batch.items() if not _unchanged(values, raw.get(key))}


def unit(values: np.ndarray) -> np.ndarray:
    """Bring values to 0 … 1: bytes by 255, values that leave the range by their own extremes."""
    if values.dtype == np.uint8:
        return values / np.float32(255.0)
    values = np.asarray(values, np.float32)
    if not values.size:
        return values
    low, high = float(values.min()), float(values.max())
    if low >= -0.5 and high <= 1.5:  # noise may leave the range a little
        return values
    return (values - low) / max(high - low, 1e-6)


def captions(batch: Batch, count: int, raw: Batch | None = None) -> list[str]:
    """Write every label and pseudo-label of a few numbers, one line a key, for each example.

    With `raw`, those that the input has too are left out.
    """
    batch = made(batch, raw) if raw is not None and raw is not batch else batch
    few = {key: values for key, values in batch.items() if _is_few(values)}
    return [
        "\n".join(_caption(key, values[index]) for key, values in few.items())
        for index in range(count)
    ]


def _caption(key: str, value: Any) -> str:
    text, name = short(value), key.replace("_", " ")
    return f"{name}:\n{text}" if "\n" in text else f"{name}: {text}"


def short(value: Any) -> str:
    """Write a number, a few of them, or a text, in as little room as can be."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.ndim:
        return " ".join(short(each) for each in value)
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)


def _is_few(values: np.ndarray) -> bool:
    if values.dtype.kind == "U":  # words of labels, see `Facts.named`
        return values.ndim == 1
    numbers = values.dtype.kind in "iufb"
    return numbers and (values.ndim == 1 or (values.ndim == 2 and values.shape[1] <= FEW))


def _unchanged(values: np.ndarray, before: np.ndarray | None) -> bool:
    if before is None or values.shape != before.shape:
        return False
    if values.dtype.kind in "iufb" and before.dtype.kind in "iufb":
        return bool(np.allclose(unit(values), unit(before), atol=1e-6))
    return bool(np.array_equal(values, before))
