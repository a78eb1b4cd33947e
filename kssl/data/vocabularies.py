"""The vocabulary of a corpus: read from a file, or made of the training split and kept."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssl.data.corpus import Corpus, open_corpus
from kssl.data.finding import find_file
from kssl.errors import UserError, nearest

if TYPE_CHECKING:
    from kssl.pretext.vocabulary import Vocabulary

_VERSION = 1  # another number when the same settings give another vocabulary


def cache_folder() -> Path:
    """Where kssl keeps what it can make again: `KSSL_CACHE_DIR`, else the user's cache folder."""
    own = os.environ.get("KSSL_CACHE_DIR")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(base).expanduser() / "kssl" if base else Path.home() / ".cache" / "kssl"


def corpus_of(given: str | Mapping[str, Any]) -> Corpus:
    """The corpus that a recipe names: a path, `python_topics`, or the settings of `text`.

    Raises:
        UserError: A setting is not one of `path`, `field`, `label`, `shares`.
        Unavailable: There are no such files.
    """
    settings = {"path": given} if isinstance(given, str) else dict(given)
    known = inspect.signature(open_corpus).parameters
    for name in settings:
        if name not in known:
            raise UserError(f"corpus: there is no setting '{name}'{nearest(str(name), known)}")
    if "path" not in settings:
        raise UserError("corpus: it needs a path: corpus: {path: news.jsonl.gz, field: body}")
    return open_corpus(**settings)


def vocabulary_for(corpus: Corpus, given: str | Mapping[str, Any]) -> Vocabulary:
    """The vocabulary that a recipe names, for a corpus.

    What is made is kept in the cache folder, under a name that follows from the settings and the
    texts of the training split; the same ones are not counted twice.

    Args:
        corpus: Its training split is read if the vocabulary must be made.
        given: Path of a file that `kssl vocabulary` wrote, or the settings of
            `train_vocabulary`: `{kind: bpe, size: 8000}`.

    Raises:
        UserError: There is no such file, a setting is unknown, or the corpus is too small.
    """
    from kssl.pretext.vocabulary import load_vocabulary
    from kssl.pretext.vocabulary_training import train_vocabulary

    if isinstance(given, str):
        return load_vocabulary(find_file(given))
    known = [each for each in inspect.signature(train_vocabulary).parameters if each != "texts"]
    for name in given:
        if name not in known:
            raise UserError(f"vocabulary: there is no setting '{name}'{nearest(str(name), known)}")
    texts = [document.text for document in corpus.documents("train")]
    file = cache_folder() / "vocabularies" / f"{_name(texts, given)}.json"
    if file.is_file():
        return load_vocabulary(file)
    made = train_vocabulary(texts, **given)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        made.save(file)
    except OSError as error:
        logging.getLogger("kssl").warning("the vocabulary cannot be kept in %s: %s", file, error)
    return made


def _name(texts: list[str], settings: Mapping[str, Any]) -> str:
    sha = hashlib.sha256(json.dumps([_VERSION, dict(settings)], sort_keys=True).encode())
    for text in texts:
        sha.update(text.encode("utf-8", "surrogatepass") + b"\0")
    kind = str(settings.get("kind", "wordpiece"))
    return f"{kind if kind.isidentifier() else 'vocabulary'}-{sha.hexdigest()[:24]}"
