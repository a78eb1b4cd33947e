"""Which documents a corpus has, and which split each is in."""

from __future__ import annotations

import functools
import glob
import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kssl.data.from_arrays import MEMORY_BUDGET
from kssl.data.locate import Unavailable, find_file
from kssl.data.splitting import SPLIT_WORDS, SPLITS, check_two_fractions
from kssl.data.text.reader import RECORDS, TABLES, Document, Troubles, kind_of, read_documents
from kssl.errors import UserError, nearest
from kssl.moved import renamed, under_new_names

if TYPE_CHECKING:
    from kssl.tokenizers import Vocabulary

Paths = str | Sequence[str] | Mapping[str, Any]
EMBEDDED = "python_topics"
_SUFFIXES = (*RECORDS, *TABLES, ".txt", ".text", ".md", ".rst")


@dataclass(frozen=True)
class Corpus:
    """Documents in three splits, read again and again, or held if they are small.

    Attributes:
        where: How the corpus is spoken of.
        pools: For each pool (a split, or "all"), its documents' places in [0, 1), read order.
        names: Class names in the order of their numbers; empty without labels.
        fractions: Of a pool's documents, for validation and for test.
    """

    where: str
    reader: Any  # pool -> iterator of documents
    pools: dict[str, np.ndarray]
    names: tuple[str, ...]
    fractions: tuple[float, float]

    def documents(self, split: str) -> Iterator[Document]:
        """The documents of a split, in the order of the files."""
        if split in self.pools:
            pool, own = split, split != "train"
        else:
            pool, own = ("train" if "train" in self.pools else "all"), False
        if own:
            yield from self.reader(pool)
            return
        lacking = tuple(each for each in SPLITS if each == "train" or each not in self.pools)
        places = self.pools[pool]
        if len(places) == 1 and len(lacking) > 1:
            yield from (_part(each, split, lacking, self.fractions) for each in self.reader(pool))
            return
        chosen = _assigned(places, lacking, self.fractions, self.where)
        for document, number in zip(self.reader(pool), chosen, strict=True):
            if lacking[number] == split:
                yield document


@renamed(shares="fractions")
def open_corpus(
    path: Paths,
    field: str | int | None = None,
    label: str | int | None = None,
    fractions: Sequence[float] = (0.1, 0.1),
) -> Corpus:
    """Find the files of a corpus and look through them once.

    Args:
        path: See `kssl.data.text`; `python_topics` is the embedded one.
        field: Field or column of the text.
        label: Field or column of the class.
        fractions: Of the documents, for validation and for test.

    Raises:
        Unavailable: There is no such file.
        UserError: The corpus has no text, or cannot be split.
    """
    both = check_two_fractions("text", fractions)
    if path == EMBEDDED:
        return _scanned(EMBEDDED, {"all": ()}, None, None, both, ())
    files = _files(path)
    stamps = tuple((str(file), file.stat().st_mtime_ns) for each in files.values() for file in each)
    return _scanned(
        path if isinstance(path, str) else ", ".join(str(each[0]) for each in files.values()),
        {pool: tuple(each) for pool, each in files.items()},
        field,
        label,
        both,
        stamps,
    )


def _scanned(where: str, files: dict[str, tuple[Path, ...]], *rest: Any) -> Corpus:
    return _scan(where, tuple(files.items()), *rest)


@functools.lru_cache(maxsize=1)  # the three splits of a recipe read and warn once
def _scan(
    where: str,
    files: tuple[tuple[str, tuple[Path, ...]], ...],
    field: str | int | None,
    label: str | int | None,
    fractions: tuple[float, float],
    stamps: tuple[Any, ...],
) -> Corpus:
    troubles = Troubles(where)

    def read(pool: str, into: Troubles) -> Iterator[Document]:
        if where == EMBEDDED:
            yield from _topics()
        for file in dict(files)[pool]:
            for document in read_documents(file, field, label, into):
                if document.text.strip():
                    yield document
                else:
                    into.add("documents without text, left out", str(file))

    pools, held, names, size = {}, {}, set(), 0
    for pool, _ in files:
        places, kept = [], held.setdefault(pool, [])
        for document in read(pool, troubles):
            places.append(_place(document.text))
            names.add(document.label)
            size += len(document.text)
            kept.append(document) if size <= MEMORY_BUDGET // 2 else held.clear()
        pools[pool] = np.array(places)
    troubles.report()
    empty = [pool for pool, places in pools.items() if not len(places)]
    if empty:
        told = "; ".join(f"{kind}: {count}" for kind, count in troubles.counts.items())
        inside = f" for {', '.join(empty)}" if empty != ["all"] else ""
        raise UserError(f"{where}: there is no text{inside}{f' ({told})' if told else ''}")
    small = size <= MEMORY_BUDGET // 2
    reader = (lambda pool: iter(held[pool])) if small else lambda pool: read(pool, Troubles(where))
    return Corpus(where, reader, pools, _sorted(names - {None}), fractions)


