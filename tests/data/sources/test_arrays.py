"""NumPy files."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl.data import SPLITS, arrays
from kssl.data.from_arrays import serve
from kssl.errors import UserError


def read(dataset: tf.data.Dataset) -> dict[str, np.ndarray]:
    columns: dict[str, list[Any]] = {}
    for example in dataset.as_numpy_iterator():
        for key, value in example.items():
            columns.setdefault(key, []).append(value)
    return {key: np.stack(values) for key, values in columns.items()}


def numbered(count: int, *shape: int) -> np.ndarray:
    """Images whose every pixel is the number of the example."""
    return np.broadcast_to(
        np.arange(count).reshape(count, *[1] * len(shape)), (count, *shape)
    ).astype(np.uint8)


def save(path: Path, **content: np.ndarray) -> str:
    np.savez(path / "data.npz", **content)
    return str(path / "data.npz")


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_lone_array_is_cut_into_three_parts(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data.{suffix}"
    (np.save if suffix == "npy" else np.savez)(path, numbered(50, 4, 3))
    parts = {split: read(arrays(split, str(path), validation=0.2)) for split in SPLITS}
    assert [len(part["image"]) for part in parts.values()] == [35, 10, 5]
    assert all(part["image"].shape[1:] == (4, 3, 1) for part in parts.values())
    numbers = np.concatenate([part["image"][:, 0, 0, 0] for part in parts.values()])
    assert sorted(numbers) == list(range(50))
    # Random, not the tail: files are often sorted by class.
    assert set(parts["validation"]["image"].ravel()) != set(range(35, 45))
    again = read(arrays("test", str(path), validation=0.2))
    np.testing.assert_array_equal(again["image"], parts["test"]["image"])


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "targets-train", "imgs.test", "label_test"),
    ],
)
def test_splits_and_labels_are_read_off_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    content = (numbered(20, 2, 2, 3), np.arange(20), numbered(6, 2, 2, 3) + 100, np.arange(6) + 100)
    path = save(tmp_path, **dict(zip(names, content, strict=True)))
    train, validation, test = (read(arrays(split, path)) for split in SPLITS)
    assert [len(part["label"]) for part in (train, validation, test)] == [18, 2, 6]
    assert min(test["label"]) >= 100 > max(*train["label"], *validation["label"])
    for part in (train, validation, test):
        assert part["label"].dtype == np.int64
        np.testing.assert_array_equal(part["image"][:, 0, 0, 0], part["label"])


def test_keys_name_splits_features_or_both(tmp_path: Path) -> None:
    path = save(tmp_path, a=numbered(9, 2, 2), b=numbered(5, 2, 2), c=np.arange(9), d=np.arange(5))
    assert len(read(arrays("test", path, {"train": "a", "test": "b"}))["image"]) == 5
    both = {"train": {"image": "a", "label": "c"}, "validation": {"image": "b", "label": "d"}}
    assert sorted(read(arrays("validation", path, both))["label"]) == list(range(5))
    features = read(arrays("train", path, {"image": "a", "label": "c", "weight": "c"}))
    np.testing.assert_array_equal(features["weight"], features["label"])


def test_packed_bits_become_black_and_white(tmp_path: Path) -> None:
    bits = np.random.RandomState(0).randint(0, 2, (40, 5, 3, 1)).astype(np.uint8)
    packed = np.packbits(bits.reshape(40, 15), axis=1)
    path = save(tmp_path, train_packed=packed, valid_packed=packed[:4], test_packed=packed[:3])
    loaded = read(arrays("train", path, packed_shape=[5, 3, 1]))["image"]
    np.testing.assert_array_equal(loaded, bits * 255)
    assert len(read(arrays("validation", path, packed_shape=[5, 3, 1]))["image"]) == 4
    with pytest.raises(UserError, match=r"must be \(n, 98\) uint8"):
        arrays("train", path, packed_shape=[28, 28, 1])


def test_types_are_kept_but_for_booleans(tmp_path: Path) -> None:
    values = np.random.RandomState(0).uniform(size=(10, 4)).astype(np.float32)
    floats = arrays("train", save(tmp_path, data=values))
    assert floats.element_spec["image"] == tf.TensorSpec((4,), tf.float32)
    masks = read(arrays("train", save(tmp_path, data=values > 0.5)))["image"]
    assert set(np.unique(masks)) == {0, 255}


def test_labels_may_be_a_column_or_whole_floats(tmp_path: Path) -> None:
    path = save(tmp_path, x=numbered(10, 2, 2), y=np.arange(10.0)[:, None])
    part = read(arrays("train", path))
    np.testing.assert_array_equal(part["label"], part["image"][:, 0, 0, 0])


def test_a_file_beyond_the_memory_is_read_in_blocks_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (2**15, 256, 256, 1)  # 2 GiB, of which the disk holds nothing
    stored = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, size)
    stored.flush()
    free = SimpleNamespace(available=2**27)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    tracemalloc.start()
    dataset = arrays("train", str(tmp_path / "a.npy"))
    first = next(iter(dataset))["image"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert int(dataset.cardinality()) == 26_214 and tuple(first.shape) == size[1:]
    assert peak < free.available
    np.savez_compressed(tmp_path / "b.npz", images=np.zeros((2**12, 256, 256), np.uint8))
    with pytest.raises(UserError, match=r"'images', which a .npz file holds as a whole .*0.3 GiB"):
        arrays("train", str(tmp_path / "b.npz"))


def test_what_does_not_fit_is_read_as_it_goes() -> None:
    images = numbered(700, 3, 2)
    rows = np.arange(699, 0, -2)
    changes = {"image": lambda block: block[..., None] + np.uint8(1)}
    kept, streamed = (serve({"image": images}, rows, changes, budget) for budget in (10**9, 10))
    assert kept.cardinality().numpy() == streamed.cardinality().numpy() == 350
    assert kept.element_spec == streamed.element_spec
    np.testing.assert_array_equal(read(kept)["image"], read(streamed)["image"])
    np.testing.assert_array_equal(read(kept)["image"], images[rows][..., None] + np.uint8(1))


GOOD = numbered(10, 2, 2)
HOLED = GOOD.astype(np.float32)
HOLED[7, 1, 1] = np.nan


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        ({"x": GOOD}, {"keys": {"train": "images"}}, "no array 'images'; there is: x"),
        ({"x": GOOD}, {"keys": {"train": "x", "label": "x"}}, "mixes splits and features"),
        ({"x": GOOD}, {"keys": {"train": 3}}, "no array '3'"),
        ({"x": GOOD}, {"keys": {}}, "keys is empty"),
        ({"first": GOOD, "second": GOOD}, {}, "not clear.*there is: first, second"),
        ({"x": GOOD, "images": GOOD}, {}, "'x' and 'images' could both be the image"),
        ({"x_test": GOOD, "y_test": GOOD}, {}, "not clear which array"),
        ({"x": GOOD, "y": np.arange(9)}, {}, r"same number.*'x' \(10, 2, 2\), 'y' \(9,\)"),
        ({"x": GOOD, "y": GOOD}, {}, "one whole number per example"),
        ({"x": GOOD, "y": np.arange(10) / 3}, {}, "one whole number per example"),
        ({"x": HOLED}, {}, "NaN or infinite values, the first in example 7"),
        ({"x": np.array(["a", "b", "c"])}, {}, "must hold numbers"),
        ({"x": np.float32(3)}, {}, "at least 1"),
        ({"x": GOOD[:0]}, {}, "at least 1"),
        ({"x": np.zeros((10, 3, 32, 32))}, {}, r"\(3, 32, 32\), with the channels first"),
        ({"x": np.zeros((10, 1, 28, 28), np.uint8)}, {}, r"numpy.moveaxis\(array, 1, -1\)"),
        ({"x": GOOD[:2]}, {}, "at least 3 are needed"),
        ({"x": GOOD}, {"validation": 0.6, "test": 0.5}, "sum below 1"),
        ({"x": np.array([{}, []], object)}, {}, "Python objects, which kssl does not load"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path, content: dict[str, np.ndarray], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        arrays("train", save(tmp_path, **content), **settings)


@pytest.mark.parametrize(
    "content", [b"", b"no array", b"PK\x03\x04 torn", b"\x93NUMPY\x01\x00v\x00"]
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_damaged_file_is_a_users_error(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"data.{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"data.{suffix}"):
        arrays("train", str(path))


def test_a_pickle_a_truncated_file_and_a_folder_are_users_errors(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}, []], object))
    with pytest.raises(UserError, match="Python objects"):
        arrays("train", str(tmp_path / "objects.npy"))
    whole = Path(save(tmp_path, x=np.random.RandomState(0).bytes(9000) and numbered(90, 9, 9)))
    (tmp_path / "torn.npz").write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(UserError, match="torn.npz"):
        arrays("train", str(tmp_path / "torn.npz"))
    with pytest.raises(UserError, match="cannot be read"):
        arrays("train", str(tmp_path))


def test_binarized_mnist_has_its_known_sizes_and_mean(shared_data: Path) -> None:
    path = str(shared_data / "binarized_mnist" / "binarized_mnist.npz")
    loaded = {split: arrays(split, path, packed_shape=[28, 28, 1]) for split in SPLITS}
    assert [int(d.cardinality()) for d in loaded.values()] == [50_000, 10_000, 10_000]
    images = next(iter(loaded["test"].batch(10_000)))["image"].numpy()
    assert images.shape == (10_000, 28, 28, 1) and set(np.unique(images)) == {0, 255}
    assert 0.12 < (images / 255).mean() < 0.14  # MNIST's mean grey value is 0.13


@pytest.mark.parametrize(
    ("width", "shape"), [(784, "28, 28, 1"), (3072, "32, 32, 3"), (100, "10, 10, 1"), (49, "")]
)
def test_pictures_that_are_rows_of_numbers_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, width: int, shape: str
) -> None:
    path = save(tmp_path, x=np.zeros((20, width), np.uint8))
    for split in ("train", "validation", "test"):
        assert arrays(split, path).element_spec["image"].shape == (width,)
    assert caplog.text.count(f"reshape(-1, {shape}) says so") == bool(shape)
    assert bool(caplog.text) == bool(shape)
