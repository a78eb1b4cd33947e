"""Fine-tuning on questions whose answer is a span of a paragraph, as in SQuAD."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kssl.data.locate import find_file
from kssl.errors import UserError
from kssl.evaluation.base import Evaluation, Result, Skipped, Task, named
from kssl.evaluation.finetuning.comparison import Problem, Scores, compared
from kssl.evaluation.finetuning.heads import DROPOUT, Head, of_tokens, span_loss
from kssl.evaluation.finetuning.labelled_text import (
    Paths,
    Question,
    by_article,
    read_questions,
    split_files,
)
from kssl.evaluation.finetuning.protocol import Protocol
from kssl.evaluation.finetuning.scores import answer_f1, exact_match
from kssl.evaluation.finetuning.text_rows import Rows, TextRows, text_rows
from kssl.moved import renamed

_WORDS = re.compile(r"\w+|[^\w\s]")
_QUESTION = 3  # a question has at most this part of a row
_FAR = -1e9  # of a logit that must not be chosen


class Windows(NamedTuple):
    """Parts of paragraphs, each behind its question.

    Attributes:
        rows: `[CLS] question [SEP] part [SEP]`, see `TextRows`.
        owner: The number of each row's question, `(windows,)`.
        word: Which word of the paragraph each token is of, -1 for none, `(windows, length)`.
        target: First and last token of the first answer, 0 where it is not in the part.
    """

    rows: Rows
    owner: np.ndarray
    word: np.ndarray
    target: np.ndarray


@renamed(repeats="draws", learning_rate="learning_rates")
def finetune_answers(
    path: Paths,
    *,
    labels: int | None = None,
    fraction: float | None = None,
    draws: int = 1,
    epochs: int = 5,
    batch_size: int = 32,
    max_steps: int | None = None,
    learning_rates: float | Sequence[float] = (3e-4,),
    weight_decay: float = 0.05,
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
        fraction: This fraction of the questions instead of `labels`.
        draws: Trainings on other questions; the number is the mean.
        epochs: Passes over the rows of questions and parts, at least 100 steps.
        batch_size: Rows of a step.
        max_steps: Bounds the time with many labels; None: no bound.
        learning_rates: As of `finetune_classification`.
        weight_decay: Of kernels and embeddings; biases and gains have none.

    Returns:
        A function of a `Task` that returns two `Result`s, metrics `exact match on …` and
        `F1 on …`, the folder of the data.

    Raises:
        UserError: A setting is out of its range.

    Example:
        >>> evaluate = finetune_answers("text_labelled/xquad_en/xquad.en.json", epochs=2)
    """
    size = labels, None, fraction
    protocol = Protocol(*size, draws, epochs, batch_size, max_steps, learning_rates, weight_decay)

    def evaluate(task: Task) -> list[Result]:
        layout = text_rows(task)
        *parts, how, file = _questions(path)
        train, test = (Answered(layout, questions) for questions in parts)
        settings = {"split": how, "train questions": len(train.questions), "dropout": DROPOUT}
        settings |= {"train file": file.name}
        problem = Problem(Head(2, of_tokens, span_loss), train, test, "questions", settings)
        sizes = {f" on {file.parent.name}": protocol}
        return compared(task, "finetune_answers", problem.part(task.part), sizes)

    return named("finetune_answers", evaluate, needs=["HasTextBackbone"])


def _questions(path: Paths) -> tuple[list[Question], list[Question], str, Path]:
    if isinstance(path, str) and path.removesuffix(".gz").endswith(".json"):
        try:
            file = find_file(path)
        except UserError as error:
            raise Skipped(str(error)) from error
        cut = by_article(read_questions(file))
        return cut["train"], cut["test"], f"by article of {file.name}, 3 of 4 to train", file
    files = split_files(path)
    train, test = (read_questions(files[split]) for split in ("train", "test"))
    return train, test, "as the files are", files["train"]


