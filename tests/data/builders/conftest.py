"""Small prepared copies, written by tensorflow-datasets itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

RNG = np.random.default_rng(0)
DIGITS = 30
SOUNDS = [  # 16-bit numbers, of other lengths each
    RNG.integers(-20_000, 20_000, 300 + 40 * number).astype(np.int64) for number in range(DIGITS)
]
FILMS = RNG.integers(0, 256, (12, 20, 16, 16, 1), dtype=np.uint8)
PICTURES = [
    RNG.integers(0, 256, (40 + number, 60 - number, 3), dtype=np.uint8) for number in range(20)
]
NEWS = [
    {
        "title": f"Title {number}",
        "description": f"Story {number} of a team. It goes on for {number % 7} words.",
        "label": number % 4,
    }
    for number in range(80)
]
PLAY = "".join(f"ACTOR {number}:\nSpeak, number {number}, speak!\n\n" for number in range(400))


def write(
    folder: Path, name: str, features: dict[str, Any], **splits: list[dict[str, Any]]
) -> None:
    """Write a prepared copy, in the order given."""
    import tensorflow_datasets as builders

    builders.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=builders.features.FeaturesDict(features),
        split_datasets={split: list(enumerate(rows)) for split, rows in splits.items()},
        data_dir=folder,
        disable_shuffling=True,
    )


def passengers() -> list[dict[str, Any]]:
    """Rows as those of the builder of titanic: -1 and Unknown where a value is not known."""
    return [
        {
            "survived": number % 2,
            "sex": ("male", "female")[number % 3 % 2],
            "age": -1.0 if number % 5 == 0 else 20.0 + number,
            "sibsp": number % 3,
            "embarked": ("Southampton", "Queenstown", "Unknown")[number % 7 % 3],
            "boat": "Unknown" if number % 2 else f"{number % 4}",
            "name": f"Passenger {number}",
            "ticket": f"{number}",
            "place": [1.0, 2.0],
        }
        for number in range(60)
    ]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set of each kind."""
    from tensorflow_datasets import features as of

    folder = tmp_path_factory.mktemp("prepared")
    sounds = [
        {"audio": sound, "label": number % 10, "audio/filename": f"{number}.wav"}
        for number, sound in enumerate(SOUNDS)
    ]
    names = {"label": of.ClassLabel(num_classes=10), "audio/filename": of.Text()}
    write(folder, "spoken_digit", {"audio": of.Audio(sample_rate=8000), **names}, train=sounds)
    films = [{"image_sequence": film} for film in FILMS]
    video = {"image_sequence": of.Video(shape=(20, 16, 16, 1))}
    write(folder, "moving_mnist", video, test=films)
    columns = {
        "survived": of.ClassLabel(names=["died", "survived"]),
        "sex": of.ClassLabel(names=["male", "female"]),
        "age": np.float32,
        "sibsp": np.int32,
        "embarked": of.ClassLabel(names=["Cherbourg", "Queenstown", "Southampton", "Unknown"]),
        "boat": np.str_,
        "name": np.str_,
        "ticket": np.str_,
        "place": of.Tensor(shape=(2,), dtype=np.float32),
    }
    write(folder, "titanic", columns, train=passengers())
    topics = of.ClassLabel(names=["World", "Sports", "Business", "Sci/Tech"])
    news = {"label": topics, "title": of.Text(), "description": of.Text()}
    write(folder, "ag_news_subset", news, train=NEWS[:60], test=NEWS[60:])
    write_pictures(folder)
    parts = {"train": PLAY[:9000], "validation": PLAY[9000:9500], "test": PLAY[9500:]}
    play = {split: [{"text": text}] for split, text in parts.items()}
    write(folder, "tiny_shakespeare", {"text": of.Text()}, **play)
    reviews = {"text": of.Text(), "label": of.ClassLabel(names=["neg", "pos"])}
    labelled = [{"text": f"Review {number}.", "label": number % 2} for number in range(40)]
    without = [{"text": f"Draft {number}.", "label": -1} for number in range(10)]
    write(folder, "reviews", reviews, train=labelled, test=without, unsupervised=without)
    return folder


def write_pictures(folder: Path) -> None:
    from tensorflow_datasets import features as of

    captioned = [
        {
            "image": picture,
            "image/filename": f"{number}.jpg",
            "captions": [
                {"text": f"picture {number}, told {each}", "id": each}
                for each in range(1 + number % 3)
            ],
        }
        for number, picture in enumerate(PICTURES)
    ]
    features = {
        "image": of.Image(encoding_format="png"),
        "image/filename": of.Text(),
        "captions": of.Sequence({"text": np.str_, "id": np.int64}),
    }
    write(folder, "coco_captions", features, train=captioned[:14], val=captioned[14:])
    flowers = [{"image": picture, "label": n % 2} for n, picture in enumerate(PICTURES)]
    kinds = {"image": of.Image(encoding_format="png"), "label": of.ClassLabel(names=["a", "b"])}
    write(folder, "oxford_flowers102", kinds, train=flowers)


@pytest.fixture(scope="session")
def stored() -> SimpleNamespace:
    """What was written."""
    return SimpleNamespace(
        sounds=SOUNDS, films=FILMS, pictures=PICTURES, news=NEWS, play=PLAY, passengers=passengers()
    )


@pytest.fixture(autouse=True)
def _found_here(prepared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The copies are found, and nothing else is."""
    monkeypatch.setenv("KSSL_DATA_DIR", str(prepared))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
