"""Labelled text for fine-tuning: tables of sentences, columns of tagged words, questions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kssl.data.builders.built import Built, check_names
from kssl.data.builders.place import is_of_builder, opened
from kssl.data.builders.splits import own_splits
from kssl.data.files.decode import report_broken
from kssl.data.locate import Unavailable, find_file
from kssl.data.splitting import SPLIT_WORDS
from kssl.data.tables.column_types import warn_of_similar
from kssl.data.tables.delimited import delimiter_in, read_rows, to_width
from kssl.data.tables.lines import LONGEST_TEXT, text_lines
from kssl.errors import UserError
from kssl.evaluation.base import Skipped

Paths = str | Mapping[str, Any]
Column = str | int
Table = tuple[list[tuple[str, ...]], list[str]]


class Question(NamedTuple):
    """A question on a paragraph, as in SQuAD.

    Attributes:
        article: What the paragraph is from.
        question: The question.
        context: The paragraph.
        answers: Each right answer with its place in the paragraph, in characters.
    """

    article: str
    question: str
    context: str
    answers: tuple[tuple[str, int], ...]


def split_files(path: Paths) -> dict[str, Path]:
    """Return the files of `train` and `test`: told, or read off the names in a folder.

    Args:
        path: `{train: …, test: …}`, or a folder with one file for each.

    Raises:
        Skipped: There is no such file or folder.
        UserError: A split is missing, or two files could be it.

    Example:
        >>> split_files({"train": "a/train.tsv", "test": "a/test.tsv"})  # doctest: +SKIP
    """
    try:
        if isinstance(path, Mapping):
            named = {str(split): [find_file(file)] for split, file in path.items()}
        else:
            named = _named_after_splits(find_file(path))
    except UserError as error:
        raise Skipped(str(error)) from error
    for split in ("train", "test"):
        if len(named.get(split, ())) != 1:
            found = ", ".join(each.name for each in named.get(split, ())) or "none"
            raise UserError(
                f"labelled text needs one file for {split} in {path}; there is {found}: "
                "name them, path: {train: …, test: …}"
            )
    return {split: named[split][0] for split in ("train", "test")}


class Tables(NamedTuple):
    """Labelled rows of two splits, each the texts of every row, and its label.

    Attributes:
        name: What the data is called.
        file: What the training rows are read from.
        train: To train on.
        test: To test on.
    """

    name: str
    file: str
    train: Table
    test: Table


def read_tables(path: Paths, texts: Sequence[Column], label: Column) -> Tables:
    """Read the rows of `train` and `test`, of files or of a data set of tensorflow-datasets.

    Args:
        path: As `split_files` takes it, or `{tfds: glue/sst2, splits: {train: train, test:
            validation}}`, with `file` for what comes first if it is there; `keys` says which
            feature is which column, if it is called otherwise.
        texts: Columns of the texts.
        label: Column of the label.

    Raises:
        Skipped: There is no such file, or the data set is unavailable.
        UserError: A split or column is missing.
    """
    if is_of_builder(path):
        try:
            place = opened(path, "labelled text")
        except Unavailable as error:
            raise Skipped(str(error)) from error
        if isinstance(place, Built):
            return _of_built(place, [str(each) for each in (*texts, label)])
        path = str(place)
    files = split_files(path)
    train, test = (read_table(files[split], texts, label) for split in ("train", "test"))
    return Tables(files["train"].parent.name, files["train"].name, train, test)


def _of_built(built: Built, columns: list[str]) -> Tables:
    check_names(built, dict(built.keys), columns, "keys")
    named = {column: dict(built.keys).get(column, column) for column in columns}
    built = replace(built, keys=tuple(named.items()))
    wanted = {column: built.of_kind(column, ("text",)) for column in columns[:-1]}
    wanted[columns[-1]] = built.of_kind(columns[-1], ("class", "integer"))
    names = built.class_names(wanted[columns[-1]])
    parts = dict(built.splits) or own_splits(built.builder)
    if not {"train", "test"} <= set(parts):
        raise UserError(
            f"{built.where}: labelled text needs train and test, and there is "
            f"{', '.join(parts)}: splits: {{train: train, test: validation}}"
        )

    def rows(part: str) -> Table:
        every = [tuple(example[c] for c in columns) for example in built.read(part, wanted)]
        known = [(row[:-1], int(row[-1])) for row in every if row[-1] >= 0]
        if not known:
            raise UserError(
                f"{built.where}: no example of '{part}' has a label; name another split"
            )
        return (
            [tuple(text.decode("utf-8", "replace") for text in texts) for texts, _ in known],
            [names[number] if names else str(number) for _, number in known],
        )

    name = built.builder.info.full_name.rpartition("/")[0]
    return Tables(name, parts["train"], rows(parts["train"]), rows(parts["test"]))


def _named_after_splits(folder: Path) -> dict[str, list[Path]]:
    named: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        words = re.split(r"[^a-z]+", file.name.lower())
        splits = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
        if len(splits) == 1 and file.is_file():
            named.setdefault(splits.pop(), []).append(file)
    return named


def read_table(
    file: Path, texts: Sequence[Column], label: Column
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Read the texts and the label of each row of a TSV or CSV file, `.gz` or not.

    Args:
        file: Fields are quoted as `kssl.data.tables.delimited` says.
        texts: Columns of the texts, by name, or by number where there is no header.
        label: Column of the label.

    Returns:
        The texts of each row, and its label. Rows with other fields than the first one has, or
        without a label, are counted in a warning and left out.

    Raises:
        UserError: There is no such column, or no row.
    """
    lines = text_lines(file)
    start = list(islice(lines, 1))
    usual = "\t" if file.name.removesuffix(".gz").endswith(".tsv") else ","
    named = any(isinstance(column, str) for column in (*texts, label))
    delimiter = delimiter_in(start, usual) if named else usual
    rows = read_rows(chain(start, lines), delimiter)
    number, first = next(rows, (1, []))
    wanted = [*texts, label]
    if isinstance(first, str):
        raise UserError(f"{file}: its first line has {first}")
    if named:
        header = [name.strip() for name in first]
        missing = [column for column in wanted if column not in header]
        if first and missing:
            raise UserError(f"{file} has no column {missing[0]!r}; it has {', '.join(header)}")
        wanted = [header.index(str(column)) for column in wanted] if first else []
    else:
        rows = chain([(number, first)], rows)
    places = [int(column) for column in wanted]
    found, broken = [], []
    for number, row in rows:
        fitting = row if isinstance(row, str) else _chosen(row, len(first), places, delimiter)
        if isinstance(fitting, str):
            broken.append((f"line {number}", fitting))
        else:
            found.append(fitting)
    if not found:
        raise UserError(f"{file} has no row with a text and a label")
    report_broken(str(file), "rows", broken, len(found) + len(broken), 1.0)
    warn_of_similar(str(file), "labels", [row[-1] for row in found])
    return [tuple(row[:-1]) for row in found], [row[-1] for row in found]


