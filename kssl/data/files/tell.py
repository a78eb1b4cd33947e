"""What was understood of a folder, in three lines: what there is, the splits, the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from kssl.data.description import warn_once
from kssl.data.files.layout import Layout
from kssl.data.files.walk import Found
from kssl.data.splitting import SPLITS

BY_POSITION = "splits: train, validation and test are cut from one text, in that order"
_MOST = 8  # names in a line


def told(
    where: str,
    what: str,
    layout: Layout,
    found: Found,
    kinds: Counter[str],
    classes: Mapping[str, Sequence[str]],
    without_labels: str,
) -> tuple[str, str, str]:
    """Say in three lines what was understood, and warn of what is odd.

    Args:
        where: The folder.
        what: How the examples are called, in the plural.
        layout: What the names say.
        found: What there is beside the files.
        kinds: How many files of each ending are used.
        classes: The class of each example of each split.
        without_labels: Why there are no labels; "" where there are.
    """
    warn_of_odd(where, what, layout, found, classes, without_labels)
    sizes = {split: len(classes[split]) for split in SPLITS}
    files = f"{_plural(sum(sizes.values()), what)} in {where} ({counted(kinds)})"
    left = left_out(layout, found)
    return (
        files + f"; left out: {left}" * bool(left),
        splits_line(sizes, layout.of_split, layout.unused),
        f"no labels: {without_labels}" if without_labels else classes_line(classes),
    )


def counted(counts: Counter[str]) -> str:
    """The most frequent with their counts: `.jpg 40, .png 20`."""
    names = [f"{name} {count:,}" for name, count in counts.most_common(_MOST)]
    return ", ".join(names) + f", {len(counts) - _MOST} more" * (len(counts) > _MOST)


def splits_line(sizes: Mapping[str, int], of_split: Mapping[str, Sequence[str]], why: str) -> str:
    """How many examples each split has, and what made it."""

    def part(split: str) -> str:
        names = of_split.get(split)
        return (
            f"{split} {sizes[split]:,}"
            + f" ({_few(names) if names else 'cut from train'})" * bool(of_split)
        )

    drawn = "" if of_split else ", by a hash of each"
    unused = f"; names of splits were not used: {why}" * bool(why)
    return f"splits: {', '.join(part(split) for split in sizes)}{drawn}{unused}"


def classes_line(classes: Mapping[str, Sequence[str]]) -> str:
    """The classes with their counts over all splits; `""` is an example without a label."""
    counts = Counter(name for names in classes.values() for name in names)
    without = counts.pop("", 0)
    more_without = f"; {without:,} more without a label, which no probe sees" * bool(without)
    shown = [f"{name} {counts[name]:,}" for name in sorted(counts)[:_MOST]]
    more = f", … {len(counts) - _MOST:,} more" * (len(counts) > _MOST)
    return f"{len(counts):,} classes: {', '.join(shown)}{more}{more_without}"


def lacking(classes: Mapping[str, Sequence[str]]) -> list[str]:
    """Sentences about classes that a held-out split has and train lacks."""
    known = set(classes.get("train", ()))
    return [
        f"the split {split} has {len(new)} classes that train lacks: {_few(sorted(new))}"
        for split in ("validation", "test")
        if (new := set(classes.get(split, ())) - known - {""})
    ]


def left_out(layout: Layout, found: Found) -> str:
    """What was left out, with the reason of each kind."""
    parts = [
        f"{len(files):,} {why} ({_tops(layout.root, files)})"
        for why, files in layout.left.items()
        if files
    ]
    if found.others:
        parts.append(f"files of other kinds ({counted(found.others)})")
    if found.closed:
        parts.append(f"{len(found.closed)} folders that cannot be read ({_few(found.closed)})")
    if found.hidden:
        parts.append(f"hidden folders ({_few(sorted(found.hidden))})")
    if found.empty:
        parts.append(f"empty folders ({_few(sorted(found.empty))})")
    return ", ".join(parts)


def warn_of_odd(
    where: str,
    what: str,
    layout: Layout,
    found: Found,
    classes: Mapping[str, Sequence[str]],
    without_labels: str,
) -> None:
    """Warn of what is odd, each in a line; the arguments are those of `told`."""
    for note in _odd(what, layout, found, {} if without_labels else classes):
        warn_once(f"{where}: {note}")


def _odd(
    what: str, layout: Layout, found: Found, classes: Mapping[str, Sequence[str]]
) -> list[str]:
    notes = [*layout.notes, *lacking(classes)]
    for why, files in layout.left.items():
        if files:
            notes.append(
                f"{_plural(len(files), what)} {why}, left out: {_tops(layout.root, files)}"
            )
    if "taken for a class" in layout.unused or "trained on too" in layout.unused:
        notes.append(layout.unused)
    if found.hidden:
        few = _few(sorted(found.hidden))
        notes.append(f"hidden folders are left out: {few}: rename what are classes")
    if found.closed:
        notes.append(f"folders that cannot be read are left out: {_few(found.closed)}")
    return notes


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what.removesuffix('s') if count == 1 else what}"


def _tops(root: Path, files: Sequence[Path]) -> str:
    """The names of a few files, or the folders of many, below the root."""
    inner = [file.relative_to(root) for file in files]
    few = len(inner) < 4
    return _few(list(dict.fromkeys(str(each) if few else f"{each.parent}/" for each in inner)))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + ", …" * (len(names) > 4)
