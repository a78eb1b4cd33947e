"""Which array of a file is which feature and split: from the names, or as given."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from kssl.data.splitting import SPLIT_WORDS, SPLITS
from kssl.errors import UserError, nearest

Table = dict[str, dict[str, str]]  # split, or "all" -> feature -> array's name

_FEATURE_WORDS = {
    **dict.fromkeys(("image", "images", "img", "imgs", "x", "data", "features"), "image"),
    **dict.fromkeys(("label", "labels", "y", "target", "targets", "class", "classes"), "label"),
}


def table_of(
    names: Collection[str], keys: Mapping[str, Any] | None, file: str, packed: bool = False
) -> Table:
    """Say which array is which feature of which split.

    Args:
        names: What is in the file.
        keys: What the user said, or None to read it off the names.
        file: The file's name, for errors.
        packed: Whether rows are packed bits, so that `packed` in a name says nothing.

    Returns:
        `{"train": {"image": "x_train", …}, …}`, or `{"all": {…}}` for a file without splits.
        `train` or `all` is always there, with an `image`.

    Raises:
        UserError: It is not clear, or a name in `keys` is not in the file.
    """
    if keys is not None and not keys:
        raise UserError("arrays: keys is empty; leave it out to have the names of the arrays read")
    table = _given(names, keys, file) if keys else _read_off(names, file, packed)
    base = table.get("train") or table.get("all")
    if base is None or any("image" not in features for features in table.values()):
        raise UserError(
            f"{file}: it is not clear which array holds the images to train on; {_there(names)}. "
            "Name them: keys: {image: …} or keys: {train: …, test: …}"
        )
    return table


def _given(names: Collection[str], keys: Mapping[str, Any], file: str) -> Table:
    by_split = [key for key in keys if key in SPLITS]
    if by_split and len(by_split) != len(keys):
        raise UserError(
            f"arrays: keys mixes splits and features ({', '.join(map(str, keys))}); use either "
            "{train: …, validation: …, test: …} or {image: …, label: …}"
        )
    if not by_split:
        return {"all": {feature: _there_is(names, name, file) for feature, name in keys.items()}}
    table: Table = {}
    for split, given in keys.items():
        features = given if isinstance(given, Mapping) else {"image": given}
        table[split] = {feature: _there_is(names, name, file) for feature, name in features.items()}
    return table


def _there_is(names: Collection[str], name: Any, file: str) -> str:
    if not isinstance(name, str) or name not in names:
        raise UserError(f"{file} has no array '{name}'{nearest(str(name), names)}")
    return name


def _read_off(names: Collection[str], file: str, packed: bool) -> Table:
    if len(names) == 1:
        return {"all": {"image": next(iter(names))}}
    table: Table = {}
    for name in names:
        split, feature = _meaning(name, packed)
        if feature is None:
            continue
        taken = table.setdefault(split, {}).get(feature)
        if taken is not None:
            raise UserError(
                f"{file}: '{taken}' and '{name}' could both be the {feature} array; "
                f"{_there(names)}. Say which with keys"
            )
        table[split][feature] = name
    if any(split in table for split in SPLITS):
        table.pop("all", None)
    return table


def _meaning(name: str, packed: bool) -> tuple[str, str | None]:
    """Split and feature of an array's name; no feature where a word of it is not understood."""
    words = [word for word in re.split(r"[^a-z]+|(?<=[a-z])(?=[A-Z])", name.lower()) if word]
    if packed:
        words = [word for word in words if word not in ("packed", "bits")]
    splits = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
    features = {_FEATURE_WORDS[word] for word in words if word in _FEATURE_WORDS}
    known = all(word in SPLIT_WORDS or word in _FEATURE_WORDS for word in words)
    if not known or len(splits) > 1 or len(features) > 1 or not words:
        return "all", None
    feature = features.pop() if features else ("image" if splits else None)
    return (splits.pop() if splits else "all"), feature


def _there(names: Collection[str]) -> str:
    return f"there is: {', '.join(names)}"
