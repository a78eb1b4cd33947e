"""The key of a pseudo-label in a batch, by its current name or an older one."""

from __future__ import annotations

import warnings
from typing import Any

PAIR_TARGET = "pair_target"  # what sentence_pairs and sentence_order write
_OLD_PAIR_TARGETS = ("is_next", "in_order")
# What the transforms of kssl 0.1 wrote instead of `target`.
_OLD_TARGETS = ("rotation", "permutation", "position", "exemplar", "valid", "forwards")
_OLD_TARGETS += _OLD_PAIR_TARGETS


def label_key(
    keys: Any, names: tuple[str, ...], old_names: tuple[str, ...] = _OLD_TARGETS
) -> str | None:
    """Return the first of the names that is among the keys of a batch, None if none is.

    Args:
        keys: A batch, or its keys.
        names: Names of today, the likeliest first.
        old_names: What transforms wrote before kssl 0.2; one of these gives a warning.
    """
    name = next((name for name in (*names, *old_names) if name in keys), None)
    if name in old_names:
        warnings.warn(
            f"the pseudo-label is under {name!r}: since kssl 0.2 transforms write it under "
            f"{names[0]!r}; the old name is read in this version only",
            FutureWarning,
            stacklevel=2,
        )
    return name


def pair_key(keys: Any) -> str | None:
    """Return under which key the label of pairs is, None if there is none."""
    return label_key(keys, (PAIR_TARGET,), _OLD_PAIR_TARGETS)
