"""Clips as data sets: video files, folders of frames, or clips in one NumPy file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kssl.data.builders.built import Built
from kssl.data.builders.examples import Reading, bytes_of
from kssl.data.builders.place import Place, opened, refuse_settings
from kssl.data.files.decode import Block, Broken, check_broken_fraction
from kssl.data.files.folder import EXTENSIONS as PICTURES
from kssl.data.files.folder import Folder, Labels, split_files
from kssl.data.files.image import decode_to, fit, upright
from kssl.data.files.items import Archive, labelled, of_folder, open_archive, read_items
from kssl.data.files.levels import check_levels, levels_of
from kssl.data.files.reasons import reason
from kssl.data.files.walk import by_number, find, links_among
from kssl.data.from_arrays import Dataset
from kssl.data.splitting import check_split, check_two_fractions
from kssl.errors import UserError
from kssl.moved import renamed

FILMS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv")
FILMS += (".3gp", ".ogv", ".mts", ".m2ts")
ANIMATED = (".gif", ".webp")


@renamed(broken_share="broken_fraction", shares="fractions")
def video(
    split: str,
    path: Place,
    shape: Sequence[int] = (16, 64, 64),
    stride: int = 1,
    group: str | None = None,
    broken_fraction: float = 0.05,
    fractions: Sequence[float] = (0.1, 0.1),
    labels: Labels = "auto",
    levels: float | None = None,
) -> Dataset:
    """Clips from a folder of video files, of folders of frames, or from a `.npz` file.

    Every film gives as many clips as fit into it one after the other; what is left at its end is
    not used. A film is decoded whole, so hours of it are better cut into files before. Frames are
    resized with antialiasing until they just cover the height and width, and the middle is kept.

    In a folder, each video file is a film, as is each animated GIF or WebP, and each sub-folder
    that directly holds other images is one, its frames in the order of their names, numbers in
    them by their value. Films are turned as their rotation says. Sub-folders `train`, `validation`
    and `test` split it; else the split of a film follows from its name alone. Sub-folders above
    the films are the labels, if every film is in one and there are at least two. MP4, WebM and
    other video files are read by PyAV (`pip install 'kssl[video]'`).

    A `.npz` file has the clips in `frames` (or `video`), uint8 `(clips, frames, height, width, 1
    or 3)`, or in `delta`: each frame after the first as its difference from the one before,
    modulo 256, which a `.npz` file packs better. It has `labels` if there are any.

    Args:
        split: `train`, `validation` or `test`.
        path: The folder or file; a relative path is tried in the current folder, then in
            `KSSL_DATA_DIR`. Or a data set of tensorflow-datasets, `{tfds: ucf101}`: the feature
            that is a video, and `label`, or what `keys: {video: …, label: …}` names.
        shape: Frames, height and width of a clip.
        stride: Every which frame is used: 2 leaves out every other.
        group: What has one value here stays in one split: the name of an array of the `.npz`
            file, such as `source`, or `folder` for the first sub-folder.
        broken_fraction: A film that cannot be decoded to its end, or is too short, is named in
            a warning and left out; it is an error when more than this fraction of a split are.
        fractions: Fractions of the films for validation and for test.
        labels: Of a folder: whether the sub-folders' names are the classes, or a table of them, as
            `images` takes it. Films without a class are trained on, with the label -1.
        levels: Which value is white in frames of more than 8 bits, as `images` takes it.

    Returns:
        A dataset of `{"video": uint8 (frames, height, width, 3)}` (a `.npz` file, or data of
        tensorflow-datasets, keeps its channels), with `"label": int64 ()` if there are labels.

    Raises:
        UserError: There is no such folder or file, it has no films, or too many are broken.

    Example:
        >>> dataset = video("train", "films/", shape=[8, 32, 32])
    """
    check_split(split)
    _check(shape, stride, broken_fraction)
    check_levels("video", levels)
    file, two = opened(path, "video"), check_two_fractions("video", fractions)
    cut = _Cut(*shape, stride)
    if isinstance(file, Built):
        refuse_settings("video", file, group=group, labels=labels, levels=levels)
        file.check_keys(("video", "label"))
        reading = Reading(file, split, "clips", two, broken_fraction, labels is not False)
        wanted = {"video": file.of_kind("video", ("video",))}
        return reading.dataset(wanted, lambda example: _stored(bytes_of(example["video"]), cut))
    if file.is_dir():
        films, frames = list_films(file, two, labels)
        cut = replace(cut, levels=levels_of(file, frames, levels))
        items = of_folder(films, group, two, split, labels)
        return read_items(
            items, lambda item: cut.clips(_frames(items.files[item], cut)), broken_fraction
        )
    with open_archive(file, "video") as archive:
        clips = _clips(archive)
        items = labelled(archive, "clips", len(clips), group, two, split)
    return read_items(items, lambda item: _stored(clips[items.rows[item]], cut), broken_fraction)


def _check(shape: Sequence[int], stride: int, broken_fraction: float) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise UserError(f"video: shape {list(shape)} is not [frames, height, width]")
    if stride < 1:
        raise UserError(f"video: stride {stride} is not 1 or more")
    check_broken_fraction("video", broken_fraction)


@dataclass(frozen=True)
class _Cut:
    """How films are cut into clips."""

    frames: int
    height: int
    width: int
    stride: int
    levels: float | None = None

    def clips(self, frames: Iterator[np.ndarray]) -> Block:
        """Cut the used frames of a film into `(clips, frames, height, width, channels)`."""
        film = list(frames)
        count = len(film) // self.frames
        if not count:
            few = f"every {self.stride}th of its frames is {len(film)}, " * (self.stride > 1)
            raise Broken(f"{few or f'it has {len(film)} frames, '}fewer than {self.frames}")
        chosen = np.stack(film[: count * self.frames])
        return {"video": chosen.reshape(count, self.frames, *chosen.shape[1:])}

    def resize(self, image: Any, channels: int = 3) -> np.ndarray:
        return fit(image, self.height, self.width, channels)


def list_films(
    path: Path, fractions: tuple[float, float] = (0.1, 0.1), labels: Labels = "auto"
) -> tuple[Folder, list[Path]]:
    """The films below a folder, files and folders of frames, by split; and all single frames."""
    found = find(path, (*PICTURES, *FILMS))
    pictures = [file for file in found.files if file.suffix.lower() in PICTURES]
    animated = {picture for picture in pictures if is_animated(picture)}
    frames = [picture for picture in pictures if picture not in animated]
    files = [file for file in found.files if file.suffix.lower() in FILMS]
    holders = {path} | {file.parent for file in files}  # in which pictures are posters
    folders = {frame.parent for frame in frames} - holders
    films = sorted(
        [*folders, *files, *animated], key=lambda film: film.relative_to(path).as_posix()
    )
    if not films:
        others = ", ".join(f"{count} {suffix}" for suffix, count in found.others.most_common(5))
        lone = f"{len(pictures)} images that are in no sub-folder" * bool(pictures)
        raise UserError(
            f"{path}: there are no films, that is sub-folders of images or files ending in "
            f"{', '.join(FILMS)}; found: {lone or others or 'no files at all'}"
        )
    loose = [frame for frame in frames if frame.parent in holders]
    loose_ones = Counter(f"{frame.suffix.lower()} in no folder of frames" for frame in loose)
    beside = replace(found, files=films, links=links_among(path, films))
    beside.others = found.others + loose_ones
    return split_files(path, films, fractions, "films", beside, labels), frames


def is_animated(picture: Path) -> bool:
    """Whether a file has several pictures, one after another; pages of TIFF are not meant."""
    if picture.suffix.lower() not in ANIMATED:
        return False
    from PIL import Image

    try:
        with Image.open(picture) as opened:
            return getattr(opened, "n_frames", 1) > 1
    except Exception:  # told when it is decoded
        return False


def _frames(film: Path, cut: _Cut) -> Iterator[np.ndarray]:
    if film.suffix.lower() in ANIMATED and film.is_file():
        yield from _animation(film, cut)
        return
    if film.is_file():
        yield from _decoded(film, cut)
        return
    names = [each for each in film.iterdir() if each.suffix.lower() in PICTURES]
    visible = [each for each in names if not (each.name.startswith(".") or is_animated(each))]
    for frame in sorted(visible, key=lambda frame: by_number(frame.name))[:: cut.stride]:
        try:
            yield decode_to(frame, cut.height, cut.width, 3, cut.levels)
        except Broken as error:
            raise Broken(f"its frame {frame.name} cannot be decoded: {error}") from error


def _animation(film: Path, cut: _Cut) -> Iterator[np.ndarray]:
    from PIL import Image, ImageSequence

    try:
        with Image.open(film) as opened:
            for number, frame in enumerate(ImageSequence.Iterator(opened)):
                if number % cut.stride == 0:
                    yield upright(frame, cut.height, cut.width, 3)
    except Exception as error:
        raise Broken(reason(film, error)) from error


def _decoded(film: Path, cut: _Cut) -> Iterator[np.ndarray]:
    """The used frames of a video file.

    Raises:
        Broken: It holds no video, or ends before its header says so.
    """
    av = _decoder(film)
    promised = seen = 0
    try:
        with av.open(str(film)) as container:
            if not container.streams.video:
                raise Broken("it holds no video")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            promised = stream.frames
            for frame in container.decode(stream):
                if seen % cut.stride == 0:
                    yield cut.resize(_turned(frame.to_image(), stream, frame))
                seen += 1
    except av.FFmpegError as error:
        told = f"{seen} of its {promised} frames, then: " * bool(promised)
        raise Broken(f"{told}{reason(film, error)}") from error
    if seen < 0.95 * promised:  # an edit list may hide a few
        raise Broken(f"it ends early: {seen} of its {promised} frames")


def _turned(image: Any, stream: Any, frame: Any) -> Any:
    """Turn a frame as the film's rotation says: degrees counterclockwise, as telephones note it."""
    angle = getattr(frame, "rotation", None)
    if angle is None:  # before PyAV 14; the older note is clockwise
        angle = -int(float(stream.metadata.get("rotate", 0)))
    return image.rotate(angle, expand=True) if angle % 360 else image


