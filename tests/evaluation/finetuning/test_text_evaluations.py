"""The evaluations of labelled text, each on a toy task, with both kinds of network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kssl import evaluation, pretext
from kssl.errors import UserError
from kssl.evaluation import Skipped, Task
from kssl.evaluation.finetuning.answers import answers_of, best_spans, scored, windows
from kssl.evaluation.finetuning.labelled_text import Question
from kssl.evaluation.finetuning.tagging import Tagged
from kssl.evaluation.finetuning.text_rows import TextRows

FAST = {"learning_rates": 3e-3}


def test_the_best_span_ends_behind_its_start_and_is_not_too_long() -> None:
    logits = np.zeros((1, 6, 2))
    logits[0, :, 0] = [9, 0, 1, 0, 5, 0]
    logits[0, :, 1] = [9, 0, 6, 2, 1, 4]
    allowed = np.array([[False, True, True, True, True, True]])
    assert best_spans(logits, allowed).tolist() == [[4, 5, 9.0]]
    allowed[0, 5] = False
    assert best_spans(logits, allowed, longest=2).tolist() == [[2, 2, 7.0]]


@pytest.mark.parametrize("causal", [False, True])
def test_windows_know_where_the_answer_is(known: Any, letters: list[str], causal: bool) -> None:
    context = " ".join(letters * 4)
    place = context.index("we saw met", 100)
    questions = [Question("0", "what is the ?", context, (("saw met", place + 3),))]
    parts = windows(TextRows(known, 32, causal), questions)
    ids = parts.rows["token_ids"]
    assert (ids.shape[1], set(parts.owner)) == (32, {0})
    there = [line for line, span in enumerate(parts.target) if span.any()]
    assert there  # windows overlap by half, so that a short answer is whole in one of them
    # A network that is sure of the right tokens gives the right answer, from all windows together.
    logits = np.zeros((*ids.shape, 2))
    for line in there:
        begin, end = parts.target[line]
        assert known.decode(ids[line, begin : end + 1]) == "saw met"
        for side, token in enumerate(parts.target[line]):
            logits[line, token, side] = 5.0
    found = answers_of(questions, parts, logits)
    assert found == ["saw met"] and scored(questions, found) == {"exact match": 1.0, "F1": 1.0}


def test_tags_are_read_at_the_first_piece_or_behind_all_of_them() -> None:
    known = pretext.train_vocabulary(["aa bb ab ba"], "wordpiece", size=9)
    pieces = [len(ids) for ids in known.encode(["aabb", "b"])]
    assert pieces[0] > 1
    for causal, places in ((False, [1, 1 + pieces[0]]), (True, [pieces[0] - 1, sum(pieces) - 1])):
        layout = TextRows(known, 16, causal)
        tagged = Tagged(layout, [["aabb", "b"]], [["B-LOC", "O"]], ["B-LOC", "O"])
        rows, target, counts = tagged.arrays()
        assert np.flatnonzero(counts[0]).tolist() == places
        assert target[0, places].tolist() == [0, 1] and rows["token_ids"].shape == counts.shape
        logits = np.eye(2)[target]  # sure of the right tags
        assert tagged.score(logits) == {"entity F1": 1.0}
        short = Tagged(TextRows(known, 1 + pieces[0] + 1, causal), tagged.words, tagged.tags)
        assert short.arrays()[2].sum() == 1 + causal  # what does not fit is not learned


def learns(results: list[Any], value: float, baseline: str) -> None:
    for result in results:
        assert result.value >= value > result.baselines[baseline] + 0.1, result
        assert set(result.baselines) >= {"from scratch", baseline}


def table(folder: Path, header: str, rows: dict[str, list[str]]) -> str:
    for split, lines in rows.items():
        (folder / f"{split}.tsv").write_text("\n".join([header, *lines]))
    return str(folder)


@pytest.fixture
def films(tmp_path: Path, words: Any) -> str:
    """Texts whose class is whether there is an `a` in them."""
    random, rows = np.random.RandomState(0), {}
    for split, count in (("train", 200), ("test", 64)):
        texts = [words(random, 5) for _ in range(count)]
        rows[split] = [f"{' '.join(row)}\t{'yes' if 'a' in row else 'no'}" for row in texts]
    return table(tmp_path, "sentence\tlabel", rows)


def test_it_learns_to_classify_at_the_last_token(gpt: Task, films: str) -> None:
    results = evaluation.finetune_classification(films, labels=192, epochs=18, **FAST)(gpt)
    learns(results, 0.9, "majority class")
    assert results[0].note.startswith("fine-tuned on 192 labelled texts in 108 steps")


@pytest.mark.slow  # few_label's test chooses a learning rate; four trainings here
def test_it_learns_to_classify_with_the_better_learning_rate_and_by_old_names_the_same(
    bert: Task, films: str
) -> None:
    make, size = evaluation.finetune_classification, {"labels": 192, "epochs": 18}
    (chosen,) = make(films, learning_rates=[30.0, 3e-3], **size)(bert)
    learns([chosen], 0.9, "majority class")
    assert "TF-IDF of words, logistic regression" in chosen.baselines
    for network in ("fine-tuned", "from scratch"):
        assert chosen.settings[f"learning rate, {network}"] == 3e-3
    with pytest.warns(FutureWarning, match="learning_rate is now learning_rates"):
        (given,) = make(films, learning_rate=3e-3, repeats=1, **size)(bert)
    assert given.value == chosen.value and given.baselines == chosen.baselines
    assert given.settings["learning_rates"] == (3e-3,)


def test_it_learns_from_the_second_of_two_texts(reader: Task, tmp_path: Path, words: Any) -> None:
    random, rows = np.random.RandomState(1), {}
    for split, count in (("train", 192), ("test", 64)):
        texts = [(words(random, 3), words(random, 3)) for _ in range(count)]
        rows[split] = [f"{int('a' in two)}\t{' '.join(one)}\t{' '.join(two)}" for one, two in texts]
    path = table(tmp_path, "Quality\tone\ttwo", rows)
    evaluate = evaluation.finetune_pairs(path, ["one", "two"], labels=None, epochs=20, **FAST)
    (result,) = evaluate(reader)
    learns([result], 0.9, "majority class")
    assert 0 < result.baselines["word overlap, logistic regression"] < 1


def test_it_learns_to_tag(reader: Task, tmp_path: Path, words: Any) -> None:
    """What comes behind `met` is a person, behind `in` a place: the word itself says nothing."""
    random = np.random.RandomState(2)
    for split, count in (("train", 200), ("test", 50)):
        lines = []
        for _ in range(count):
            who, where = " ".join(words(random, 2)).split(), words(random, 1)
            lines += ["we O", "met O", f"{who[0]} B-PER", f"{who[1]} I-PER", "in O"]
            lines += [f"{where[0]} B-LOC", ". O", ""]
        (tmp_path / f"{split}.txt").write_text("\n".join(lines))
    evaluate = evaluation.finetune_tagging(str(tmp_path), epochs=10, **FAST)
    learns(evaluate(reader), 0.95, "usual tag of the word")


def test_it_learns_to_answer(reader: Task, tmp_path: Path, words: Any) -> None:
    """The answer is the one word of its kind, wherever that is."""
    random = np.random.RandomState(3)
    articles = []
    for _ in range(160):
        before, answer = words(random, random.randint(1, 6)), "saw met"
        context = " ".join([*before, answer, *words(random, 3)])
        start = context.index(answer)
        asked = {"question": "what is the ?", "answers": [{"text": answer, "answer_start": start}]}
        articles.append({"paragraphs": [{"context": context, "qas": [asked]}]})
    (tmp_path / "own.json").write_text(json.dumps({"data": articles}))
    evaluate = evaluation.finetune_answers(str(tmp_path / "own.json"), epochs=24, **FAST)
    results = evaluate(reader)
    assert [each.metric for each in results] == [
        f"{metric} on {tmp_path.name}" for metric in ("exact match", "F1")
    ]
    learns(results, 0.9, "usual place")


def test_it_says_why_it_does_not_apply(bert: Task, make_blobs: Any, pipeline: Any) -> None:
    with pytest.raises(UserError, match="pool is 'max': give 'first', 'mean', 'last'"):
        evaluation.finetune_classification("x", pool="max")
    with pytest.raises(Skipped, match="finetune_answers: there is no 'nowhere.json'"):
        evaluation.finetune_answers("nowhere.json")(bert)
    images = Task(bert.model, None, pipeline(*make_blobs(9, 0)), None)
    with pytest.raises(Skipped, match="has no vocabulary"):
        evaluation.finetune_pairs("x")(images)
