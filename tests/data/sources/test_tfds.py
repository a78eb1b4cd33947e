"""tensorflow-datasets: prepared copies, splits, and a quick answer where there is no network."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl.data import (
    SPLITS,
    Unavailable,
    arrays,
    cifar10,
    fashion_mnist,
    locate,
    mnist,
    tfds,
    tokens,
)
from kssl.data.builders.splits import instruction
from kssl.data.sources import tfds_builder
from kssl.errors import UserError


@pytest.fixture
def prepared(shared_data: Path) -> str:
    return str(shared_data / "tfds")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No prepared copy anywhere, and no proxy."""
    for name in ("KSSL_DATA_DIR", "TFDS_DATA_DIR", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def read(dataset: tf.data.Dataset, count: int = 100_000) -> dict[str, np.ndarray]:
    return {k: v.numpy() for k, v in next(iter(dataset.batch(count))).items()}


def builder(**splits: int) -> Any:
    infos = {name: SimpleNamespace(num_examples=count) for name, count in splits.items()}
    return SimpleNamespace(name="faces", info=SimpleNamespace(splits=infos))


def test_mnist_has_the_usual_splits_in_stored_order(prepared: str) -> None:
    loaded = {split: mnist(split, data_dir=prepared) for split in SPLITS}
    assert [int(d.cardinality()) for d in loaded.values()] == [55_000, 5_000, 10_000]
    assert loaded["train"].element_spec == {
        "image": tf.TensorSpec((28, 28, 1), tf.uint8),
        "label": tf.TensorSpec((), tf.int64),
    }
    test, validation = read(loaded["test"]), read(loaded["validation"])
    assert len(test["image"]) == 10_000 and len(validation["label"]) == 5_000
    assert abs(test["image"].mean() / 255 - 0.1325) < 0.001  # MNIST's known mean
    assert set(validation["label"]) == set(range(10))
    np.testing.assert_array_equal(test["label"], read(mnist("test", data_dir=prepared))["label"])


def test_train_and_validation_are_the_original_train_cut_in_two(prepared: str) -> None:
    whole = read(tfds("train", "mnist", prepared, splits={"train": "train[:30]"}))["image"]
    train = read(mnist("train", 59_980, prepared))["image"]
    validation = read(mnist("validation", 59_980, prepared).take(10))["image"]
    np.testing.assert_array_equal(whole, np.concatenate([train, validation]))


def test_the_other_two_have_their_shapes(prepared: str) -> None:
    assert int(fashion_mnist("train", data_dir=prepared).cardinality()) == 55_000
    colour = cifar10("validation", data_dir=prepared)
    assert sorted(colour.element_spec) == ["image", "label"]
    assert colour.element_spec["image"].shape == (32, 32, 3)
    assert int(colour.cardinality()) == 5_000


def test_folders_are_tried_in_their_order(
    prepared: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", prepared)
    monkeypatch.setenv("KSSL_DATA_DIR", str(nowhere / "empty"))
    assert int(mnist("test").cardinality()) == 10_000
    assert tfds_builder.places("mine") == [
        Path("mine"),
        nowhere / "empty",
        Path(prepared),
        nowhere / "tensorflow_datasets",
    ]


def test_one_folder_of_data_serves_files_and_prepared_sets(
    shared_data: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSSL_DATA_DIR", str(shared_data))  # they are in its tfds/
    assert int(mnist("test").cardinality()) == 10_000


def test_a_run_notes_where_a_prepared_copy_was(
    prepared: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locate.places() as found:
        mnist("test", data_dir=prepared)
    assert found == {"tfds: mnist": f"{prepared}/mnist/3.0.1"}
    monkeypatch.setattr(tfds_builder, "answers", lambda _: "not in a test")
    with locate.places(found) as again:
        assert int(mnist("test").cardinality()) == 10_000
    assert again == found
    with locate.places({"tfds: mnist": str(nowhere / "gone")}), pytest.raises(Unavailable):
        mnist("test")


def test_images_of_bits_are_black_and_white(prepared: str) -> None:
    bits = read(tfds("test", "binarized_mnist", prepared))["image"]
    assert bits.dtype == np.uint8 and bits.shape == (10_000, 28, 28, 1)
    assert set(np.unique(bits)) == {0, 255}


def test_binarized_mnist_is_the_packed_file_in_another_order(
    prepared: str, shared_data: Path
) -> None:
    file = str(shared_data / "binarized_mnist" / "binarized_mnist.npz")
    keys = {"train": "train_packed", "validation": "valid_packed", "test": "test_packed"}
    both = {"file": "nowhere.npz", "tfds": "binarized_mnist", "data_dir": prepared}
    for split in ("validation", "test"):
        one = arrays(split, both, keys, packed_shape=[28, 28, 1])
        other = arrays(split, file, keys, packed_shape=[28, 28, 1])
        assert one.element_spec == other.element_spec
        rows = [sorted(row.tobytes() for row in read(each)["image"]) for each in (one, other)]
        assert rows[0] == rows[1]


def test_tiny_shakespeare_is_the_file(prepared: str, shared_data: Path) -> None:
    file = str(shared_data / "text" / "tinyshakespeare" / "input.txt")
    whole = {"tfds": "tiny_shakespeare", "splits": {"all": "train+validation+test"}}
    letters = {"kind": "characters", "special": False}
    for split in SPLITS:
        one, other = (
            tokens(split, {"path": path, "fractions": [0.01, 0.1]}, letters, 129, stride=64)
            for path in (whole | {"data_dir": prepared}, file)
        )
        assert one.vocabulary.tokens == other.vocabulary.tokens
        np.testing.assert_array_equal(read(one)["tokens"], read(other)["tokens"])


def test_features_can_be_chosen_and_renamed(prepared: str) -> None:
    everything = tfds("test", "cifar10:3.0.2", prepared)
    assert sorted(everything.element_spec) == ["id", "image", "label"]
    renamed = tfds("test", "cifar10", prepared, keys={"image": "image", "name": "id"})
    assert sorted(renamed.element_spec) == ["image", "name"]
    with pytest.raises(UserError, match="no feature 'imag'; did you mean 'image'"):
        tfds("test", "cifar10", prepared, keys={"image": "imag"})


def test_a_split_that_cannot_be_read_is_named(prepared: str) -> None:
    with pytest.raises(UserError, match=r"'tran\[:5\]' cannot be read; its splits are .*60,000"):
        tfds("train", "mnist", prepared, splits={"train": "tran[:5]"})


@pytest.mark.parametrize(
    ("given", "split", "expected"),
    [
        ({"train": 100, "test": 10}, "train", "train[0:90]"),
        ({"train": 100, "test": 10}, "validation", "train[90:100]"),
        ({"train": 100, "test": 10}, "test", "test"),
        ({"train": 100}, "train", "train[0:80]"),
        ({"train": 100}, "test", "train[80:90]"),
        ({"train": 100}, "validation", "train[90:100]"),
        ({"train": 100, "dev": 9, "test": 10}, "validation", "dev"),
        ({"train": 100, "dev": 9, "test": 10}, "train", "train[0:100]"),
        ({"train": 100, "validation": 9}, "test", "train[90:100]"),
    ],
)
def test_which_splits_serve(given: dict[str, int], split: str, expected: str) -> None:
    held_out = {"validation": 0.1, "test": 0.1}
    assert instruction(builder(**given), split, None, held_out) == expected


@pytest.mark.parametrize(
    ("given", "held_out", "message"),
    [
        ({"all": 5}, 0.1, "no split 'train'; there is: all"),
        ({"train": 100}, 60, "leave none"),
        ({"train": 100, "test": 1}, 0, "validation=0 must be a fraction"),
        ({"train": 100, "test": 1}, 2.5, "validation=2.5 must be a fraction"),
        ({"train": 100, "test": 1}, float("nan"), "validation=nan must be"),
    ],
)
def test_splits_that_cannot_be_cut(given: dict[str, int], held_out: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        instruction(builder(**given), "train", None, {"validation": held_out, "test": held_out})


def test_a_split_that_was_not_named_is_an_error() -> None:
    with pytest.raises(UserError, match="splits has no 'test'"):
        instruction(builder(train=5), "test", {"train": "train"}, {})


def test_without_a_network_the_answer_comes_within_seconds(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    start = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        mnist("train")
    assert time.monotonic() - start < 10
    message = str(caught.value)
    for part in (
        "mnist cannot be downloaded",
        "Name or service not known",
        "--data-dir",
        "TFDS_DATA_DIR",
        "stand_in",
        str(nowhere / "tensorflow_datasets"),
    ):
        assert part in message
    assert not (nowhere / "tensorflow_datasets").exists()


def test_a_failed_download_says_what_to_do(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow_datasets

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the checksum is wrong\nmore lines")

    monkeypatch.setattr(tfds_builder, "answers", lambda _: None)
    monkeypatch.setattr(tensorflow_datasets, "builder", fail)
    with pytest.raises(Unavailable, match="RuntimeError: the checksum is wrong. No prepared copy"):
        mnist("test")


def test_unknown_names_and_hand_made_sets_are_told_apart(nowhere: Path) -> None:
    with pytest.raises(UserError, match="no data set 'mnits'; did you mean 'mnist'"):
        tfds("train", "mnits")
    with pytest.raises(UserError, match="is not a name of tensorflow-datasets"):
        tfds("train", "../mnist")
    with pytest.raises(Unavailable, match="must be downloaded by hand"):
        tfds("train", "imagenet2012")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_server_that_says_nothing_is_given_up(nowhere: Path, server: socket.socket) -> None:
    start = time.monotonic()
    url = f"http://127.0.0.1:{server.getsockname()[1]}/file"
    assert tfds_builder.answers(url, patience=0.3)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("line", "expected"), [("200 OK", None), ("404 Not Found", "it answered 404 Not Found")]
)
def test_what_a_server_answers(
    nowhere: Path, server: socket.socket, line: str, expected: str | None
) -> None:
    import threading

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(f"HTTP/1.0 {line}\r\n\r\nhello".encode())

    thread = threading.Thread(target=serve)
    thread.start()
    assert tfds_builder.answers(f"http://127.0.0.1:{server.getsockname()[1]}/file") == expected
    thread.join()


def test_the_newest_fitting_version_of_the_right_configuration_is_taken(tmp_path: Path) -> None:
    for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0", "1.11.0.incompleteX"):
        folder = tmp_path / "faces" / version
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").touch()
    for config in ("small", "large"):
        folder = tmp_path / "sounds" / config / "1.0.0"
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").touch()
    (tmp_path / "sounds" / ".config").mkdir()
    (tmp_path / "sounds" / ".config" / "metadata.json").write_text(
        '{"default_config_name": "small"}'
    )

    def found(name: str) -> str | None:
        match = tfds_builder._NAME.fullmatch(name)
        assert match is not None
        path = tfds_builder._prepared(tmp_path, match)
        return path and path.relative_to(tmp_path).as_posix()

    assert found("faces") == "faces/2.0.0"
    assert found("faces:1.*.*") == "faces/1.10.0"
    assert found("faces:1.0.0") == "faces/1.0.0"
    assert found("faces:3.0.0") is None
    assert found("sounds") == "sounds/small/1.0.0"
    assert found("sounds/large") == "sounds/large/1.0.0"
    assert found("sounds/none") is None
