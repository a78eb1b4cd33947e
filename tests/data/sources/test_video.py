"""Clips: films, folders of frames, and clips in one NumPy file."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssl.data import SPLITS, video
from kssl.errors import UserError

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (48, 64, 3), dtype=np.uint8)


def film(path: Path, frames: int = 20, faststart: bool = False) -> None:
    """An MP4 whose frames get brighter, so that their order can be seen."""
    av = pytest.importorskip("av")
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            frame = NOISE // 8 + np.uint8(8 * number)
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                container.mux(packet)
        container.mux(stream.encode())


def frames_of(folder: Path, count: int, first: int = 0) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        colour = (10 * (first + number), 0, 0)
        Image.new("RGB", (12, 10), colour).save(folder / f"{number:03d}.png")


def examples(dataset: Any) -> list[dict[str, np.ndarray]]:
    return list(dataset.as_numpy_iterator())


def test_folders_of_frames_are_films(tmp_path: Path) -> None:
    for number in range(5):
        frames_of(tmp_path / f"film{number}", 9)
    parts = {split: examples(video(split, str(tmp_path), [4, 8, 8])) for split in SPLITS}
    assert sum(map(len, parts.values())) == 10  # two clips of four frames each; one frame is left
    both = parts["test"][:2]
    reds = [clip["video"][:, 0, 0, 0].tolist() for clip in both]
    assert reds == [[0, 10, 20, 30], [40, 50, 60, 70]]
    every_other = examples(video("test", str(tmp_path), [4, 8, 8], stride=2))
    assert every_other[0]["video"][:, 0, 0, 0].tolist() == [0, 20, 40, 60]


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / f"film{number}"
        folder.mkdir()
        for frame in range(12):
            Image.new("L", (8, 8), 20 * frame).save(folder / f"frame {frame}.png")
    (one,) = examples(video("test", str(tmp_path), [12, 8, 8]))
    assert one["video"][:, 0, 0, 0].tolist() == [20 * frame for frame in range(12)]


def test_animated_pictures_are_films(tmp_path: Path) -> None:
    for number in range(6):
        file = tmp_path / f"{'walk' if number % 2 else 'run'}" / f"{number}.gif"
        file.parent.mkdir(exist_ok=True)
        frames = [Image.new("L", (8, 8), 40 * number + frame) for frame in range(4)]
        frames[0].save(file, save_all=True, append_images=frames[1:])
    found = {}
    for split in SPLITS:
        for each in examples(video(split, str(tmp_path), [4, 8, 8])):
            found[int(each["label"]), int(each["video"][0, 0, 0, 0])] = each["video"][:, 0, 0, 0]
    assert sorted(found) == [(number % 2, 40 * number) for number in (0, 2, 4, 1, 3, 5)]
    assert all((np.diff(reds.astype(int)) == 1).all() for reds in found.values())


def test_frames_of_more_than_8_bits_have_one_white(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"film{number}").mkdir()
        for frame in range(2):
            values = np.full((8, 8), [100, 4000][frame], np.uint16)
            Image.fromarray(values).save(tmp_path / f"film{number}" / f"{frame}.png")
    (one,) = examples(video("test", str(tmp_path), [2, 8, 8]))
    assert one["video"][:, 0, 0, 0].tolist() == [round(255 * 100 / 4095), round(255 * 4000 / 4095)]


def test_films_are_turned_as_they_say(tmp_path: Path) -> None:
    for number in range(3):
        film(tmp_path / f"{number}.mp4")
    upright = examples(video("test", str(tmp_path), [5, 24, 24]))[0]["video"]
    turn = b"".join((n % 2**32).to_bytes(4, "big") for n in (0, 1 << 16, 0, -1 << 16, 0, 0))
    for file in tmp_path.glob("*.mp4"):
        raw = bytearray(file.read_bytes())
        place = raw.index(b"tkhd") + 4 + 40  # the matrix of a track header, version 0
        raw[place : place + 24] = turn  # a quarter clockwise
        file.write_bytes(raw)
    turned = examples(video("test", str(tmp_path), [5, 24, 24]))[0]["video"]
    difference = np.rot90(upright, -1, axes=(1, 2)).astype(int) - turned
    assert np.abs(difference).mean() < 1


def test_labels_and_splits_are_sub_folders(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("val", 1), ("test", 1)):
        for kind in ("walk", "run"):
            for number in range(count):
                frames_of(tmp_path / split / kind / f"film{number}", 4)
    labels = {
        split: [int(each["label"]) for each in examples(video(split, str(tmp_path), [4, 8, 8]))]
        for split in SPLITS
    }
    assert labels == {"train": [0, 0, 0, 1, 1, 1], "validation": [0, 1], "test": [0, 1]}


def test_films(tmp_path: Path) -> None:
    for number in range(4):
        film(tmp_path / f"{number}.mp4")
    parts = {split: examples(video(split, str(tmp_path), [5, 24, 24])) for split in SPLITS}
    assert sum(map(len, parts.values())) == 16
    clips = np.stack([each["video"] for each in parts["test"]])
    brightness = clips.reshape(-1, 24 * 24 * 3).mean(axis=1)[:20]
    assert (np.diff(brightness) > 4).all()  # in order


def test_a_film_that_ends_early_is_named_counted_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for part, count in (("train", 4), ("val", 1), ("test", 1)):
        (tmp_path / part).mkdir()
        for number in range(count):
            film(tmp_path / part / f"{number}.mp4", faststart=True)
    torn = tmp_path / "train" / "1.mp4"
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size * 3 // 4])
    (tmp_path / "train" / "2.mp4").write_bytes(b"")
    frames_of(tmp_path / "train" / "short", 3)
    frames_of(tmp_path / "train" / "torn", 9)
    (tmp_path / "train" / "torn" / "002.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING, "kssl"):
        left = examples(video("train", str(tmp_path), [5, 8, 8], broken_fraction=0.9))
    assert len(left) == 8  # of the two whole films
    (message,) = [record.getMessage() for record in caplog.records]
    assert "4 of 6 films of split 'train' cannot be used" in message
    assert "1.mp4 (it ends early: " in message and "of its 20 frames)" in message
    assert "2.mp4 (it is empty)" in message and "short (it has 3 frames, fewer than 5)" in message
    assert "torn (its frame 002.png cannot be decoded: it is in no format" in message
    with pytest.raises(UserError, match="More than broken_fraction=0.05"):
        video("train", str(tmp_path), [5, 8, 8])


def test_films_that_do_not_fit_are_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        frames_of(tmp_path / f"{'ab'[number % 2]}/film{number}", 9 + number, number)
    kept = video("train", str(tmp_path), [4, 8, 8])
    monkeypatch.setattr(import_module("kssl.data.files.items"), "MEMORY_BUDGET", 100)
    streamed = video("train", str(tmp_path), [4, 8, 8])
    assert streamed.element_spec == kept.element_spec
    assert streamed.cardinality() == kept.cardinality()
    for one, other in zip(examples(kept), examples(streamed), strict=True):
        np.testing.assert_array_equal(one["video"], other["video"])
        assert one["label"] == other["label"]


def test_without_a_decoder_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        (tmp_path / f"{number}.mp4").touch()
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'kssl\[video\]'"):
        video("train", str(tmp_path))


@pytest.mark.parametrize("name", ["frames", "video", "delta"])
@pytest.mark.parametrize("channels", [1, 3])
def test_clips_in_one_file(tmp_path: Path, name: str, channels: int) -> None:
    clips = RANDOM.integers(0, 256, (12, 6, 8, 8, channels), dtype=np.uint8)
    stored = clips.copy()
    if name == "delta":
        stored[:, 1:] = clips[:, 1:] - clips[:, :-1]
    np.savez(tmp_path / "a.npz", **{name: stored, "source": np.arange(12) // 3})
    found = []
    for split in SPLITS:
        part = examples(video(split, str(tmp_path / "a.npz"), [6, 8, 8], group="source"))
        found += [each["video"].tobytes() for each in part]
    assert sorted(found) == sorted(clip.tobytes() for clip in clips)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(3)}, "none of the arrays frames, video and delta; there is: x"),
        ({"frames": np.zeros((5, 4, 8, 8, 3))}, "must be uint8"),
        ({"frames": np.zeros((5, 4, 8, 8, 2), np.uint8)}, "must be uint8"),
    ],
)
def test_a_wrong_file_is_a_clear_error(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=message):
        video("train", str(tmp_path / "a.npz"), [4, 8, 8])


def test_what_is_no_data_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there are no films.*no files at all"):
        video("train", str(tmp_path))
    Image.new("RGB", (9, 9)).save(tmp_path / "0.png")
    with pytest.raises(UserError, match="1 images that are in no sub-folder"):
        video("train", str(tmp_path))
    for settings, message in (({"shape": [4, 8]}, "is not"), ({"stride": 0}, "stride 0")):
        with pytest.raises(UserError, match=message):
            video("train", str(tmp_path), **settings)


def test_real_clips(shared_data: Path) -> None:
    path = str(shared_data / "video" / "clips64.npz")
    sources = np.load(path)["source"]
    parts = {split: examples(video(split, path, group="source")) for split in SPLITS}
    assert sum(map(len, parts.values())) == 65 and len(np.unique(sources)) == 22
    steps = np.concatenate([np.diff(each["video"].astype(int), axis=0) for each in parts["train"]])
    assert np.abs(steps).mean() < 20  # the camera stands still: undone differences, not noise