def _topics() -> Iterator[Document]:
    """The texts of Python's own help, which every Python brings."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise Unavailable("this Python was installed without pydoc_data.topics") from error
    for name in sorted(topics):
        yield Document(topics[name])


def _place(text: str) -> float:
    """A number in [0, 1) that follows from the text: copies of a text are in one split."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def _sorted(names: set[Any]) -> tuple[str, ...]:
    whole = all(name.strip().lstrip("-").isdigit() for name in names)
    return tuple(sorted(names, key=int) if whole else sorted(names))


def _files(path: Paths) -> dict[str, list[Path]]:
    """The files of each pool: of each split that has its own, else "all"."""
    if isinstance(path, Mapping):
        wrong = [each for each in path if each not in SPLITS]
        if wrong or "train" not in path:
            raise UserError(
                f"text: path names {', '.join(map(str, path))}; it takes train, and validation "
                "and test where they have files of their own"
            )
        return {split: _found(each) for split, each in path.items()}
    files = _found(path)
    own: dict[str, list[Path]] = {}
    for file in files:
        words = (file.name.split(".")[0].lower(), file.parent.name.lower())
        split = next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)
        own.setdefault(split or "all", []).append(file)
    return own if len(files) > 1 and "train" in own and "all" not in own else {"all": files}


def _found(path: str | Sequence[str]) -> list[Path]:
    """The files that a path, a folder, a pattern or a list of them names, in order."""
    found: list[Path] = []
    for each in [path] if isinstance(path, str) else path:
        if glob.has_magic(str(each)):
            base = _existing(str(each).split("*")[0].split("?")[0].split("[")[0].rpartition("/")[0])
            pattern = str(each).removeprefix(_before_magic(str(each)))
            matches = sorted(base.glob(pattern)) if pattern else []
            found += [file for file in matches if file.is_file()]
        else:
            place = _existing(str(each))
            found += [place] if place.is_file() else _in_folder(place)
    if not found:
        raise Unavailable(
            f"text: there are no text files at {path}: files of a folder must end in "
            f"{', '.join(_SUFFIXES)}, or that and .gz"
        )
    return found


def _before_magic(pattern: str) -> str:
    """The folders of a pattern that have no signs such as `*`."""
    plain = pattern.split("*")[0].split("?")[0].split("[")[0]
    return plain[: plain.rfind("/") + 1]


def _existing(path: str) -> Path:
    try:
        return find_file(path or ".")
    except UserError as error:
        raise Unavailable(str(error)) from error


def _in_folder(folder: Path) -> list[Path]:
    files = (file for file in folder.rglob("*") if file.is_file())
    kept = [file for file in files if kind_of(file) in _SUFFIXES and file.name[0] != "."]
    return sorted(kept, key=lambda file: file.relative_to(folder).as_posix())


def _assigned(
    places: np.ndarray, lacking: tuple[str, ...], fractions: tuple[float, float], where: str
) -> np.ndarray:
    """For each document, which of the lacking splits it is in; each gets at least one."""
    if len(places) < len(lacking):
        raise UserError(
            f"{where}: {len(places)} documents cannot be split into {', '.join(lacking)}: give a "
            "file for each split, more documents, or one, which is cut by position"
        )
    order = np.argsort(places, kind="stable")
    result = np.full(len(places), lacking.index("train"))
    start, bound = 0, 0.0
    held_out = [split for split in ("validation", "test") if split in lacking]
    for left, split in zip(range(len(held_out), 0, -1), held_out, strict=True):
        bound += fractions[0] if split == "validation" else fractions[1]
        end = max(start + 1, int(np.searchsorted(places[order], bound)))
        end = min(end, len(places) - left)  # leave one for each split that is still to come
        result[order[start:end]] = lacking.index(split)
        start = end
    return result


def _part(
    document: Document, split: str, lacking: tuple[str, ...], fractions: tuple[float, float]
) -> Document:
    """A lone document's part that is a split: train is in front, then validation, then test."""
    size = len(document.text)
    held = [
        each
        for name, each in zip(("validation", "test"), fractions, strict=True)
        if name in lacking
    ]
    bounds = [0, *(int(size * (1 - sum(held[number:]))) for number in range(len(held))), size]
    number = lacking.index(split)
    part = document.text[bounds[number] : bounds[number + 1]]
    if not part.strip():
        raise UserError(f"the one document of {size} characters is too short to be split")
    return Document(part, document.label)


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


def vocabulary_of(corpus: Corpus, given: str | Mapping[str, Any]) -> Vocabulary:
    """The vocabulary that a recipe names, for a corpus.

    Args:
        corpus: Its training split is read if the vocabulary must be made.
        given: Path of a file that `kssl vocabulary` wrote, or settings: see
            `kssl.tokenizers.cache.vocabulary_for`.

    Raises:
        UserError: There is no such file, a setting is unknown, or the corpus is too small.
    """
    from kssl.tokenizers import load_vocabulary
    from kssl.tokenizers.cache import vocabulary_for

    if isinstance(given, str):
        return load_vocabulary(find_file(given))
    return vocabulary_for((document.text for document in corpus.documents("train")), given)
