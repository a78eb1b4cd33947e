"""The texts of a data set of tensorflow-datasets as documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kssl.data.builders.built import Built, check_names
from kssl.data.builders.splits import own_splits
from kssl.data.files.tell import BY_POSITION, classes_line, splits_line
from kssl.data.splitting import SPLITS
from kssl.data.text.reader import Document
from kssl.errors import UserError

WHOLE = "all"  # the pool of what is split by fractions


@dataclass(frozen=True)
class Texts:
    """The documents of a data set; two are equal if the same is read.

    Attributes:
        built: The data set.
        text: The name of the feature that is the text.
        label: That of the classes, or None.
        pools: Each split that it has, or `all`, and what is read for it.
        unlabelled: What is read for splits to be held out that have no labels, though train has:
            they are not used, and cut from train.
    """

    built: Built
    text: str
    label: str | None
    pools: tuple[tuple[str, str], ...]
    unlabelled: tuple[str, ...] = ()

    def read(self, pool: str) -> Iterator[Document]:
        """The documents of a pool; parts of one text, which are a split each, are joined."""
        wanted = dict(self.pools)[pool]
        documents = self._documents(wanted)
        if pool == WHOLE and self._one_each(wanted):
            yield Document("".join(document.text for document in documents))
        else:
            yield from documents

    def told(self, classes: Mapping[str, Sequence[str]]) -> tuple[str, str, str]:
        """What was found, in three lines, as of files: documents, splits, classes.

        Args:
            classes: The class of each document of each split.
        """
        pools = dict(self.pools)
        left = self.built.unused([*pools.values(), *self.unlabelled])
        left += [f"{part} {self.built.count(part):,} without labels" for part in self.unlabelled]
        sizes = {split: len(each) for split, each in classes.items()}
        whole = pools.get(WHOLE)
        line = f"{sum(sizes.values()):,} documents in {self.built.where}"
        splits = splits_line(sizes, {} if whole else {s: [p] for s, p in self.pools}, "")
        if whole and self._one_each(whole):
            line = f"1 document, {whole} joined, in {self.built.where}"
            splits = BY_POSITION
        return (
            line + f"; left out: its splits {', '.join(left)}" * bool(left),
            splits,
            classes_line(classes) if self.label else "no labels: it has no feature 'label'",
        )

    def _documents(self, wanted: str) -> Iterator[Document]:
        features = {"text": self.text} | ({"label": self.label} if self.label else {})
        names = self.built.class_names(self.label)
        for example in self.built.read(wanted, features):
            text = example["text"].decode("utf-8", "replace").replace("\r\n", "\n")
            label = None if self.label is None else _name(int(example["label"]), names)
            yield Document(text, label)

    def _one_each(self, wanted: str) -> bool:
        parts = [part.strip() for part in wanted.split("+")]
        return len(parts) > 1 and all(self.built.count(part) == 1 for part in parts)


def texts_of(built: Built, field: str | int | None, label: str | int | bool | None) -> Texts:
    """Find which features are the text and the class, and which splits there are.

    Args:
        built: The data set; its `splits` may be `{all: …}`, which is split by fractions.
        field: The feature of the text; None takes the only one, or what `keys` names.
        label: That of the class; None takes the one called `label`, False none.

    Raises:
        UserError: There is no such feature, it is of another kind, or there are several.
    """
    for name in (field, label):
        if isinstance(name, int) and not isinstance(name, bool):
            raise UserError(f"{built.where} has no columns by number, {name}, but features")
    built.check_keys(("text", "label"))
    named = {key: name for key, name in (("text", field), ("label", label)) if name}
    built = replace(built, keys=tuple((named | dict(built.keys)).items()))
    text = built.of_kind("text", ("text",))
    classes = None if label is False else built.label()
    given = dict(built.splits) or own_splits(built.builder)
    check_names(built, given, (WHOLE,) if WHOLE in given else SPLITS)
    if not {"train", WHOLE} & set(given):
        raise UserError(f"{built.where}: splits names none to train on: splits: {{train: …}}")
    held_out = {split: part for split, part in given.items() if split in SPLITS[1:]}
    without = [s for s, part in held_out.items() if classes and not _labelled(built, classes, part)]
    pools = tuple((split, part) for split, part in given.items() if split not in without)
    return Texts(built, text, classes, pools, tuple(given[split] for split in without))


def _labelled(built: Built, label: str, wanted: str) -> bool:
    return any(example["label"] >= 0 for example in built.read(wanted, {"label": label}))


def _name(number: int, names: list[str] | None) -> str:
    if names is None:
        return str(number)
    return names[number] if number >= 0 else ""
