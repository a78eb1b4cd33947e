"""The column of a table that says in which split each row is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kssl.data.description import warn_once
from kssl.data.splitting import SPLIT_WORDS, split_in_name, words_of
from kssl.errors import UserError

_NAMES = frozenset(
    "split splits datasplit splitname set subset partition usage dataset phase traintest trainval "
    "traintestsplit trainvaltest trainortest istrainortest 数据集".split()
)
_SURE = frozenset(name for name in _NAMES if "split" in name or name.startswith("train"))
_SURE |= {"partition", "数据集"}  # others, such as usage, may be about something else
_FLAGS = {  # what a true value says, and what a false one
    **dict.fromkeys(("istrain", "istraining", "intrain", "intraining"), ("train", "test")),
    **dict.fromkeys(("istest", "istesting", "intest", "isholdout"), ("test", "train")),
    **dict.fromkeys(("isval", "isvalidation", "isdev", "inval"), ("validation", "train")),
}
# Such a column may also be about something else: it is named.
_MAYBE = frozenset("isvalid insample testset trainset holdout isheldout train".split())
_TRUE = dict.fromkeys(("1", "1.0", "true", "t", "yes", "y"), 0)
_TRUTH = _TRUE | dict.fromkeys(("0", "0.0", "false", "f", "no", "n"), 1)
_FOLDS = frozenset("fold folds kfold cvfold foldid foldnumber foldno foldnr cv".split())
_SHORT = {"tr": "train", "trn": "train", "va": "validation", "te": "test", "tst": "test"}


@dataclass(frozen=True)
class SplitColumn:
    """What the columns of a table say of splits.

    Attributes:
        name: The column that says it; "" if none does.
        splits: The split that each of its values says.
        unclear: Others that speak of splits, or of folds, in ways that are not understood.
    """

    name: str = ""
    splits: Mapping[str, str] = field(default_factory=dict)
    unclear: tuple[str, ...] = ()


def split_column(
    where: str, values: Mapping[str, Collection[str]], used: Collection[str | None], cure: str
) -> SplitColumn:
    """Find the column that says the split of each row, and warn of those that may and are unclear.

    A column says it that is called `split`, `set`, `partition`, `is_test` or the like and whose
    values can be told, or all of whose values are names of splits; `train` must be among them.

    Args:
        where: The table.
        values: Column -> its distinct values, "" for a missing one.
        used: Columns that are used for something else.
        cure: What the user is told to do about a column that is unclear; NAME stands for it.
    """
    found, unclear = [], []
    for name in values:
        if name in used:
            continue
        plain = "".join(words_of(name))
        splits = said_by(name, values[name])
        if splits and "train" in splits.values() and len({*splits.values()}) > 1:
            found.append((name, splits))
        elif plain in _SURE | {*_FLAGS} | _FOLDS | _MAYBE or (
            plain in _NAMES and _speaks(values[name])
        ):
            unclear.append(name)
    chosen, splits = found[0] if found else ("", {})
    unclear += [name for name, _ in found[1:]]
    for name in unclear:
        warn_once(
            f"{where}: the column '{name}' may say in which split each row is, which is not "
            f"understood, and it is not used{f'; {chosen!r} is' if chosen else ''}. "
            + cure.replace("NAME", name)
        )
    return SplitColumn(chosen, splits, tuple(unclear))


def split_of_row(where: str, column: SplitColumn, value: object) -> str:
    """The split that a value of a column says.

    Raises:
        UserError: It says none.
    """
    said = "" if value is None else str(value)
    split = column.splits.get(said) or said_by(column.name, [said]).get(said)
    if not split:
        raise UserError(
            f"{where}: the column '{column.name}' has {said!r}, which is no split; it must say "
            "train, validation or test, or the like, in every row"
        )
    return split


def values_of(rows: Iterable[Mapping[str, object]], most: int) -> dict[str, list[str]]:
    """The distinct values of each column of the first rows, of all where it may say splits.

    Args:
        rows: By column; names that the first row lacks are passed over.
        most: How many rows are looked at for columns of any other kind.
    """
    values: dict[str, dict[str, None]] = {}
    names: Sequence[str] = ()
    for number, row in enumerate(rows):
        names = names or list(row)
        if number == most:
            names = [name for name in names if said_by(name, values[name])]
            if not names:
                break
        for name in names:
            value = row.get(name)
            values.setdefault(name, {})["" if value is None else str(value)] = None
    return {name: list(each) for name, each in values.items()}


def said_by(name: str, values: Iterable[str]) -> dict[str, str]:
    """The split that each value of a column says; empty if one says none.

    Example:
        >>> said_by("is_test", ["0", "1"]), said_by("Usage", ["Training", "PublicTest"])
        ({'0': 'train', '1': 'test'}, {'Training': 'train', 'PublicTest': 'test'})
        >>> said_by("vehicle", ["train", "bus"])
        {}
    """
    plain, splits = "".join(words_of(name)), {}
    flag = _FLAGS.get(plain)
    for value in values:
        lower = value.strip().lower()
        split = SPLIT_WORDS.get(lower)
        if flag:
            split = flag[_TRUTH[lower]] if lower in _TRUTH else split
        elif split is None and plain in _NAMES:
            split = _SHORT.get(lower) or (split_in_name(value) or (None,))[0]
        if split is None:
            return {}
        splits[value] = split
    return splits


def _speaks(values: Iterable[str]) -> bool:
    return any(value.strip().lower() in SPLIT_WORDS or split_in_name(value) for value in values)
