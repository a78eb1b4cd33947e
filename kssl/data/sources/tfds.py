"""Data sets of tensorflow-datasets: any of them, and three by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kssl.data.description import described
from kssl.data.from_arrays import Dataset
from kssl.data.locate import Unavailable
from kssl.data.sources.tfds_builder import builder_of
from kssl.data.splitting import check_split
from kssl.errors import UserError, nearest

_ALIASES = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


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
    folder; only if it is in none of them is it downloaded into the first that is set.

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
        A dataset of dicts of decoded features, in the order in which they are stored.

    Raises:
        Unavailable: There is no prepared copy, and it cannot be downloaded.
        UserError: There is no such data set, split or feature.

    Example:
        >>> dataset = tfds("train", "fashion_mnist", validation=0.2)
    """
    check_split(split)
    builder = builder_of(name, data_dir)
    instruction = _instruction(builder, split, splits, {"validation": validation, "test": test})
    dataset = _select(_read(builder, instruction), keys, name)
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


def _instruction(
    builder: Any, split: str, splits: Mapping[str, str] | None, held_out: Mapping[str, float]
) -> str:
    """What to read, in tensorflow-datasets' notation."""
    if splits is not None:
        if split not in splits:
            raise UserError(f"tfds: splits has no '{split}'{nearest(split, splits)}")
        return splits[split]
    own = _own_splits(builder.info.splits)
    if "train" not in own:
        raise UserError(
            f"{builder.name} has no split 'train'{nearest('train', builder.info.splits)}; say "
            "which to use: splits: {train: …, validation: …, test: …}"
        )
    if split != "train" and split in own:
        return own[split]
    count = builder.info.splits[own["train"]].num_examples
    cut = {kind: 0 if kind in own else _amount(kind, held_out[kind], count) for kind in held_out}
    end = count - cut["validation"]
    start = end - cut["test"]
    if start < 1:
        raise UserError(
            f"{builder.name} has {count:,} examples to train on: {cut['validation']:,} for "
            f"validation and {cut['test']:,} for test leave none"
        )
    bounds = {"train": (0, start), "test": (start, end), "validation": (end, count)}[split]
    return f"{own['train']}[{bounds[0]}:{bounds[1]}]"


def _own_splits(names: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for split, aliases in _ALIASES.items():
        own = [alias for alias in aliases if alias in names]
        if own:
            found[split] = own[0]
    return found


def _amount(kind: str, value: float, count: int) -> int:
    """A fraction below 1, or a number of examples, as a number of examples."""
    if not value > 0 or (value >= 1 and value != int(value)):
        raise UserError(
            f"{kind}={value} must be a fraction between 0 and 1, or a whole number of examples of "
            "at least 1"
        )
    return max(1, round(count * value)) if value < 1 else int(value)


def _read(builder: Any, instruction: str) -> Dataset:
    import tensorflow as tf
    import tensorflow_datasets

    config = tensorflow_datasets.ReadConfig(
        try_autocache=False,  # kssl's pipeline holds decoded data itself
        interleave_cycle_length=1,  # in the order of the files
        num_parallel_calls_for_decode=tf.data.AUTOTUNE,
    )
    try:
        dataset = builder.as_dataset(split=instruction, shuffle_files=False, read_config=config)
    except (ValueError, AssertionError) as error:
        known = ", ".join(
            f"{name} ({info.num_examples:,})" for name, info in builder.info.splits.items()
        )
        raise UserError(
            f"{builder.name}: '{instruction}' cannot be read; its splits are {known} ({error})"
        ) from error
    except OSError as error:
        raise Unavailable(f"{builder.name}: the prepared copy cannot be read: {error}") from error
    return dataset


def _select(dataset: Dataset, keys: Mapping[str, str] | None, name: str) -> Dataset:
    if keys is None:
        return dataset
    features = dataset.element_spec
    if not isinstance(features, dict):
        raise UserError(f"{name} has no named features to choose from with keys")
    for feature in keys.values():
        if feature not in features:
            raise UserError(f"{name} has no feature '{feature}'{nearest(feature, features)}")
    if dict(keys) == {feature: feature for feature in features}:
        return dataset
    return dataset.map(lambda example: {key: example[feature] for key, feature in keys.items()})