@dataclasses.dataclass(frozen=True)
class Answered:
    """Questions with their answers.

    Args:
        layout: How they become rows.
        questions: The questions, each with its paragraph.
    """

    layout: TextRows
    questions: Sequence[Question]
    counted = ("exact match",)

    @property
    def classes(self) -> np.ndarray:
        """One class for all."""
        return np.zeros(len(self.questions), int)

    def take(self, rows: np.ndarray) -> Answered:
        """Return some of the questions."""
        return Answered(self.layout, [self.questions[row] for row in rows])

    @cached_property
    def windows(self) -> Windows:
        """The questions with parts of their paragraphs."""
        return windows(self.layout, self.questions)

    def arrays(self) -> tuple[Rows, np.ndarray]:
        """Return rows, and the first and the last token of the answer in each."""
        return self.windows.rows, self.windows.target

    def score(self, logits: np.ndarray) -> Scores:
        """Return exact match and F1 of the best spans."""
        return scored(self.questions, answers_of(self.questions, self.windows, logits))

    def simple(self, test: Answered) -> dict[str, Scores]:
        """Return the scores of the place where most answers are, and of whole paragraphs."""
        place = Counter(_answer_words(each) for each in self.questions).most_common(1)[0][0]
        guesses = {
            "usual place": [_between(each.context, *place) for each in test.questions],
            "whole paragraph": [each.context for each in test.questions],
        }
        return {name: scored(test.questions, guess) for name, guess in guesses.items()}


def windows(layout: TextRows, questions: Sequence[Question]) -> Windows:
    """Lay questions and parts of their paragraphs out in rows.

    Args:
        layout: How ids become rows.
        questions: Their first answer is what is to be found.
    """
    asked = layout.encode([each.question for each in questions])
    firsts, seconds, owner, words, spans = [], [], [], [], []
    for number, (each, ids) in enumerate(zip(questions, asked, strict=True)):
        ids = ids[: layout.length // _QUESTION]
        context, of_word = _pieces(layout, each.context)
        begin, end = _answer_pieces(each, of_word)
        front = len(layout.start) + len(ids) + len(layout.border)
        room = layout.length - front - len(layout.border)
        for at in range(0, max(1, len(context) - room // 2), room // 2):
            part = slice(at, at + room)
            inside = at <= begin and end < at + room
            shift = front - at
            firsts.append(ids)
            seconds.append(context[part])
            owner.append(number)
            words.append(of_word[part])
            spans.append((begin + shift, end + shift) if inside else (0, 0))
    rows = layout.framed(firsts, seconds)
    word = np.full(rows["token_ids"].shape, -1)
    for line, (first, of_word) in enumerate(zip(firsts, words, strict=True)):
        front = len(layout.start) + len(first) + len(layout.border)
        word[line, front : front + len(of_word)] = of_word
    return Windows(rows, np.array(owner), word, np.array(spans))


def _pieces(layout: TextRows, context: str) -> tuple[np.ndarray, np.ndarray]:
    """Ids of a paragraph, and the number of the word that each is of."""
    found = layout.words(_WORDS.findall(context))
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


def best_spans(logits: np.ndarray, allowed: np.ndarray, longest: int = 30) -> np.ndarray:
    """Return the best span of each row: first token, last token, and their summed logits.

    Args:
        logits: `(rows, length, 2)`.
        allowed: Which tokens may be in an answer, bool `(rows, length)`.
        longest: Tokens of an answer at most.

    Returns:
        `(rows, 3)` float64.
    """
    length = allowed.shape[1]
    place = np.arange(length)
    reach = place[None, :] - place[:, None]
    band = np.where((reach >= 0) & (reach < longest), 0.0, _FAR)  # (length, length)
    masked = np.where(allowed[..., None], logits.astype(np.float64), _FAR)
    found = np.empty((len(logits), 3))
    for number, row in enumerate(masked):
        scores = row[:, None, 0] + row[None, :, 1] + band
        best = int(scores.argmax())
        found[number] = best // length, best % length, scores.flat[best]
    return found


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
