"""Every dataset of the catalog keeps the contract, on small files that are made here."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from kssl import plugins, testing

COUNT = 24  # examples of a file: enough for three splits
NAMES = ("mnist", "fashion_mnist", "cifar10")


def images(folder: Path, suffix: str = "png") -> list[str]:
    """Images of two classes, each of a colour of its own; return their names."""
    names = [f"{'ab'[n % 2]}/{n}.{suffix}" for n in range(COUNT)]
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 8), (10 * number, 0, 90)).save(folder / name)
    return names


def write_arrays(folder: Path) -> None:
    numbers = np.arange(COUNT, dtype=np.uint8)
    every = np.broadcast_to(numbers[:, None, None], (COUNT, 4, 3))
    np.savez(folder / "arrays.npz", images=every, labels=numbers % 2)


def write_captions(folder: Path) -> None:
    names = images(folder / "captions")
    rows = [{"image": name, "captions": [name, "é"][: 1 + n % 2]} for n, name in enumerate(names)]
    (folder / "captions" / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))


def write_text(folder: Path) -> None:
    rows = [
        {"text": f"Story {n} is long. Cat {n} sat.", "kind": "ab"[n % 2]} for n in range(2 * COUNT)
    ]
    (folder / "stories.jsonl").write_text("\n".join(map(json.dumps, rows)))


def write_table(folder: Path) -> None:
    rows = [f"{n},{'Rome' if n % 2 else 'Oslo'},{n % 3}" for n in range(COUNT)]
    (folder / "table.csv").write_text("\n".join(["age,city,class", *rows]))


def recordings(folder: Path) -> list[np.ndarray]:
    folder.mkdir()
    return [np.full(90, 100 * (number + 1), np.int16) for number in range(COUNT)]


def write_audio(folder: Path) -> None:
    for number, sound in enumerate(recordings(folder / "wav")):
        wavfile.write(folder / "wav" / f"{number}.wav", 8000, sound)


def write_video(folder: Path) -> None:
    for number in range(12):
        film = folder / "frames" / f"film{number}"
        film.mkdir(parents=True)
        for frame in range(4):
            colour = (20 * number, 20 * frame, 0)
            Image.new("RGB", (9, 8), colour).save(film / f"{frame}.png")


def write_tfds(folder: Path) -> None:
    """A prepared copy of tensorflow-datasets, under the name of each set that is used."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    image, label = tfds.features.Image(shape=(4, 4, 1)), tfds.features.ClassLabel(num_classes=10)
    features = tfds.features.FeaturesDict({"image": image, "label": label})
    for name in NAMES:
        place = folder / "tfds" / name / "1.0.0"
        place.mkdir(parents=True)
        infos = []
        for first, split in ((0, "train"), (100, "test")):
            file = place / f"{name}-{split}.tfrecord-00000-of-00001"
            with tf.io.TFRecordWriter(str(file)) as writer:
                for number in range(first, first + COUNT):
                    pixels = np.full((4, 4, 1), number, np.uint8)
                    example = features.encode_example({"image": pixels, "label": number % 10})
                    writer.write(features.serialize_example(example))
            infos.append(tfds.core.SplitInfo(name=split, shard_lengths=[COUNT], num_bytes=0))
        tfds.folder_dataset.write_metadata(
            data_dir=place,
            features=features,
            split_infos=infos,
            filename_template="{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        )


@pytest.fixture(autouse=True, scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Write all files into an empty folder, from which they are read."""
    folder = tmp_path_factory.mktemp("files")
    images(folder / "images")
    for write in (write_arrays, write_captions, write_text, write_table, write_audio, write_video):
        write(folder)
    write_tfds(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("KSSL_CACHE_DIR", str(folder / "cache"))
        yield folder


STORIES = {"path": "stories.jsonl", "label": "kind", "shares": [0.2, 0.2]}
LETTERS = {"kind": "characters"}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "tfds": [{"name": "mnist", "data_dir": "tfds"}],
    **{name: [{"validation": 8, "data_dir": "tfds"}] for name in NAMES},
    "digits": [{"size": 8}],
    "synthetic": [{"examples": 60}],
    "arrays": [{"path": "arrays.npz"}],
    "images": [{"path": "images", "size": 8}],
    "text": [STORIES, STORIES | {"unit": "sentence"}],
    "tokens": [
        {"corpus": STORIES, "vocabulary": LETTERS, "length": 48, "rows": "pairs"},
        {"corpus": STORIES, "vocabulary": LETTERS, "length": 48},
    ],
    "python_topics": [{"unit": "document"}],
    "tabular": [{"path": "table.csv", "label": "class"}],
    "audio": [{"path": "wav", "length": 100}],
    "video": [{"path": "frames", "shape": [2, 8, 8]}],
    "captions": [{"path": "captions/a.jsonl", "size": 8, "every": every} for every in (0, 1)],
    "moving_digits": [{"examples": 12, "frames": 3, "size": 16}],
    "photographs": [{"examples": 20}],
    "sklearn_table": [{"name": "iris"}],
}


def checks(dataset: str, settings: dict[str, Any]) -> list[testing.Check]:
    return testing.dataset_checks(partial(plugins.find("datasets", dataset), **settings))


@testing.parametrize_checks(
    *(checks(name, settings) for name, several in SETTINGS.items() for settings in several)
)
def test_contract(check: testing.Check) -> None:
    check()


@pytest.fixture(scope="module")
def flac(files: Path) -> None:
    soundfile = pytest.importorskip("soundfile", reason="FLAC needs the package soundfile")
    for number, sound in enumerate(recordings(files / "flac")):
        soundfile.write(files / "flac" / f"{number}.flac", sound, 8000)


@pytest.fixture(scope="module")
def films(files: Path) -> None:
    av = pytest.importorskip("av", reason="MP4 needs the package av")
    (files / "films").mkdir()
    noise = np.random.default_rng(0).integers(0, 20, (48, 64, 3), dtype=np.uint8)
    for number in range(12):
        with av.open(str(files / "films" / f"{number}.mp4"), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for frame in range(4):
                picture = noise + np.uint8(16 * number + 4 * frame)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())


@testing.parametrize_checks(checks("audio", {"path": "flac", "length": 100}))
def test_recordings_that_need_a_package(check: testing.Check, flac: None) -> None:
    check()


@testing.parametrize_checks(checks("video", {"path": "films", "shape": [2, 8, 8]}))
def test_films_that_need_a_package(check: testing.Check, films: None) -> None:
    check()


def test_every_dataset_is_under_contract() -> None:
    own = {name for name, part in plugins.offered("datasets").items() if part.owner == "kssl"}
    assert own == set(SETTINGS)
