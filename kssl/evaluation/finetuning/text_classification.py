"""Fine-tuning on texts, and on pairs of texts, that have a class each in a file.

What the network is compared with, and how both are trained, is in
`kssl.evaluation.finetuning.comparison`. The vocabulary is that of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kssl.evaluation.base import Evaluation, Result, Task, named
from kssl.evaluation.finetuning.classification import Classified, classes_of
from kssl.evaluation.finetuning.comparison import Problem, compared
from kssl.evaluation.finetuning.heads import DROPOUT, Head, check_pool, of_text
from kssl.evaluation.finetuning.labelled_text import Column, Paths, read_tables
from kssl.evaluation.finetuning.protocol import Protocol
from kssl.evaluation.finetuning.text_rows import Rows, text_rows
from kssl.moved import renamed


@renamed(repeats="draws", learning_rate="learning_rates")
def finetune_classification(
    path: Paths,
    text: Column = "sentence",
    label: Column = "label",
    *,
    labels: int | None = 1000,
    labels_per_class: int | None = None,
    fraction: float | None = None,
    draws: int = 1,
    epochs: int = 5,
    batch_size: int = 32,
    max_steps: int | None = None,
    learning_rates: float | Sequence[float] = (3e-4,),
    weight_decay: float = 0.05,
    pool: str | None = None,
) -> Evaluation:
    """Accuracy of a network fine-tuned to tell the class of a text, such as SST-2's.

    The protocol is BERT's (arXiv:1810.04805): one dense layer, and all weights are trained. A
    causal network such as GPT is read at its last token (Radford et al., GPT, 2018).

    Baselines: the same network from scratch; a logistic regression on words, trained on the same
    examples; their most frequent class.

    Args:
        path: A folder with a table for `train` and for `test` in its files' names, or
            `{train: …, test: …}`; TSV or CSV, also `.gz`. Or a data set of tensorflow-datasets,
            `{tfds: glue/sst2, splits: {train: train, test: validation}}`, whose features are the
            columns; `keys` says which, if they are called otherwise, and `file` beside it names the
            folder that comes first, if it is there.
        text: Column of the text: its name, or its number where there is no header.
        label: Column of the class.
        labels: Rows to train on, drawn at random; None for all.
        labels_per_class: So many rows of each class instead of `labels`.
        fraction: This fraction of each class instead of `labels`.
        draws: Trainings on other rows; the number is the mean.
        epochs: Passes over the rows, at least 100 steps.
        batch_size: Rows of a step.
        max_steps: Bounds the time with many labels; None: no bound.
        learning_rates: Highest learning rate; small networks want more than BERT's own 2e-5 to
            5e-5. Of several, each network gets the one that does best for it on a fifth of the
            rows, held out.
        weight_decay: Of kernels and embeddings; biases and gains have none.
        pool: What the head reads: the `first` position, as BERT; the `mean` of all tokens; the
            `last` token. None is what suits the model: `first` where it has learned pairs there,
            as BERT can, `last` of a causal network, else `mean`.

    Returns:
        A function of a `Task` that returns one `Result`, metric `accuracy on …`, the folder of
        the data.

    Raises:
        UserError: A setting is out of its range, or `pool` is none of the three.

    Example:
        >>> evaluate = finetune_classification("text_labelled/sst2", labels=100)
        >>> evaluate.__name__
        'evaluate'
    """
    check_pool(pool)
    size = labels, labels_per_class, fraction
    protocol = Protocol(*size, draws, epochs, batch_size, max_steps, learning_rates, weight_decay)

    def evaluate(task: Task) -> list[Result]:
        return _classified(task, "finetune_classification", path, [text, label], protocol, pool)

    return named("finetune_classification", evaluate, needs=["HasTextBackbone"])


@renamed(repeats="draws", learning_rate="learning_rates")
def finetune_pairs(
    path: Paths,
    texts: Sequence[Column] = ("#1 String", "#2 String"),
    label: Column = "Quality",
    *,
    labels: int | None = 1000,
    labels_per_class: int | None = None,
    fraction: float | None = None,
    draws: int = 1,
    epochs: int = 5,
    batch_size: int = 32,
    max_steps: int | None = None,
    learning_rates: float | Sequence[float] = (3e-4,),
    weight_decay: float = 0.05,
    pool: str | None = None,
) -> Evaluation:
    """Accuracy of a network fine-tuned to tell what two texts are to each other, as in MRPC.

    The two texts are one row, see `kssl.evaluation.finetuning.text_rows.TextRows`. The baselines
    are those of `finetune_classification`, on both texts as one, and a logistic regression on how
    many words the two have in common.

    Args:
        path: As of `finetune_classification`.
        texts: Columns of the two texts; the defaults here are those of MRPC's files.
        label: Column of the class.
        labels: Rows to train on, drawn at random; None for all.
        labels_per_class: So many rows of each class instead of `labels`.
        fraction: This fraction of each class instead of `labels`.
        draws: Trainings on other rows; the number is the mean.
        epochs: Passes over the rows, at least 100 steps.
        batch_size: Rows of a step.
        max_steps: Bounds the time with many labels; None: no bound.
        learning_rates: As of `finetune_classification`.
        weight_decay: Of kernels and embeddings; biases and gains have none.
        pool: What the head reads, as of `finetune_classification`.

    Returns:
        A function of a `Task` that returns one `Result`, metric `accuracy on …`, the folder of
        the data.

    Raises:
        UserError: A setting is out of its range, or `pool` is none of the three.

    Example:
        >>> evaluate = finetune_pairs("text_labelled/mrpc", labels=None)
    """
    check_pool(pool)
    size = labels, labels_per_class, fraction
    protocol = Protocol(*size, draws, epochs, batch_size, max_steps, learning_rates, weight_decay)

    def evaluate(task: Task) -> list[Result]:
        return _classified(task, "finetune_pairs", path, [*texts, label], protocol, pool)

    return named("finetune_pairs", evaluate, needs=["HasTextBackbone"])


def _classified(
    task: Task,
    name: str,
    path: Paths,
    columns: Sequence[Column],
    protocol: Protocol,
    pool: str | None,
) -> list[Result]:
    layout = text_rows(task)

    def read(texts: np.ndarray) -> Rows:
        return layout.framed(*(layout.encode(column) for column in texts.T.tolist()))

    tables = read_tables(path, columns[:-1], columns[-1])
    names = sorted(set(tables.train[1]))
    number = {each: place for place, each in enumerate(names)}
    train, test = (
        Classified(
            np.array(texts, object),  # (rows, columns)
            np.array([number.get(each, -1) for each in labels]),
            read,
            _by_words,
        )
        for texts, labels in (tables.train, tables.test)
    )
    settings = {"pool": pool, "dropout": DROPOUT, "train file": tables.file}
    head = Head(classes_of(train, test), lambda model: of_text(model, pool))
    problem = Problem(head, train, test, "texts", {"classes": len(names), **settings})
    return compared(task, name, problem.part(task.part), {f" on {tables.name}": protocol})


def _by_words(bank: np.ndarray, classes: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    from kssl.modalities import tokens

    joined = [[" ".join(texts) for texts in rows] for rows in (bank, test)]
    found = {tokens.TF_IDF_MODEL: tokens.classify_texts(joined[0], classes, joined[1])}
    if bank.shape[1] == 2:
        found[tokens.OVERLAP_MODEL] = tokens.classify_pairs(bank, classes, test)
    return found