def _chosen(row: list[str], width: int, places: Sequence[int], delimiter: str) -> list[str] | str:
    """The texts and the label of a row, or why it has none."""
    fitting = to_width(row, width, places[0], delimiter)
    if isinstance(fitting, str):
        return fitting
    if max(places) >= width:
        return f"no column {max(places)}"
    chosen = [fitting[place] for place in places]
    return [*chosen[:-1], chosen[-1].strip()] if chosen[-1].strip() else "no label"


def read_tagged(file: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Read sentences of tagged words, one word a line, an empty line between sentences.

    Args:
        file: As of CoNLL-2003: the word is the first column, its tag (IOB2) the last.

    Returns:
        The words and the tags of each sentence.

    Raises:
        UserError: There is no tagged word.
    """
    words: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for line in text_lines(file):
        parts = line.split()
        if len(parts) > 1 and parts[0] != "-DOCSTART-":
            words[-1].append(parts[0])
            tags[-1].append(parts[-1])
        elif words[-1]:
            words.append([])
            tags.append([])
    if not words[0]:
        raise UserError(f"{file} has no line of a word and its tag")
    return [each for each in words if each], [each for each in tags if each]


def read_questions(file: Path) -> list[Question]:
    """Read questions in SQuAD's JSON; those without an answer are left out.

    Raises:
        UserError: The file is not of that form, or has none.
    """
    try:
        articles = json.loads("\n".join(text_lines(file, LONGEST_TEXT)))["data"]
        found = [
            Question(
                str(number),
                asked["question"],
                paragraph["context"],
                tuple((each["text"], each["answer_start"]) for each in asked["answers"]),
            )
            for number, article in enumerate(articles)
            for paragraph in article["paragraphs"]
            for asked in paragraph["qas"]
            if asked["answers"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is not in SQuAD's form: {error!r}") from error
    if not found:
        raise UserError(f"{file} has no question with an answer")
    return found


def by_article(questions: Sequence[Question], fraction: float = 0.25) -> dict[str, list[Question]]:
    """Split questions so that all of one article are on the same side, always the same way.

    Args:
        questions: Of two articles or more.
        fraction: Of the articles, for the test.

    Raises:
        UserError: There is only one article.
    """
    articles = sorted({each.article for each in questions})
    if len(articles) < 2:
        raise UserError("questions of one article cannot be split by article into train and test")
    order = np.random.RandomState(0).permutation(len(articles))
    held = {articles[place] for place in order[: max(1, round(fraction * len(articles)))]}
    return {
        "train": [each for each in questions if each.article not in held],
        "test": [each for each in questions if each.article in held],
    }
