"""A data set of tensorflow-datasets that is on this machine, feature by feature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kssl.data.builders import splits as stored
from kssl.data.splitting import SPLITS
from kssl.errors import UserError, nearest

Example = dict[str, Any]  # key -> array, or bytes
_WHAT = {
    "image": "an image",
    "video": "a video",
    "audio": "sound",
    "text": "a text",
    "texts": "a list of texts",
    "class": "a class",
    "integer": "a whole number",
    "number": "a number",
}


@dataclass(frozen=True)
class Built:
    """A data set of tensorflow-datasets; two are equal if the same is read of the same copy.

    Attributes:
        path: Where its prepared copy lies.
        keys: What kssl calls a feature, and what the data set calls it.
        splits: What was given to be read for each split; empty takes the data set's own.
        missing: Values of a table that stand for one that is not known.
        builder: tensorflow-datasets' own.
    """

    path: str
    keys: tuple[tuple[str, str], ...]
    splits: tuple[tuple[str, str], ...]
    missing: tuple[Any, ...]
    builder: Any = field(compare=False)

    @property
    def where(self) -> str:
        """How it is spoken of."""
        return f"{self.builder.info.full_name} of tensorflow-datasets"

    def instructions(self, fractions: tuple[float, float]) -> dict[str, str]:
        """What is read for each split; those that it does not have are the end of train."""
        held_out = {"validation": fractions[0], "test": fractions[1]}
        given = dict(self.splits)
        check_names(self, given, SPLITS)
        return {
            split: stored.instruction(self.builder, split, given or None, held_out)
            for split in SPLITS
        }

    def count(self, instruction: str) -> int:
        """How many examples there are."""
        return stored.count(self.builder, instruction)

    def unused(self, instructions: Iterable[str]) -> list[str]:
        """The splits that nothing is read of, with their sizes."""
        parts = [part.partition("[")[0] for each in instructions for part in each.split("+")]
        names = {part.strip() for part in parts}
        every = self.builder.info.splits.items()
        return [f"{name} {info.num_examples:,}" for name, info in every if name not in names]

    def features(self) -> dict[str, str]:
        """The kind of each feature by name, in order; `captions/text` is one within another."""
        # A prepared copy does not keep the order in which its builder has them.
        return dict(sorted(_flat(self.builder.info.features)))

    def of_kind(self, key: str, kinds: Sequence[str]) -> str:
        """The name of the feature that is to be read under a key.

        Args:
            key: What kssl calls it.
            kinds: What it may be; what is not named is looked for among the first of them.

        Raises:
            UserError: There is none or several, or the one that was named is something else.
        """
        known, named = self.features(), dict(self.keys).get(key)
        if named is None:
            every = ([name for name, kind in known.items() if kind == each] for each in kinds)
            fitting = next(filter(None, every), [])
            fitting = [key] if key in fitting else fitting
            if len(fitting) == 1:
                return fitting[0]
            if fitting:
                raise UserError(
                    f"{self.where} has several features that are {_WHAT[kinds[0]]}: "
                    f"{', '.join(sorted(fitting))}. Name one: keys: {{{key}: {min(fitting)}}}"
                )
            raise UserError(
                f"{self.where} has no feature that is {_WHAT[kinds[0]]}; {self._told()}. Take "
                "another data set, or the source that reads what this one has"
            )
        if named not in known:
            raise UserError(
                f"{self.where} has no feature '{named}'{nearest(named, known)}; {self._told()}"
            )
        if known[named] not in kinds:
            raise UserError(
                f"{self.where}: its feature '{named}' is {_spoken(known[named])}, not "
                f"{_WHAT[kinds[0]]}; {self._told()}. Name another one: keys: {{{key}: …}}"
            )
        return named

    def label(self) -> str | None:
        """The name of the feature of classes: the one given, else `label`, if there is one."""
        given = "label" in dict(self.keys)
        if not given and self.features().get("label") not in ("class", "integer"):
            return None
        return self.of_kind("label", ("class", "integer"))

    def class_names(self, feature: str | None) -> list[str] | None:
        """What the numbers of a feature of classes stand for; None where it has no names."""
        found = None if feature is None else self.feature(feature)
        return list(found.names) if hasattr(found, "names") else None

    def feature(self, name: str) -> Any:
        """tensorflow-datasets' description of a feature."""
        found = self.builder.info.features
        for part in (name,) if name in found else name.split("/"):
            found = getattr(found, "feature", found)[part]
        return found

    def read(self, instruction: str, wanted: Mapping[str, str]) -> Iterator[Example]:
        """Read some features of a split, in stored order; the others are not decoded.

        Args:
            instruction: Of `instructions`.
            wanted: Key -> name of the feature.
        """
        import tensorflow_datasets

        features = self.builder.info.features
        inner = {name: tuple(name.split("/")) for name in wanted.values() if name not in features}
        names = {name: inner.get(name, (name,)) for name in wanted.values()}
        partly: dict[str, Any] = {}
        for path in names.values():
            partly[path[0]] = True if len(path) == 1 else {*partly.get(path[0], ()), path[1]}
        decoders = tensorflow_datasets.decode.PartialDecoding(partly)
        for example in stored.read(self.builder, instruction, decoders).as_numpy_iterator():
            yield {key: _at(example, names[name]) for key, name in wanted.items()}

    def spoken(self, feature: str) -> str:
        """What a feature is, in words."""
        return _spoken(self.features()[feature])

    def check_keys(self, known: Sequence[str]) -> None:
        """Raise a UserError where a key was given that the source does not read."""
        check_names(self, dict(self.keys), known, "keys")

    def _told(self) -> str:
        kinds = ", ".join(f"{name} ({_spoken(kind)})" for name, kind in self.features().items())
        return f"there is: {kinds}"


def check_names(
    built: Built, given: Mapping[str, str], known: Sequence[str], what: str = "splits"
) -> None:
    """Raise a UserError where a name was given that means nothing."""
    for name in given:
        if name not in known:
            raise UserError(f"{built.where}: {what} '{name}'{nearest(str(name), known)}")


def _at(example: Any, path: Sequence[str]) -> Any:
    for part in path:
        example = example[part]
    return example


def _flat(features: Any, before: str = "") -> Iterator[tuple[str, str]]:
    for name, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if hasattr(inner, "items"):
            several = inner is not feature
            for below, kind in _flat(inner, f"{before}{name}/"):
                yield below, (kind + "s" if several and kind == "text" else _many(kind, several))
        else:
            yield before + name, _kind(feature)


def _many(kind: str, several: bool) -> str:
    return f"a list, of {_spoken(kind)} each" if several else kind


def _kind(feature: Any) -> str:
    """What a feature is, in one word; of others, what tensorflow-datasets calls it."""
    from tensorflow_datasets import features

    if isinstance(feature, features.ClassLabel):
        return "class"
    for name in ("Image", "Video", "Audio", "Text"):
        if isinstance(feature, getattr(features, name)):
            return name.lower()
    if isinstance(feature, features.Sequence):
        inner = _kind(feature.feature)
        return {"image": "video", "text": "texts"}.get(inner, _many(inner, True))
    shape = getattr(feature, "shape", None)
    if not isinstance(shape, tuple) or len(shape) > 1:
        return type(feature).__name__
    kind = np.dtype(feature.np_dtype).kind
    if shape:
        return "texts" if kind == "O" else type(feature).__name__
    return {"O": "text", "f": "number"}.get(kind, "integer")


def _spoken(kind: str) -> str:
    return _WHAT.get(kind, kind)
