"""Fine-tuning on questions whose answer is a span of a paragraph, as in SQuAD."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kssl.errors import UserError
from kssl.evaluation.base import Evaluation, Result, Skipped, Task, named
from kssl.evaluation.finetuning.text_data import (
    Paths,
    Question,
    by_article,
    read_questions,
    split_files,
)
from kssl.evaluation.finetuning.text_finetune import (
    Budget,
    Rows,
    best_spans,
    compared,
    framed,
    vocabulary_for_text,
    word_ids,
)
from kssl.evaluation.finetuning.text_scores import answer_f1, exact_match

_WORDS = re.compile(r"\w+|[^\w\s]")
_QUESTION = 3  # a question has at most this part of a row


class Windows(NamedTuple):
    """Parts of paragraphs, each behind its question.

    Attributes:
        rows: `[CLS] question [SEP] part [SEP]`.
        owner: The number of each row's question, `(windows,)`.
        word: Which word of the paragraph each token is of, -1 for none, `(windows, length)`.
        target: First and last token of the first answer, 0 where it is not in the part.
    """

    rows: Rows
    owner: np.ndarray
    word: np.ndarray
    target: np.ndarray


def finetune_answers(
    path: Paths,
    labels: int | None = None,
    epochs: int = 5,
    learning_rate: float = 3e-4,
    repeats: int = 1,
) -> Evaluation:
    """Exact match and F1 of a network fine-tuned to find answers in paragraphs, as SQuAD counts.

    A paragraph that is too long is read in parts that overlap by half; the best span of all parts
    is the answer, of 30 tokens at most. An answer counts as normalised: lower-case, without
    punctuation, articles and doubled blanks.

    A single file, such as XQuAD, which was made to test and has no training part, is cut by
    article: three quarters of the articles to train, the others to test. Such a number is not to
    be compared with one of a network that was trained on SQuAD.

    Baselines: the same network from scratch; the words at the place that answers of the questions
    trained on have most often; the whole paragraph.

    Args:
        path: A file in SQuAD's JSON, a folder with one for `train` and for `test`, or
            `{train: …, test: …}`.
        labels: Questions to train on, drawn at random; None for all.
        epochs: Times that each is seen.
        learning_rate: Highest one.
        repeats: Trainings on other questions and from another head; the number is the mean.

    Returns:
        A function of a `Task` that returns two `Result`s, metrics `exact match on …` and
        `F1 on …`, the folder of the data.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> evaluate = finetune_answers("text_labelled/xquad_en/xquad.en.json", epochs=2)
    """
    budget = Budget(labels, epochs, learning_rate, repeats)

    def evaluate(task: Task) -> list[Result]:
        return _answered(task, path, budget)

    return named("finetune_answers", evaluate, needs=["HasTextBackbone"])


def _answered(task: Task, path: Paths, budget: Budget) -> list[Result]:
    known, length = vocabulary_for_text(task), task.model.example_shape[0]
    train, test, how, file = _questions(path)
    parts = windows(known, test, length)

    def measure(network: Callable[[], Any], repeat: int) -> dict[str, float]:
        from kssl.evaluation.finetuning.text_head import predicted, trained_head

        own = windows(known, [train[n] for n in budget.drawn(len(train), repeat)], length)
        head = trained_head(network(), 2, own.rows, own.target, budget, "each", repeat)
        return scored(test, answers_of(test, parts, predicted(head, parts.rows)))

    place = _usual_place([train[n] for n in budget.drawn(len(train), 0)])
    guesses = {
        "usual place": [_between(each.context, *place) for each in test],
        "whole paragraph": [each.context for each in test],
    }
    scores = {name: scored(test, guess) for name, guess in guesses.items()}
    baselines = {
        metric: {name: score[metric] for name, score in scores.items()}
        for metric in ("exact match", "F1")
    }
    sizes = {"split": how, "train questions": len(train), "test": len(test)}
    return compared(task, "finetune_answers", budget, measure, baselines, file, sizes)


def _questions(path: Paths) -> tuple[list[Question], list[Question], str, Path]:
    if isinstance(path, str) and path.removesuffix(".gz").endswith(".json"):
        from kssl.data.locate import find_file

        try:
            file = find_file(path)
        except UserError as error:
            raise Skipped(str(error)) from error
        cut = by_article(read_questions(file))
        return cut["train"], cut["test"], f"by article of {file.name}, 3 of 4 to train", file
    files = split_files(path)
    train, test = (read_questions(files[split]) for split in ("train", "test"))
    return train, test, "as the files are", files["train"]


def windows(known: Any, questions: Sequence[Question], length: int) -> Windows:
    """Lay questions and parts of their paragraphs out in rows.

    Args:
        known: The vocabulary.
        questions: Their first answer is what is to be found.
        length: Ids of a row.
    """
    asked = known.encode([each.question for each in questions])
    firsts, seconds, owner, words, spans = [], [], [], [], []
    for number, (each, ids) in enumerate(zip(questions, asked, strict=True)):
        ids = ids[: length // _QUESTION]
        context, of_word = _pieces(known, each.context)
        begin, end = _answer_pieces(each, of_word)
        room = length - len(ids) - 3
        for at in range(0, max(1, len(context) - room // 2), room // 2):
            part = slice(at, at + room)
            inside = at <= begin and end < at + room
            shift = len(ids) + 2 - at
            firsts.append(ids)
            seconds.append(context[part])
            owner.append(number)
            words.append(of_word[part])
            spans.append((begin + shift, end + shift) if inside else (0, 0))
    rows = framed(known, firsts, seconds, length)
    word = np.full(rows.token_ids.shape, -1)
    for line, (first, of_word) in enumerate(zip(firsts, words, strict=True)):
        word[line, len(first) + 2 : len(first) + 2 + len(of_word)] = of_word
    return Windows(rows, np.array(owner), word, np.array(spans))


def _pieces(known: Any, context: str) -> tuple[np.ndarray, np.ndarray]:
    """Ids of a paragraph, and the number of the word that each is of."""
    found = word_ids(known, _WORDS.findall(context))
    return np.concatenate(found), np.repeat(np.arange(len(found)), [len(each) for each in found])


def _answer_pieces(question: Question, of_word: np.ndarray) -> tuple[int, int]:
    first, last = _answer_words(question)
    return int(np.searchsorted(of_word, first)), int(np.searchsorted(of_word, last, "right")) - 1


def _answer_words(question: Question) -> tuple[int, int]:
    text, start = question.answers[0]
    ends = [match.end() for match in _WORDS.finditer(question.context)]
    first = int(np.searchsorted(ends, start, "right"))
    last = int(np.searchsorted(ends, start + len(text), "left"))
    return min(first, len(ends) - 1), min(max(first, last), len(ends) - 1)


def _between(context: str, first: int, last: int) -> str:
    """The text from one word to another."""
    found = list(_WORDS.finditer(context))
    first, last = min(first, len(found) - 1), min(last, len(found) - 1)
    return context[found[first].start() : found[last].end()]


def answers_of(questions: Sequence[Question], parts: Windows, logits: np.ndarray) -> list[str]:
    """Return the best answer to each question, over all parts of its paragraph."""
    spans = best_spans(logits, parts.word >= 0)
    best: dict[int, tuple[float, int]] = {}
    for line, owner in enumerate(parts.owner.tolist()):
        best[owner] = max(best.get(owner, (-np.inf, -1)), (float(spans[line, 2]), line))
    found = []
    for number, each in enumerate(questions):
        line = best[number][1]
        first, last = (int(parts.word[line, int(place)]) for place in spans[line, :2])
        found.append(_between(each.context, first, last))
    return found


def scored(questions: Sequence[Question], guesses: Sequence[str]) -> dict[str, float]:
    """Return exact match and F1, averaged over questions."""
    right = [[text for text, _ in each.answers] for each in questions]
    pairs = list(zip(guesses, right, strict=True))
    return {
        "exact match": float(np.mean([exact_match(guess, wanted) for guess, wanted in pairs])),
        "F1": float(np.mean([answer_f1(guess, wanted) for guess, wanted in pairs])),
    }


def _usual_place(questions: Sequence[Question]) -> tuple[int, int]:
    return Counter(_answer_words(each) for each in questions).most_common(1)[0][0]
