"""Text files as a data set: documents, paragraphs, sentences or lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kssl.data.description import described
from kssl.data.from_arrays import MEMORY_BUDGET, Dataset
from kssl.data.splitting import check_split
from kssl.data.text.corpus import Corpus, Label, open_corpus
from kssl.data.text.documents import EMBEDDED
from kssl.data.text.parts import names_of
from kssl.data.text.sentences import CUTS, Unit
from kssl.errors import UserError, nearest
from kssl.moved import renamed


@renamed(shares="fractions")
def text(
    split: str,
    path: str | Sequence[str] | Mapping[str, Any],
    unit: Unit = "document",
    field: str | int | None = None,
    label: Label = None,
    fractions: Sequence[float] = (0.1, 0.1),
) -> Dataset:
    """Text files: plain, JSON lines, CSV or TSV, each also as `.gz`, `.xz` or `.bz2`, or Parquet.

    A document is a plain file (`.txt`, `.md`, `.rst` or any other), a line of a `.jsonl` file or a
    row of a `.csv`, `.tsv` or `.parquet` file. A column that says the split (`split`, `is_test` or
    the like) is heeded; else which split it is in follows from its text alone, so that copies of a
    document never are in two splits, and adding documents moves no other (but in corpora so small
    that a split would be empty). A corpus of one document is cut by position: train is the first
    part, then validation, then test; with `fractions=(0.05, 0.1)` the test split is the last tenth
    of the characters, exactly. A folder whose files or sub-folders are called `train`, `validation`
    (or `dev`, …) and `test`, alone or with other words (`imdb_train_v2.csv`), is split by them;
    what lies beside them is left out.

    What is damaged is counted and named in one warning for each kind: bytes that are not UTF-8
    (they become U+FFFD), lines over 16 MiB (cut there in plain files, else left out), empty files
    and documents, archives that end early (read up to there), lines that are no JSON, rows that
    lack the column.

    Args:
        split: `train`, `validation` or `test`.
        path: A file, a folder, a pattern such as `"news/*.txt.gz"`, a list of these, or
            `{train: …, validation: …, test: …}`; splits that are not named are cut from train.
            A path that exists is no pattern, whatever signs it has. A relative path is tried in
            the current folder, then in `KSSL_DATA_DIR`. Or a data set of tensorflow-datasets,
            `{tfds: ag_news_subset}`, by its own splits: the feature that is a text, and `label`, or
            what `field` and `label`, or `keys: {text: …, label: …}`, name. The parts of one text,
            one a split, are joined by `splits: {all: train+validation+test}`.
        unit: What an example is: a `document`, a `paragraph` (blank lines between them), a
            `sentence` (found by rules, see `kssl.data.sentences`) or a `line`.
        field: JSON field or column of the text; a number for a table without header, counted
            from 0. None is `"text"`.
        label: Field or column of the class; every unit of a document has its class. None takes
            the sub-folders of plain files, if there are at least two; `false` takes none.
            Documents without one, and folders called `unsup` or `unlabeled`, are trained on: their
            `label` is -1.
        fractions: Of the documents, for validation and for test.

    Returns:
        A dataset of `{"text": string ()}`, with `"label": int64 ()` if there are classes; its
        attribute `class_names` then says which class a number is. A corpus over 512 Mi
        characters is read from the files as it goes.

    Raises:
        Unavailable: There are no such files.
        UserError: There is no text, or no such field, or too few documents to split.

    Example:
        >>> text("train", "news.jsonl.gz", unit="sentence", label="topic")  # doctest: +SKIP
    """
    check_split(split)
    if unit not in CUTS:
        raise UserError(f"text: unit '{unit}'{nearest(str(unit), CUTS)}")
    return _dataset(open_corpus(path, field, label, fractions), split, unit)


@renamed(shares="fractions")
def python_topics(
    split: str = "train", unit: Unit = "paragraph", fractions: Sequence[float] = (0.1, 0.1)
) -> Dataset:
    """Some 460,000 characters of English about Python, which every Python brings along.

    The texts behind `help()` of Python's own language reference (`pydoc_data.topics`), 70 to 90
    documents by version. They can stand in for a corpus where there is none; they are
    few, dry and full of code.

    Args:
        split: `train`, `validation` or `test`, by document.
        unit: `document`, `paragraph`, `sentence` or `line`.
        fractions: Of the documents, for validation and for test.

    Returns:
        A dataset of `{"text": string ()}`.

    Example:
        >>> example = next(iter(python_topics("test", "sentence")))
        >>> sorted(example), example["text"].dtype.name
        (['text'], 'string')
    """
    return text(split, EMBEDDED, unit, fractions=fractions)


def _dataset(corpus: Corpus, split: str, unit: str) -> Dataset:
    import tensorflow as tf

    numbers = corpus.numbers()

    def examples() -> Iterator[dict[str, Any]]:
        for document in corpus.documents(split):
            for part in CUTS[unit](document.text):
                example: dict[str, Any] = {"text": part.encode("utf-8", "replace")}
                if numbers:
                    example["label"] = numbers[document.label or ""]
                yield example

    names = None
    count, size = 0, 0
    for example in examples():
        count, size = count + 1, size + len(example["text"])
    if count == 0:
        raise UserError(f"{corpus.where}: the split {split} has no {unit} with text")
    if size <= MEMORY_BUDGET // 2:
        every = list(examples())
        columns = {key: [example[key] for example in every] for key in every[0]}
        if numbers:
            columns["label"] = tf.constant(columns["label"], tf.int64)
        dataset = tf.data.Dataset.from_tensor_slices(columns)
        documents = list(corpus.documents(split))
        parts = (len(list(CUTS[unit](each.text))) for each in documents)
        names = names_of(documents, [n for n, count in enumerate(parts) for _ in range(count)])
    else:
        kinds = {"text": tf.TensorSpec((), tf.string)}
        if numbers:
            kinds["label"] = tf.TensorSpec((), tf.int64)
        dataset = tf.data.Dataset.from_generator(examples, output_signature=kinds)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    facts = {"class_names": list(corpus.names), "found": corpus.found or None}
    return described(dataset, names=names, **facts)
