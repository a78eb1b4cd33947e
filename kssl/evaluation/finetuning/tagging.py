"""Fine-tuning on sentences whose words have tags, as in named-entity recognition."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from kssl.evaluation.base import Evaluation, Result, Task, named
from kssl.evaluation.finetuning.comparison import Problem, Scores, compared
from kssl.evaluation.finetuning.heads import DROPOUT, Head, of_tokens
from kssl.evaluation.finetuning.labelled_text import Paths, read_tagged, split_files
from kssl.evaluation.finetuning.protocol import Protocol
from kssl.evaluation.finetuning.scores import entity_f1
from kssl.evaluation.finetuning.text_rows import Rows, TextRows, text_rows
from kssl.moved import renamed

Sentences = Sequence[Sequence[str]]


@renamed(repeats="draws", learning_rate="learning_rates")
def finetune_tagging(
    path: Paths,
    *,
    labels: int | None = 1000,
    fraction: float | None = None,
    draws: int = 1,
    epochs: int = 5,
    batch_size: int = 32,
    max_steps: int | None = None,
    learning_rates: float | Sequence[float] = (3e-4,),
    weight_decay: float = 0.05,
) -> Evaluation:
    """F1 of entities of a network fine-tuned to tag words, as in CoNLL-2003.

    The head reads the first piece of each word, as BERT; of a causal network, which at a word's
    first piece does not yet know the others, the last piece. Right is an entity with the exact
    words and the type. Words that do not fit in a row count as `O`.

    Baselines: the same network from scratch; for each word the tag that it has most often in the
    sentences trained on, `O` for words that are not there; `O` for all.

    Args:
        path: A folder with a file for `train` and for `test`, or `{train: …, test: …}`: a word and
            its IOB2 tag on each line, an empty line between sentences; also `.gz`.
        labels: Sentences to train on, drawn at random; None for all.
        fraction: This fraction of the sentences instead of `labels`.
        draws: Trainings on other sentences; the number is the mean.
        epochs: Passes over the sentences, at least 100 steps.
        batch_size: Sentences of a step.
        max_steps: Bounds the time with many labels; None: no bound.
        learning_rates: As of `finetune_classification`.
        weight_decay: Of kernels and embeddings; biases and gains have none.

    Returns:
        A function of a `Task` that returns one `Result`, metric `entity F1 on …`, the folder
        of the data.

    Raises:
        UserError: A setting is out of its range.

    Example:
        >>> evaluate = finetune_tagging("text_labelled/conll2003", labels=100)
    """
    size = labels, None, fraction
    protocol = Protocol(*size, draws, epochs, batch_size, max_steps, learning_rates, weight_decay)

    def evaluate(task: Task) -> list[Result]:
        layout, files = text_rows(task), split_files(path)
        train = Tagged(layout, *read_tagged(files["train"]))
        tags = sorted({tag for sentence in train.tags for tag in sentence})
        train = dataclasses.replace(train, names=tags)
        test = Tagged(layout, *read_tagged(files["test"]), tags)
        settings = {"tags": len(tags), "dropout": DROPOUT, "train file": files["train"].name}
        problem = Problem(Head(len(tags), of_tokens), train, test, "sentences", settings)
        sizes = {f" on {files['train'].parent.name}": protocol}
        return compared(task, "finetune_tagging", problem.part(task.part), sizes)

    return named("finetune_tagging", evaluate, needs=["HasTextBackbone"])


@dataclasses.dataclass(frozen=True)
class Tagged:
    """Sentences of tagged words.

    Args:
        layout: How they become rows.
        words: The words of each sentence.
        tags: Their tags.
        names: The tags that are told apart.
    """

    layout: TextRows
    words: Sentences
    tags: Sentences
    names: Sequence[str] = ()
    counted = ()

    @property
    def classes(self) -> np.ndarray:
        """One class for all."""
        return np.zeros(len(self.words), int)

    def take(self, rows: np.ndarray) -> Tagged:
        """Return some of the sentences."""
        words, tags = ([part[row] for row in rows] for part in (self.words, self.tags))
        return dataclasses.replace(self, words=words, tags=tags)

    def arrays(self) -> tuple[Rows, np.ndarray, np.ndarray]:
        """Return rows, the tag at the place of each word, and 1 at these places."""
        rows, places = self._rows
        number = {tag: place for place, tag in enumerate(self.names)}
        target = np.zeros(rows["token_ids"].shape, int)
        counts = np.zeros(target.shape, "float32")
        for line, (own, there) in enumerate(zip(self.tags, places, strict=True)):
            target[line, there] = [number.get(tag, 0) for tag in own[: len(there)]]
            counts[line, there] = 1.0
        return rows, target, counts

    def score(self, logits: np.ndarray) -> Scores:
        """Return the F1 of the entities of the most likely tags."""
        guess = logits.argmax(axis=2)  # (sentences, length)
        found = [
            [self.names[tag] for tag in guess[line, there]] + ["O"] * (len(own) - len(there))
            for line, (there, own) in enumerate(zip(self._rows[1], self.words, strict=True))
        ]
        return {"entity F1": entity_f1(self.tags, found)}

    def simple(self, test: Tagged) -> dict[str, Scores]:
        """Return the F1 of the usual tag of each word, and of no entity at all."""
        counts: dict[str, Counter[str]] = {}
        for sentence, marks in zip(self.words, self.tags, strict=True):
            for word, tag in zip(sentence, marks, strict=True):
                counts.setdefault(word, Counter())[tag] += 1
        usual = {word: found.most_common(1)[0][0] for word, found in counts.items()}
        guess = [[usual.get(word, "O") for word in sentence] for sentence in test.words]
        value = entity_f1(test.tags, guess)
        return {"usual tag of the word": {"entity F1": value}, "all O": {"entity F1": 0.0}}

    @cached_property
    def _rows(self) -> tuple[Rows, list[list[int]]]:
        """Rows, and the place in them at which each word is read, as far as they fit."""
        layout = self.layout
        flat = layout.words([word for sentence in self.words for word in sentence])
        end = layout.length - len(layout.border)
        lines, places, begin = [], [], 0
        for sentence in self.words:
            pieces = flat[begin : begin + len(sentence)]
            begin += len(sentence)
            behind = len(layout.start) + np.cumsum([len(piece) for piece in pieces])
            first = behind - [len(piece) for piece in pieces]
            lines.append(np.concatenate(pieces))
            read = behind - 1 if layout.causal else first
            places.append([int(place) for place in read if place < end])
        return layout.framed(lines), places
