"""Data sets of tensorflow-datasets: any of them, and three by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kssl.data.builders.splits import instruction, read
from kssl.data.description import described
from kssl.data.from_arrays import Dataset
from kssl.data.sources.tfds_builder import builder_of
from kssl.data.splitting import check_split
from kssl.errors import UserError, nearest

_BITS = ("binarized_mnist",)  # whose images are stored as 0 and 1


def tfds(
    split: str,
    name: str,
    data_dir: str | None = None,
    validation: float = 0.1,
    test: float = 0.1,
    splits: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
) -> Dataset:
    """Any data set of tensorflow-datasets (https://www.tensorflow.org/datasets).

    A prepared copy is read without touching the network. It is looked for in `data_dir`, then
    in the environment's `KSSL_DATA_DIR` and `TFDS_DATA_DIR`, then in tensorflow-datasets' own
    folder, and in a sub-folder `tfds` of each; only if it is in none of them is it downloaded into
    the first that is set.

    Where the data set has no validation or test split of its own, they are the last examples of
    its train split: the validation examples at the very end, the test examples before them.

    Args:
        split: `train`, `validation` or `test`.
        name: As tensorflow-datasets writes it: `mnist`, `glue/sst2`, `mnist:3.0.1`.
        data_dir: Folder that holds, or gets, prepared data sets.
        validation: How much of train becomes the validation split when there is none: a fraction
            below 1, or a number of examples.
        test: The same for the test split.
        splits: What to read instead, in tensorflow-datasets' notation:
            `{train: "train[:80%]", test: "train[80%:]"}`.
        keys: Which features to read, and under what names: `{image: image, label: label}`;
            all, under their own names, unless given.

    Returns:
        A dataset of dicts of decoded features, in the order in which they are stored. Sound, films,
        tables, texts, captions, and images of several sizes, are made what a model takes by the
        sources of these, with `path: {tfds: …}`: `audio`, `video`, `tabular`, `text` or `tokens`,
        `captions`, `images`. Images of bits (`binarized_mnist`) become uint8 0 and 255.

    Raises:
        Unavailable: There is no prepared copy, and it cannot be downloaded.
        UserError: There is no such data set, split or feature.

    Example:
        >>> dataset = tfds("train", "fashion_mnist", validation=0.2)
    """
    check_split(split)
    builder = builder_of(name, data_dir)
    wanted = instruction(builder, split, splits, {"validation": validation, "test": test})
    return read_features(builder, wanted, keys, name)


def read_features(builder: Any, wanted: str, keys: Mapping[str, str] | None, name: str) -> Dataset:
    """Read features of a data set as they are; images of bits become uint8 0 and 255."""
    dataset = _select(read(builder, wanted), keys, name)
    if builder.name in _BITS:
        key = next((key for key, each in (keys or {}).items() if each == "image"), "image")
        dataset = dataset.map(lambda example: {**example, key: example[key] * 255})
    return described(dataset, class_names=_class_names(builder, (keys or {}).get("label", "label")))


def _class_names(builder: Any, feature: str) -> list[str] | None:
    """What the numbers of a feature stand for; None where it has no names."""
    features = builder.info.features
    known = hasattr(features, "keys") and feature in features
    names = getattr(features[feature], "names", None) if known else None
    return None if names is None else list(names)


def mnist(split: str = "train", validation: int = 5000, data_dir: str | None = None) -> Dataset:
    """MNIST: 70,000 handwritten digits, 28x28 grey.

    Y. LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 1998.

    Args:
        split: `train` (55,000), `validation` (the last 5,000 of the original 60,000) or `test`
            (10,000).
        validation: How many of the 60,000 are for validation, at least 1.
        data_dir: Folder of prepared data sets; see `kssl.data.tfds`.

    Returns:
        A dataset of `{"image": uint8 (28, 28, 1), "label": int64 ()}`.

    Example:
        >>> mnist("test").cardinality().numpy().item()
        10000
    """
    return _classified("mnist", split, validation, data_dir)


def fashion_mnist(
    split: str = "train", validation: int = 5000, data_dir: str | None = None
) -> Dataset:
    """Fashion-MNIST: 70,000 pictures of clothes in 10 classes, 28x28 grey.

    H. Xiao et al., arXiv:1708.07747.

    Args:
        split: `train` (55,000), `validation` (the last 5,000 of the original 60,000) or `test`
            (10,000).
        validation: How many of the 60,000 are for validation, at least 1.
        data_dir: Folder of prepared data sets; see `kssl.data.tfds`.

    Returns:
        A dataset of `{"image": uint8 (28, 28, 1), "label": int64 ()}`.

    Example:
        >>> dataset = fashion_mnist("validation")
    """
    return _classified("fashion_mnist", split, validation, data_dir)


def cifar10(split: str = "train", validation: int = 5000, data_dir: str | None = None) -> Dataset:
    """CIFAR-10: 60,000 photographs in 10 classes, 32x32 in colour.

    A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    Args:
        split: `train` (45,000), `validation` (the last 5,000 of the original 50,000) or `test`
            (10,000).
        validation: How many of the 50,000 are for validation, at least 1.
        data_dir: Folder of prepared data sets; see `kssl.data.tfds`.

    Returns:
        A dataset of `{"image": uint8 (32, 32, 3), "label": int64 ()}`.

    Example:
        >>> dataset = cifar10("train")
    """
    return _classified("cifar10", split, validation, data_dir)


def _classified(name: str, split: str, validation: int, data_dir: str | None) -> Dataset:
    keys = {"image": "image", "label": "label"}
    return tfds(split, name, data_dir=data_dir, validation=validation, keys=keys)


def _select(dataset: Dataset, keys: Mapping[str, str] | None, name: str) -> Dataset:
    features = dataset.element_spec
    used = features if keys is None else keys.values()
    for feature in used if isinstance(features, dict) else ():
        if isinstance(features.get(feature), dict):
            raise UserError(
                f"{name}: its feature '{feature}' holds others, {', '.join(features[feature])}: "
                "leave it out with keys: {image: image}. The source captions reads it, of "
                f"path: {{tfds: {name}}}"
            )
    if keys is None:
        return dataset
    if not isinstance(features, dict):
        raise UserError(f"{name} has no named features to choose from with keys")
    for feature in keys.values():
        if feature not in features:
            raise UserError(f"{name} has no feature '{feature}'{nearest(feature, features)}")
    if dict(keys) == {feature: feature for feature in features}:
        return dataset
    return dataset.map(lambda example: {key: example[feature] for key, feature in keys.items()})
