"""Zero-shot classification by a language model: the likeliest label word after a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kssl.data.selection import representative
from kssl.errors import UserError
from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    apply,
    frozen,
    named,
    positive,
)
from kssl.evaluation.finetuning.labelled_text import Column, Paths, read_table, split_files
from kssl.evaluation.probing import standard_error

Scores = np.ndarray


def zero_shot(
    path: Paths,
    words: Mapping[str, str],
    text: Column = 0,
    label: Column = 1,
    template: str = "{text}\n{label}",
    shots: Sequence[int] = (0, 1, 4),
    limit: int = 300,
) -> Evaluation:
    """Accuracy of choosing the label whose words the model finds most likely, after examples.

    Brown et al., arXiv:2005.14165. The prompt is the template with a text of the test file, up to
    where the label stands; before it come as many solved examples of the training file as there
    are shots: none, one, a few. The score of a label is the mean `log p` of the tokens of its
    words, minus the same after a prompt without text, so that a word that is frequent everywhere
    does not win (Zhao et al., arXiv:2102.09690). Nothing is trained. What does not fit the context
    is cut off the beginning of examples, and then off the end of the text.

    Baselines: the untrained model, and the majority class of the training file.

    Args:
        path: A folder with a TSV or CSV file for train and one for test, or
            `{train: …, test: …}`.
        words: For each label as it stands in the file, the words that are scored.
        text: Column of the texts, by name, or by number where there is no header.
        label: Column of the label.
        template: How a text and its label are written; the label must come last.
        shots: Solved examples in front; one result for each number.
        limit: Texts of the test file at most: the first, evenly spaced where they are in the order
            of classes.

    Returns:
        A function of a `Task` that returns one `Result` for each number of shots.

    Raises:
        UserError: The template has no text or does not end in the label, or a label of the file
            has no words, or the words of a label or of the template have no token.

    Example:
        >>> zero_shot("reviews/", {"0": "bad", "1": "good"})  # doctest: +ELLIPSIS
        <function ...>
    """
    positive("limit", limit)
    if "{text}" not in template or not template.endswith("{label}"):
        raise UserError(f"zero_shot: template {template!r} must have {{text}} and end in {{label}}")
    if not words or not shots or min(shots) < 0:
        raise UserError("zero_shot needs words for each label, and shots of 0 or more")

    def evaluate(task: Task) -> list[Result]:
        known = task.train.vocabulary
        if known is None:
            raise Skipped("the run's data has no vocabulary")
        rows = {split: _rows(file, text, label, words) for split, file in split_files(path).items()}
        prompts = _Prompts(known, task.model.example_shape[0], template, words)
        return [_result(task, prompts, rows, count, limit) for count in shots]

    return named("zero_shot", evaluate, needs=["ScoresTokens"], modalities=["tokens"])


def _rows(
    file: Any, text: Column, label: Column, words: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    texts, labels = read_table(file, [text], label)
    if missing := sorted(set(labels) - set(words)):
        raise UserError(f"zero_shot: {file} has the label {missing[0]!r}, which has no words")
    return [row[0] for row in texts], labels


class _Prompts:
    """Rows of ids, one for each text and label, with the label's tokens as targets."""

    def __init__(self, known: Any, context: int, template: str, words: Mapping[str, str]) -> None:
        self.known, self.context, self.words, self.template = known, context, words, template
        self.head, _, self.tail = template.removesuffix("{label}").partition("{text}")

    def ids(self, text: str) -> list[int]:
        return [int(each) for each in next(iter(self.known.encode([text])))]

    def solved(self, text: str, label: str) -> list[int]:
        return self.ids(f"{self.head}{text}{self.tail}{self.words[label]}\n\n")

    def row(self, examples: list[int], text: str, label: str) -> tuple[list[int], int]:
        """Ids that fit the context and one more, and how many of the last are the label's."""
        answer = self.ids(self.words[label])
        head, tail = self.ids(self.head), self.ids(self.tail)
        if not answer:
            raise UserError(
                f"zero_shot: the words {self.words[label]!r} of the label {label!r} have no token "
                "in the run's vocabulary: give others"
            )
        room = self.context + 1 - len(head) - len(tail) - len(answer)
        if room < 1:
            raise UserError(
                f"zero_shot: the template and the words {self.words[label]!r} have "
                f"{self.context + 1 - room} tokens, more than the model's context {self.context}"
            )
        body = self.ids(text)[:room]
        before = examples[max(0, len(examples) - (room - len(body))) :]
        prompt = [*before, *head, *body, *tail]
        if not prompt:
            raise UserError(
                f"zero_shot: the template {self.template!r} has no token of the run's vocabulary "
                "beside the text and the label, so that nothing is before the label of an empty "
                "text: give it a word, template: '{text} is {label}'"
            )
        return [*prompt, *answer], len(answer)

    def scores(self, model: Any, texts: Sequence[str], examples: list[int]) -> Scores:
        """Mean log p of each label's words after each text, `(texts, labels)`."""
        rows = [self.row(examples, text, label) for text in texts for label in self.words]
        tokens = np.zeros((len(rows), self.context), "int32")
        target = np.full_like(tokens, -1)
        for place, (ids, count) in enumerate(rows):
            tokens[place, : len(ids) - 1] = ids[:-1]
            target[place, len(ids) - 1 - count : len(ids) - 1] = ids[-count:]
        given = {"tokens": tokens, "target": target}
        losses = apply(model, "token_losses", given, batch_size=64)
        means = -losses.sum(axis=1) / (target >= 0).sum(axis=1)
        return means.reshape(len(texts), len(self.words))


def _result(
    task: Task,
    prompts: _Prompts,
    rows: Mapping[str, tuple[list[str], list[str]]],
    shots: int,
    limit: int,
) -> Result:
    (solved, solved_labels), (texts, labels) = rows["train"], rows["test"]
    numbers = np.unique(labels, return_inverse=True)[1]
    asked = representative(numbers, limit)
    texts, labels = [texts[row] for row in asked], np.array(labels)[asked]
    # One of each class before a second of any, so that few examples do not speak for one class.
    order = _by_turns(solved_labels)
    chosen = order[:shots] if shots else []
    examples = [each for row in chosen for each in prompts.solved(solved[row], solved_labels[row])]
    names = np.array(list(prompts.words))

    def accuracy(model: Any) -> float:
        scores = prompts.scores(model, texts, examples) - prompts.scores(model, [""], examples)
        return float(np.mean(names[scores.argmax(axis=1)] == labels))

    with frozen(task.model, task.seed) as weights:
        value = accuracy(task.model)
    common = max(sorted(set(solved_labels)), key=solved_labels.count)
    baselines = {
        "untrained": accuracy(task.untrained),
        "majority class": float(np.mean(labels == common)),
    }
    settings = {"shots": shots, "test": len(texts), "weights_sha256": weights}
    settings["template"] = prompts.head + "{text}" + prompts.tail + "{label}"
    note = standard_error(value, len(texts))
    return Result(
        "zero_shot", f"accuracy, {shots} shots", value, "higher", baselines, settings, note
    )


def _by_turns(labels: Sequence[str]) -> list[int]:
    """Rows, the first of each class before the second of any."""
    seen: dict[str, int] = {}
    turns = []
    for row, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        turns.append((seen[label], row))
    return [row for _, row in sorted(turns)]
