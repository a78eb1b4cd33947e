"""Vocabularies that are kept once they are made."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kssl.errors import UserError, nearest
from kssl.tokenizers.train import train_vocabulary
from kssl.tokenizers.vocabulary import Vocabulary, load_vocabulary

_VERSION = 1  # another number when the same settings give another vocabulary


def cache_folder() -> Path:
    """Where kssl keeps what it can make again: `KSSL_CACHE_DIR`, else the user's cache folder."""
    own = os.environ.get("KSSL_CACHE_DIR")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(base).expanduser() / "kssl" if base else Path.home() / ".cache" / "kssl"


def vocabulary_for(texts: Iterable[str], settings: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of texts, made with these settings or found where it was kept.

    What is made is kept in the cache folder, under a name that follows from the settings and the
    texts; the same ones are not counted twice.

    Args:
        texts: Those of the training split.
        settings: Of `train_vocabulary`: `{kind: bpe, size: 8000}`.

    Raises:
        UserError: A setting is unknown, or the texts are too few.
    """
    known = [each for each in inspect.signature(train_vocabulary).parameters if each != "texts"]
    for name in settings:
        if name not in known:
            raise UserError(f"vocabulary: there is no setting '{name}'{nearest(str(name), known)}")
    texts = list(texts)
    file = cache_folder() / "vocabularies" / f"{_name(texts, settings)}.json"
    if file.is_file():
        return load_vocabulary(file)
    made = train_vocabulary(texts, **settings)
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
