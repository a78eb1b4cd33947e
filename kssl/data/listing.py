"""What can be said of a recipe's data before it is read: files are listed, tables are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kssl.data.builders.place import given_file, is_of_builder
from kssl.data.files.folder import read_folder
from kssl.data.files.sound import readable as sounds
from kssl.data.files.tell import classes_line, counted, left_out, splits_line, warn_of_odd
from kssl.data.locate import find_file
from kssl.data.sources.audio import audio
from kssl.data.sources.captions import captions, list_captions
from kssl.data.sources.images import images, list_images
from kssl.data.sources.tabular import fit_table, tabular
from kssl.data.sources.text import text
from kssl.data.sources.tokens import tokens
from kssl.data.sources.video import list_films, video
from kssl.data.splitting import SPLITS
from kssl.data.text.corpus import corpus_of
from kssl.data.text.documents import EMBEDDED
from kssl.data.text.files import corpus_files
from kssl.data.text.reader import RECORDS, TABLES

Told = tuple[str, ...]
_SOON_READ = 20_000_000  # bytes of tables of text, packed or not: some seconds


def listed(source: Callable[..., Any], settings: Mapping[str, Any]) -> Told:
    """Say what was found of a source's files, the splits, and the classes.

    Args:
        source: The function of a data set.
        settings: What a recipe gives it.

    Returns:
        Three lines; none for a source whose files must be read for that.

    Raises:
        UserError: There are no such files, or it is not clear which are to be trained on.
    """
    lister, settings = _listers().get(source), dict(settings)
    corpus = settings.get("corpus")
    if isinstance(corpus, Mapping):
        settings["corpus"] = corpus = dict(corpus)
    place: Any = corpus if isinstance(corpus, dict) else settings
    if lister is None or not is_of_builder(place.get("path")):
        return lister(settings) if lister else ()
    if given_file(place["path"]) is None:  # nothing is downloaded here
        return ()
    place["path"] = place["path"]["file"]
    return lister(settings)


def _listers() -> dict[Any, Callable[[Mapping[str, Any]], Told]]:
    return {
        captions: _captions,
        images: _images,
        audio: _audio,
        video: _video,
        text: _text,
        tokens: _tokens,
        tabular: _tabular,
    }


def _tabular(settings: Mapping[str, Any]) -> Told:
    if "encoding" in settings:
        return tabular(**settings).found
    return fit_table(**settings).told()


def _captions(settings: Mapping[str, Any]) -> Told:
    known = {key: settings[key] for key in ("broken_fraction", "fractions") if key in settings}
    return list_captions(find_file(settings["path"]), **known).told()


def _images(settings: Mapping[str, Any]) -> Told:
    labels = settings.get("labels", "auto")
    return list_images(settings["path"], labels, settings.get("fractions", (0.1, 0.1))).told(labels)


def _audio(settings: Mapping[str, Any]) -> Told:
    place, labels = find_file(settings["path"]), settings.get("labels", "auto")
    if not place.is_dir():
        return ()
    return read_folder(place, extensions=sounds(), what="recordings", labels=labels).told(labels)


def _video(settings: Mapping[str, Any]) -> Told:
    place, labels = find_file(settings["path"]), settings.get("labels", "auto")
    return list_films(place, labels=labels)[0].told(labels) if place.is_dir() else ()


def _tokens(settings: Mapping[str, Any]) -> Told:
    corpus = settings["corpus"]
    return _text({"path": corpus} if isinstance(corpus, str) else corpus)


def _text(settings: Mapping[str, Any]) -> Told:
    if settings["path"] == EMBEDDED:
        return ()
    files = corpus_files(settings["path"], settings.get("label") is None)
    if {*files.kinds} & {*RECORDS, *TABLES}:  # whose rows are the documents
        if sum(size for _, _, size in files.stamps) < _SOON_READ:
            return corpus_of(settings).found
        return (f"{files.where}: large tables of text, whose rows are counted when they are read",)
    classes = {split: [name or "" for _, name in pool] for split, pool in files.pools.items()}
    sizes = {split: len(names) for split, names in classes.items()}
    warn_of_odd(files.where, "files", files.layout, files.found, classes, files.without_labels)
    left, of_split = left_out(files.layout, files.found), files.layout.of_split
    cut = [split for split in SPLITS if of_split and split not in files.pools]
    return (
        f"{sum(sizes.values()):,} files of text in {files.where} ({counted(files.kinds)})"
        + f"; left out: {left}" * bool(left),
        splits_line(sizes, of_split, files.layout.unused).replace("all ", "files ")
        + f", {' and '.join(cut)} cut from train" * bool(cut),
        f"no labels: {files.without_labels}" if files.without_labels else classes_line(classes),
    )