def _decoder(film: Path) -> Any:
    try:
        import av
    except ImportError as error:
        raise UserError(
            f"{film} is read by PyAV, which is not installed: pip install 'kssl[video]'"
        ) from error
    av.logging.set_level(av.logging.PANIC)  # what is broken is told by kssl, once
    return av


def _clips(archive: Archive) -> np.ndarray:
    """uint8 `(clips, frames, height, width, channels)` of a `.npz` file."""
    names = [name for name in ("frames", "video", "delta") if name in archive.names]
    if not names:
        raise UserError(
            f"{archive.path} has none of the arrays frames, video and delta; there is: "
            f"{', '.join(archive.names)}"
        )
    clips = archive.read(names[0])
    if clips.ndim == 4:
        clips = clips[..., None]  # (clips, frames, height, width, 1)
    if clips.ndim != 5 or clips.dtype != np.uint8 or clips.shape[-1] not in (1, 3):
        raise UserError(
            f"{archive.path}: '{names[0]}' must be uint8 (clips, frames, height, width, 1 or 3), "
            f"but it is {clips.dtype} {clips.shape}"
        )
    return np.cumsum(clips, axis=1, dtype=np.uint8) if names[0] == "delta" else clips


def _stored(clip: np.ndarray, cut: _Cut) -> Block:
    from PIL import Image

    used = clip[:: cut.stride]  # (frames, height, width, channels)
    if used.shape[1:3] == (cut.height, cut.width):
        return cut.clips(iter(used))
    channels = used.shape[-1]
    flat = used[..., 0] if channels == 1 else used
    return cut.clips(cut.resize(Image.fromarray(frame), channels) for frame in flat)
