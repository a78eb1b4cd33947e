"""Modalities: the kinds of data that models read, one small description each.

Evaluations, reports, previews and exports ask the modality of a model where an example is in a
batch, what a simple model reads of it, and how it is drawn. A model says which modality it reads;
one that can read several takes it as an argument.

Example:
    >>> import kssl
    >>> kssl.modalities.get("audio").keys
    {'audio': 'float32'}
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator

import kssl
from kssl.errors import nearest
from kssl.modalities.audio import Audio
from kssl.modalities.base import Modality, count, take
from kssl.modalities.image import Image
from kssl.modalities.pair import Pair
from kssl.modalities.table import Table
from kssl.modalities.tokens import Tokens
from kssl.modalities.video import Video

__all__ = [
    "Audio",
    "Image",
    "Modality",
    "Pair",
    "Table",
    "Tokens",
    "Video",
    "count",
    "get",
    "of_keys",
    "of_model",
    "take",
]

_OWN = {each.name: each for each in (Image, Tokens, Audio, Video, Table, Pair)}


def get(modality: Modality | str) -> Modality:
    """Return a modality, or the one of that name, kssl's own or a plugin's.

    Raises:
        ValueError: There is none of that name.
    """
    if isinstance(modality, Modality):
        return modality
    if modality in _OWN:
        return _OWN[modality]()
    of_plugins = _of_plugins()
    if modality not in of_plugins:
        names = [*_OWN, *of_plugins]
        raise ValueError(f"there is no modality {modality!r}{nearest(str(modality), names)}")
    return of_plugins[modality]()


def _of_plugins() -> dict[str, Callable[[], Modality]]:
    """Return what imports and makes each modality that a plugin offers, by name."""
    from kssl.plugins import offered

    others = offered("modalities").keys() - _OWN.keys()
    return {name: functools.partial(_found, name) for name in sorted(others)}


def _found(name: str) -> Modality:
    from kssl.plugins import find

    modality: Modality = find("modalities", name)()
    return modality


def of_model(model: object) -> Modality:
    """Return what a model reads, its `modality`; of a plain Keras model, images.

    Example:
        >>> of_model(object())
        Image()
    """
    return getattr(model, "modality", None) or Image()


def of_keys(keys: Collection[str], others: Iterable[Modality] = ()) -> Modality | None:
    """Return the modality of data with these keys, the most telling one; None if there is none.

    Args:
        keys: What an example has, such as a dict.
        others: Further modalities that it may be, beside kssl's own and those of plugins.

    Example:
        >>> of_keys({"image": 0, "label": 0}), of_keys({"label": 0})
        (Image(), None)
    """
    # Those with more to ask for come first: a pair has an image too.
    known = (own() for own in (Video, Pair, Image, Audio, Tokens, Table))
    for modality in itertools.chain(known, others, _made_by_plugins()):
        try:
            modality.present(keys)
        except KeyError:
            if any(key in keys for key in modality.stored):
                return modality
        else:
            return modality
    return None


def _made_by_plugins() -> Iterator[Modality]:
    yield from (make() for make in _of_plugins().values())  # imported if it comes to that


kssl._make_known_to_keras()
