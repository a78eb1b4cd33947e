"""Fine-tuning on labelled text: sentences, pairs of them, entities, answers.

Each of the four takes a run's network with all its weights, puts one dense layer on it, and trains
both; beside it stand the same network from fresh weights, trained alike, and a guess without any
network. The vocabulary is that of the run. The test file is read once, after training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kssl.errors import UserError
from kssl.evaluation.base import Evaluation, Result, Task, named
from kssl.evaluation.finetuning.text_data import (
    Column,
    Paths,
    read_table,
    read_tagged,
    split_files,
)
from kssl.evaluation.finetuning.text_finetune import (
    Budget,
    Rows,
    compared,
    framed,
    vocabulary_for_text,
    word_ids,
)
from kssl.evaluation.finetuning.text_scores import entity_f1


def finetune_classification(
    path: Paths,
    text: Column = "sentence",
    label: Column = "label",
    labels: int | None = 1000,
    epochs: int = 5,
    learning_rate: float = 3e-4,
    repeats: int = 1,
    pool: str = "first",
) -> Evaluation:
    """Accuracy of a network fine-tuned to tell the class of a text, such as SST-2's.

    The protocol is BERT's (arXiv:1810.04805): one dense layer, and all weights are trained.

    Args:
        path: A folder with a table for `train` and for `test` in its files' names, or
            `{train: …, test: …}`; TSV or CSV, also `.gz`.
        text: Column of the text: its name, or its number where there is no header.
        label: Column of the class.
        labels: Rows to train on, drawn at random; None for all.
        epochs: Times that each is seen.
        learning_rate: Highest one; small networks want more than BERT's own 2e-5 to 5e-5.
        repeats: Trainings on other rows and from another head; the number is the mean.
        pool: What the head reads: the `first` position, as BERT, or the `mean` of all, which suits
            a network that has learned no pairs, and so little at its first position.

    Returns:
        A function of a `Task` that returns one `Result`, metric `accuracy on …`, the folder of
        the data.

    Raises:
        UserError: A setting is not above zero, or `pool` is neither of the two.

    Example:
        >>> evaluate = finetune_classification("text_labelled/sst2", labels=100)
        >>> evaluate.__name__
        'evaluate'
    """
    _check_pool(pool)
    budget = Budget(labels, epochs, learning_rate, repeats)

    def evaluate(task: Task) -> list[Result]:
        return _classified(task, "finetune_classification", path, [text], label, budget, pool)

    return named("finetune_classification", evaluate, needs=["HasTextBackbone"])


def finetune_pairs(
    path: Paths,
    texts: Sequence[Column] = ("#1 String", "#2 String"),
    label: Column = "Quality",
    labels: int | None = 1000,
    epochs: int = 5,
    learning_rate: float = 3e-4,
    repeats: int = 1,
    pool: str = "first",
) -> Evaluation:
    """Accuracy of a network fine-tuned to tell what two texts are to each other, as in MRPC.

    Args:
        path: As of `finetune_classification`.
        texts: Columns of the two texts; the defaults here are those of MRPC's files.
        label: Column of the class.
        labels: Rows to train on, drawn at random; None for all.
        epochs: Times that each is seen.
        learning_rate: Highest one.
        repeats: Trainings on other rows and from another head; the number is the mean.
        pool: What the head reads: the `first` position, as BERT, or the `mean` of all, which suits
            a network that has learned no pairs, and so little at its first position.

    Returns:
        A function of a `Task` that returns one `Result`, metric `accuracy on …`, the folder of
        the data.

    Raises:
        UserError: A setting is not above zero, or `pool` is neither of the two.

    Example:
        >>> evaluate = finetune_pairs("text_labelled/mrpc", labels=None)
    """
    _check_pool(pool)
    budget = Budget(labels, epochs, learning_rate, repeats)

    def evaluate(task: Task) -> list[Result]:
        return _classified(task, "finetune_pairs", path, list(texts), label, budget, pool)

    return named("finetune_pairs", evaluate, needs=["HasTextBackbone"])


def _check_pool(pool: str) -> None:
    if pool not in ("first", "mean"):
        raise UserError(f"pool is {pool!r}: give 'first' or 'mean'")


def _classified(
    task: Task,
    name: str,
    path: Paths,
    columns: list[Column],
    label: Column,
    budget: Budget,
    pool: str,
) -> list[Result]:
    known, length = vocabulary_for_text(task), task.model.example_shape[0]
    files = split_files(path)
    texts, classes = {}, {}
    for split, file in files.items():
        texts[split], classes[split] = read_table(file, columns, label)
    names = sorted(set(classes["train"]))
    number = {each: place for place, each in enumerate(names)}
    train, test = (
        np.array([number.get(each, -1) for each in classes[split]]) for split in ("train", "test")
    )
    asked = _text_rows(known, texts["test"], length)

    def measure(network: Callable[[], Any], repeat: int) -> dict[str, float]:
        from kssl.evaluation.finetuning.text_head import predicted, trained_head

        chosen = budget.drawn(len(train), repeat)
        some = _text_rows(known, [texts["train"][n] for n in chosen], length)
        head = trained_head(network(), len(names), some, train[chosen], budget, pool, repeat)
        return {"accuracy": float(np.mean(predicted(head, asked).argmax(axis=1) == test))}

    simple = {"majority class": float(np.mean(test == np.bincount(train).argmax()))}
    simple |= _simple_model(texts, train, test, budget)
    sizes = {"test": len(test), "classes": len(names), "pool": pool}
    return compared(task, name, budget, measure, {"accuracy": simple}, files["train"], sizes)


def _simple_model(
    texts: dict[str, list[tuple[str, ...]]], train: np.ndarray, test: np.ndarray, budget: Budget
) -> dict[str, float]:
    """Accuracy of a logistic regression on words, trained on the same rows as the network."""
    from kssl.modalities.tokens import TF_IDF_MODEL, classify_texts

    joined = {split: [" ".join(row) for row in rows] for split, rows in texts.items()}
    found = []
    for repeat in range(budget.repeats):
        chosen = budget.drawn(len(train), repeat)
        if len(np.unique(train[chosen])) > 1:
            some = [joined["train"][n] for n in chosen]
            guess = classify_texts(some, train[chosen], joined["test"])
            found.append(float(np.mean(guess == test)))
    return {TF_IDF_MODEL: float(np.mean(found))} if found else {}


def _text_rows(known: Any, texts: Sequence[tuple[str, ...]], length: int) -> Rows:
    columns = [known.encode([row[place] for row in texts]) for place in range(len(texts[0]))]
    return framed(known, columns[0], columns[1] if len(columns) > 1 else None, length)


def finetune_tagging(
    path: Paths,
    labels: int | None = 1000,
    epochs: int = 5,
    learning_rate: float = 3e-4,
    repeats: int = 1,
) -> Evaluation:
    """F1 of entities of a network fine-tuned to tag words, as in CoNLL-2003.

    The head reads the first piece of each word. Right is an entity with the exact words and the
    type. Words that do not fit in a row count as `O`.

    Baselines: the same network from scratch; for each word the tag that it has most often in the
    sentences trained on, `O` for words that are not there; `O` for all.

    Args:
        path: A folder with a file for `train` and for `test`, or `{train: …, test: …}`: a word and
            its IOB2 tag on each line, an empty line between sentences; also `.gz`.
        labels: Sentences to train on, drawn at random; None for all.
        epochs: Times that each is seen.
        learning_rate: Highest one.
        repeats: Trainings on other sentences and from another head; the number is the mean.

    Returns:
        A function of a `Task` that returns one `Result`, metric `entity F1 on …`, the folder
        of the data.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> evaluate = finetune_tagging("text_labelled/conll2003", labels=100)
    """
    budget = Budget(labels, epochs, learning_rate, repeats)

    def evaluate(task: Task) -> list[Result]:
        return _tagged(task, path, budget)

    return named("finetune_tagging", evaluate, needs=["HasTextBackbone"])


def _tagged(task: Task, path: Paths, budget: Budget) -> list[Result]:
    known, length = vocabulary_for_text(task), task.model.example_shape[0]
    files = split_files(path)
    words, tags = zip(*(read_tagged(files[split]) for split in ("train", "test")), strict=True)
    names = sorted({tag for sentence in tags[0] for tag in sentence})
    number = {tag: place for place, tag in enumerate(names)}
    asked, asked_places = _word_rows(known, words[1], length)

    def measure(network: Callable[[], Any], repeat: int) -> dict[str, float]:
        from kssl.evaluation.finetuning.text_head import predicted, trained_head

        chosen = budget.drawn(len(tags[0]), repeat)
        rows, every = _word_rows(known, [words[0][n] for n in chosen], length)
        target = np.full(rows.token_ids.shape, -1)
        for line, places in enumerate(every):
            own = tags[0][chosen[line]]
            target[line, places] = [number[tag] for tag in own[: len(places)]]
        head = trained_head(network(), len(names), rows, target, budget, "each", repeat)
        guess = predicted(head, asked).argmax(axis=2)  # (sentences, length)
        found = [
            [names[tag] for tag in guess[line, places]] + ["O"] * (len(sentence) - len(places))
            for line, (places, sentence) in enumerate(zip(asked_places, words[1], strict=True))
        ]
        return {"entity F1": entity_f1(tags[1], found)}

    chosen = budget.drawn(len(tags[0]), 0)
    usual = _usual_tags([words[0][n] for n in chosen], [tags[0][n] for n in chosen])
    guess = [[usual.get(word, "O") for word in sentence] for sentence in words[1]]
    baselines = {"usual tag of the word": entity_f1(tags[1], guess), "all O": 0.0}
    sizes, name = {"test": len(words[1]), "tags": len(names)}, "finetune_tagging"
    return compared(task, name, budget, measure, {"entity F1": baselines}, files["train"], sizes)


def _word_rows(
    known: Any, sentences: Sequence[Sequence[str]], length: int
) -> tuple[Rows, list[list[int]]]:
    """Rows of sentences, and where each word's first piece is, as far as they fit."""
    flat = word_ids(known, [word for sentence in sentences for word in sentence])
    lines, heads, begin = [], [], 0
    for sentence in sentences:
        pieces = flat[begin : begin + len(sentence)]
        begin += len(sentence)
        places = 1 + np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
        lines.append(np.concatenate(pieces))
        heads.append([int(place) for place in places if place < length - 1])
    return framed(known, lines, None, length), heads


def _usual_tags(words: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]) -> dict[str, str]:
    counts: dict[str, Counter[str]] = {}
    for sentence, marks in zip(words, tags, strict=True):
        for word, tag in zip(sentence, marks, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    return {word: found.most_common(1)[0][0] for word, found in counts.items()}
