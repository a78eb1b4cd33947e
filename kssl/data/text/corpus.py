"""Which documents a corpus has, and which split each is in."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from kssl.data.builders.built import Built
from kssl.data.builders.documents import Texts, texts_of
from kssl.data.builders.place import is_of_builder, opened
from kssl.data.description import UNLABELLED
from kssl.data.files.tell import BY_POSITION, told
from kssl.data.from_arrays import MEMORY_BUDGET
from kssl.data.splitting import SPLITS, check_two_fractions
from kssl.data.tables.column_types import warn_of_similar
from kssl.data.text.documents import EMBEDDED, DocumentsOfFiles, has_rows
from kssl.data.text.files import CorpusFiles, Paths, Pool, corpus_files
from kssl.data.text.parts import assigned, part_of, place_of, tell_shared
from kssl.data.text.reader import RECORDS, TABLES, Document, Troubles
from kssl.errors import UserError, nearest
from kssl.moved import renamed, under_new_names

Label = str | int | Literal[False] | None


@dataclass(frozen=True)
class Corpus:
    """Documents in three splits, read again and again, or held if they are small.

    Attributes:
        where: How the corpus is spoken of.
        pools: For each pool (a split, or "all"), its documents' places in [0, 1), read order.
        names: Class names in the order of their numbers; empty without labels.
        fractions: Of a pool's documents, for validation and for test.
        labels: For each pool, the class of each document, "" for none.
        found: What was found and how it was understood, see `kssl.data.Description`.
        split_by: The column that says the split of each document.
    """

    where: str
    reader: Any  # pool -> iterator of documents
    pools: dict[str, np.ndarray]
    names: tuple[str, ...]
    fractions: tuple[float, float]
    labels: dict[str, list[str]]
    found: tuple[str, ...] = ()
    split_by: str = ""

    def documents(self, split: str) -> Iterator[Document]:
        """The documents of a split, in the order of the files."""
        pool, lacking = self._pool(split)
        if not lacking:
            yield from self.reader(pool)
            return
        places = self.pools[pool]
        if len(places) == 1 and len(lacking) > 1:
            yield from (part_of(each, split, lacking, self.fractions) for each in self.reader(pool))
            return
        chosen = assigned(places, lacking, self.fractions, self.where)
        for document, number in zip(self.reader(pool), chosen, strict=True):
            if lacking[number] == split:
                yield document

    def classes(self, split: str) -> list[str]:
        """The class of each document of a split, "" for none; nothing is read."""
        pool, lacking = self._pool(split)
        labels = self.labels[pool]
        if not lacking or (len(labels) == 1 and len(lacking) > 1):
            return labels
        chosen = assigned(self.pools[pool], lacking, self.fractions, self.where)
        return [label for label, own in zip(labels, chosen, strict=True) if lacking[own] == split]

    def numbers(self) -> dict[str, int]:
        """The number of each class; of "", for a document without one; empty without labels."""
        known = {name: number for number, name in enumerate(self.names)}
        return {"": UNLABELLED, **known} if known else {}

    def _pool(self, split: str) -> tuple[str, tuple[str, ...]]:
        """The pool that a split is in, and the splits that are cut from it, if it is not whole."""
        if split in self.pools and split != "train":
            return split, ()
        lacking = tuple(each for each in SPLITS if each == "train" or each not in self.pools)
        return ("train" if "train" in self.pools else "all"), lacking


@renamed(shares="fractions")
def open_corpus(
    path: Paths,
    field: str | int | None = None,
    label: Label = None,
    fractions: Sequence[float] = (0.1, 0.1),
) -> Corpus:
    """Find the files of a corpus and look through them once.

    Args:
        path: See `kssl.data.text`; `python_topics` is the embedded one.
        field: Field or column of the text.
        label: Field or column of the class; None takes the folders of plain files if all are in
            one and there are at least two, False takes none.
        fractions: Of the documents, for validation and for test.

    Raises:
        Unavailable: There is no such file.
        UserError: The corpus has no text, or cannot be split.
    """
    both = check_two_fractions("text", fractions)
    if label is True:
        raise UserError("text: label is a field or column, or false; not true")
    if path == EMBEDDED:
        return _scan(EMBEDDED, (("all", ()),), None, None, both, ())
    if is_of_builder(path):
        place = opened(path, "text")
        if isinstance(place, Built):
            return _scan_texts(texts_of(place, field, label), both)
        path = path["file"]
    files = corpus_files(path, by_folder=label is None)
    column = None if label is False else label
    if not (field is None and column is None) and not {*files.kinds} & {*RECORDS, *TABLES}:
        given = f"field {field}" if field is not None else f"label {column}"
        raise UserError(
            f"text: {files.where} has no fields or columns, so there is no {given}: leave it out, "
            "or name .jsonl, .json, .csv or .tsv files"
        )
    pools = tuple(files.pools.items())
    corpus = _scan(files.where, pools, field, column, both, files.stamps)
    return replace(corpus, found=_found(corpus, files, column))


def _found(corpus: Corpus, files: CorpusFiles, label: str | int | None) -> tuple[str, ...]:
    classes = {split: corpus.classes(split) for split in SPLITS}
    why = files.without_labels if label is None else ""
    lone = list(corpus.pools) == ["all"] and len(corpus.pools["all"]) == 1
    if lone:
        classes |= {"validation": [], "test": []}
    layout = files.layout
    if corpus.split_by:
        by = [f"by the column '{corpus.split_by}'"]
        layout = replace(layout, of_split=dict.fromkeys(corpus.pools, by))
    first, splits, names = told(
        files.where, "documents", layout, files.found, files.kinds, classes, why
    )
    return first, BY_POSITION if lone else splits, names


@functools.lru_cache(maxsize=1)  # the three splits of a recipe read and warn once
def _scan(
    where: str,
    files: tuple[tuple[str, Pool], ...],
    field: str | int | None,
    label: str | int | None,
    fractions: tuple[float, float],
    stamps: tuple[Any, ...],
) -> Corpus:
    reader = DocumentsOfFiles(where, dict(files), field, label)
    corpus = _collected(where, list(reader.pools), reader, fractions)
    corpus = replace(corpus, split_by=reader.column.name)
    if any(map(has_rows, reader.files)):  # files of one text each are compared as such
        tell_shared(where, corpus.pools)
    if label is not None:
        warn_of_similar(where, "labels", sorted(corpus.names))
    if label is not None and not corpus.names:
        raise UserError(f"{where}: no document has a label under {label!r}")
    return corpus


@functools.lru_cache(maxsize=1)
def _scan_texts(texts: Texts, fractions: tuple[float, float]) -> Corpus:
    where = texts.built.where

    def read(pool: str, into: Troubles) -> Iterator[Document]:
        for document in texts.read(pool):
            if document.text.strip():
                yield document
            else:
                into.add("documents without text, left out", pool)

    corpus = _collected(where, [pool for pool, _ in texts.pools], read, fractions)
    classes = {split: corpus.classes(split) for split in SPLITS}
    return replace(corpus, found=texts.told(classes))


def _collected(
    where: str,
    parts: Sequence[str],
    read: Callable[[str, Troubles], Iterator[Document]],
    fractions: tuple[float, float],
) -> Corpus:
    """Read every document of each pool once, and hold them if they are small."""
    troubles = Troubles(where)
    places: dict[str, list[float]] = {}
    held: dict[str, list[Document]] = {}
    labels: dict[str, list[str]] = {}
    size = 0
    for part in parts:
        places.setdefault(part, [])
        for document in read(part, troubles):
            pool = document.split or part  # what a column says
            # What has no label is of no use but in training: it comes last, where train is.
            place = 1.0 if document.label == "" else place_of(document.text)
            places.setdefault(pool, []).append(place)
            labels.setdefault(pool, []).append(document.label or "")
            size += len(document.text)
            kept = held.setdefault(pool, [])
            kept.append(document) if size <= MEMORY_BUDGET // 2 else held.clear()
    if len(places) > 1 and not places.get("all", [0.0]):
        del places["all"]
    pools = {pool: np.array(each) for pool, each in places.items()}
    troubles.report()
    _check(where, pools, troubles)
    every = {name for names in labels.values() for name in names} - {""}
    small = size <= MEMORY_BUDGET // 2
    reader = (lambda pool: iter(held[pool])) if small else lambda pool: read(pool, Troubles(where))
    return Corpus(where, reader, pools, _sorted(every), fractions, labels)


def _check(where: str, pools: Mapping[str, np.ndarray], troubles: Troubles) -> None:
    empty = [pool for pool, places in pools.items() if not len(places)]
    if empty:
        counts = "; ".join(f"{kind}: {count}" for kind, count in troubles.counts.items())
        inside = f" for {', '.join(empty)}" if empty != ["all"] else ""
        raise UserError(f"{where}: there is no text{inside}{f' ({counts})' if counts else ''}")


def _sorted(names: set[Any]) -> tuple[str, ...]:
    whole = all(re.fullmatch(r"\s*-?\d+\s*", name) for name in names)  # and no '²'
    return tuple(sorted(names, key=int) if whole else sorted(names))


def corpus_of(given: str | Mapping[str, Any]) -> Corpus:
    """The corpus that a recipe names: a path, `python_topics`, or the settings of `text`.

    Raises:
        UserError: A setting is not one of `path`, `field`, `label`, `fractions`.
        Unavailable: There are no such files.
    """
    settings = {"path": given} if isinstance(given, str) else dict(given)
    settings = under_new_names("corpus", open_corpus.renamed, settings)  # type: ignore[attr-defined]
    known = inspect.signature(open_corpus).parameters
    for name in settings:
        if name not in known:
            raise UserError(f"corpus: there is no setting '{name}'{nearest(str(name), known)}")
    if "path" not in settings:
        raise UserError("corpus: it needs a path: corpus: {path: news.jsonl.gz, field: body}")
    return open_corpus(**settings)
