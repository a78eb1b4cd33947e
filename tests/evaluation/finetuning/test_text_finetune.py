"""Fine-tuning on labelled text: scores in closed form, readers, and each head on a toy task."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kssl import evaluation, models, pretext
from kssl.errors import UserError
from kssl.evaluation import Skipped, Task, answer_f1, entities, entity_f1, exact_match
from kssl.evaluation.finetuning.compared import compared
from kssl.evaluation.finetuning.text_answers import answers_of, scored, windows
from kssl.evaluation.finetuning.text_data import (
    Question,
    by_article,
    read_questions,
    read_table,
    read_tagged,
    split_files,
)
from kssl.evaluation.finetuning.text_finetune import Budget, best_spans, framed

LETTERS = "a b c d e f g h what is the in we saw met . ?".split()
KNOWN = pretext.train_vocabulary([" ".join(LETTERS)], "words")
LENGTH = 32


class Rows:
    """What is asked of a split: its vocabulary."""

    transforms = ()
    vocabulary = KNOWN


@pytest.fixture(scope="module")
def task() -> Task:
    def model() -> models.BERT:
        made = models.BERT(KNOWN.size, depth=1, heads=2, width=32, dropout=0.0)
        made.build((None, LENGTH))
        return made

    keras.utils.set_random_seed(0)
    return Task(model(), model(), Rows(), Rows())


def test_entities_are_told_apart_by_type_and_words() -> None:
    assert entities(["O", "O"]) == set()
    assert entities("B-PER I-PER O B-LOC".split()) == {("PER", 0, 2), ("LOC", 3, 4)}
    assert entities("B-PER B-PER I-LOC".split()) == {("PER", 0, 1), ("PER", 1, 2), ("LOC", 2, 3)}
    assert entities("I-PER I-PER".split()) == {("PER", 0, 2)}


def test_entity_f1_wants_the_exact_words_and_type() -> None:
    true = ["B-PER I-PER O B-LOC".split(), ["O", "B-ORG"]]
    assert entity_f1(true, true) == 1.0
    assert entity_f1(true, [["O"] * 4, ["O"] * 2]) == 0.0
    # one of three right, one of the wrong extent, one of the wrong type, none for the third
    found = ["B-PER O O B-LOC".split(), ["O", "B-LOC"]]
    assert entity_f1(true, found) == pytest.approx(2 * 1 / (3 + 3))


@pytest.mark.parametrize(
    ("guess", "exact", "f1"),
    [
        ("The Panthers!", 1.0, 1.0),
        ("Denver Panthers", 0.0, 2 / 3),
        ("Broncos", 0.0, 0.0),
        ("a  carolina panthers", 1.0, 1.0),
        ("", 0.0, 0.0),
    ],
)
def test_answers_count_as_squad_counts_them(guess: str, exact: float, f1: float) -> None:
    right = ["Panthers", "Carolina Panthers"]
    assert exact_match(guess, right) == exact
    assert answer_f1(guess, right) == pytest.approx(f1)


def test_tables_are_read_by_name_or_number(tmp_path: Path) -> None:
    file = tmp_path / "msr-train.tsv"
    file.write_bytes(b'\xef\xbb\xbfQuality\tone\ttwo\r\n1\tsays "x\tb\r\n0\tshort\r\n0\tc\td\r\n')
    assert read_table(file, ["one", "two"], "Quality") == (
        [('says "x', "b"), ("c", "d")],
        ["1", "0"],
    )
    plain = tmp_path / "test.csv.gz"
    plain.write_bytes(gzip.compress(b'"a, b",World\nc,Sports\n'))
    assert read_table(plain, [0], 1) == ([("a, b",), ("c",)], ["World", "Sports"])
    with pytest.raises(UserError, match="no column 'text'; it has Quality, one, two"):
        read_table(file, ["text"], "Quality")


def test_tagged_words_are_read_by_sentence(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("-DOCSTART- O\n\nEU X B-ORG\nrejects X O\n\n\nPeter X B-PER\n")
    assert read_tagged(file) == ([["EU", "rejects"], ["Peter"]], [["B-ORG", "O"], ["B-PER"]])


def test_files_are_found_by_the_name_of_the_split(tmp_path: Path) -> None:
    for name in ("a-train.tsv", "dev.tsv.gz", "test.tsv", "LICENCE.html"):
        (tmp_path / name).write_text("x")
    found = split_files(str(tmp_path))
    assert {split: file.name for split, file in found.items()} == {
        "train": "a-train.tsv",
        "test": "test.tsv",
    }
    (tmp_path / "b_test.tsv").write_text("x")
    with pytest.raises(UserError, match="one file for test .* there is b_test.tsv, test.tsv"):
        split_files(str(tmp_path))
    with pytest.raises(Skipped, match="there is no 'nowhere/sst2'"):
        split_files("nowhere/sst2")


def test_questions_are_split_by_article(tmp_path: Path) -> None:
    asked = [
        {"question": "?", "answers": [{"text": "b", "answer_start": 2}]},
        {"question": "!", "answers": []},
    ]
    articles = [{"paragraphs": [{"context": f"a b {n}", "qas": asked}] * 2} for n in range(8)]
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"data": articles}))
    questions = read_questions(file)
    assert len(questions) == 16 and questions[0].answers == (("b", 2),)
    cut = by_article(questions)
    sides = {split: {each.article for each in cut[split]} for split in cut}
    assert not sides["train"] & sides["test"] and len(sides["test"]) == 2
    with pytest.raises(UserError, match="SQuAD's form"):
        file.write_text("{}")
        read_questions(file)


def test_rows_are_framed_and_the_longer_text_is_cut() -> None:
    def ids(count: int, first: int) -> np.ndarray:
        return np.arange(first, first + count)

    rows = framed(KNOWN, [ids(3, 5), ids(20, 5)], [ids(2, 30), ids(4, 30)], 16)
    assert rows.token_ids[0].tolist() == [2, 5, 6, 7, 3, 30, 31, 3] + [0] * 8
    assert rows.segment_ids[0].tolist() == [0] * 5 + [1] * 3 + [0] * 8
    assert rows.padding_mask[0].sum() == 8
    assert rows.token_ids[1].tolist() == [2, *range(5, 14), 3, 30, 31, 32, 33, 3]
    alone = framed(KNOWN, [ids(40, 5)], None, 32)
    assert alone.token_ids.shape == (1, 32) and alone.token_ids[0, -1] == 3


def test_the_best_span_ends_behind_its_start_and_is_not_too_long() -> None:
    logits = np.zeros((1, 6, 2))
    logits[0, :, 0] = [9, 0, 1, 0, 5, 0]
    logits[0, :, 1] = [9, 0, 6, 2, 1, 4]
    allowed = np.array([[False, True, True, True, True, True]])
    assert best_spans(logits, allowed).tolist() == [[4, 5, 9.0]]
    allowed[0, 5] = False
    assert best_spans(logits, allowed, longest=2).tolist() == [[2, 2, 7.0]]


def test_windows_know_where_the_answer_is() -> None:
    context = " ".join(LETTERS * 4)
    place = context.index("we saw met", 100)
    questions = [Question("0", "what is the ?", context, (("saw met.", place + 3),))]
    questions[0] = questions[0]._replace(answers=(("saw met", place + 3),))
    parts = windows(KNOWN, questions, LENGTH)
    assert (parts.rows.token_ids.shape[1], set(parts.owner)) == (LENGTH, {0})
    there = [line for line, span in enumerate(parts.target) if span.any()]
    assert there  # windows overlap by half, so that a short answer is whole in one of them
    # A network that is sure of the right tokens gives the right answer, from all windows together.
    logits = np.zeros((*parts.rows.token_ids.shape, 2))
    for line in there:
        for side, token in enumerate(parts.target[line]):
            logits[line, token, side] = 5.0
    found = answers_of(questions, parts, logits)
    assert found == ["saw met"] and scored(questions, found) == {"exact match": 1.0, "F1": 1.0}


def learns(results: list[Any], value: float, baseline: str) -> None:
    for result in results:
        assert result.value >= value > result.baselines[baseline] + 0.1, result
        assert set(result.baselines) >= {"from scratch", baseline}


def words(random: np.random.RandomState, count: int) -> list[str]:
    return [str(word) for word in random.choice(LETTERS[:8], count)]


@pytest.mark.parametrize("pool", ["first", "mean"])
def test_it_learns_to_classify(task: Task, tmp_path: Path, pool: str) -> None:
    random = np.random.RandomState(0)
    for split, count in (("train", 200), ("test", 64)):
        rows = [words(random, 5) for _ in range(count)]
        lines = [f"{' '.join(row)}\t{'yes' if 'a' in row else 'no'}" for row in rows]
        (tmp_path / f"{split}.tsv").write_text("\n".join(["sentence\tlabel", *lines]))
    evaluate = evaluation.finetune_classification(
        str(tmp_path), labels=192, epochs=10, learning_rate=3e-3, pool=pool
    )
    learns(evaluate(task), 0.9, "majority class")


def test_padding_is_no_part_of_the_mean(task: Task) -> None:
    from kssl.evaluation.finetuning.text_head import TextHead, fresh_network

    head = TextHead(fresh_network(task.model), 2, "mean")
    short = framed(KNOWN, KNOWN.encode(["a b c"]), None, LENGTH)
    padded = {name: np.pad(ids, ((0, 0), (0, 8))) for name, ids in short.batch().items()}
    np.testing.assert_allclose(head(padded), head(short.batch()), atol=1e-6)


def test_it_learns_from_the_second_of_two_texts(task: Task, tmp_path: Path) -> None:
    random = np.random.RandomState(1)
    for split, count in (("train", 192), ("test", 64)):
        texts = [(words(random, 3), words(random, 3)) for _ in range(count)]
        lines = [f"{int('a' in two)}\t{' '.join(one)}\t{' '.join(two)}" for one, two in texts]
        (tmp_path / f"{split}.tsv").write_text("\n".join(["Quality\tone\ttwo", *lines]))
    evaluate = evaluation.finetune_pairs(
        str(tmp_path), ["one", "two"], labels=None, epochs=15, learning_rate=3e-3
    )
    learns(evaluate(task), 0.9, "majority class")


def test_the_number_is_the_mean_of_repeats(task: Task) -> None:
    measured = iter([0.5, 0.7, 0.4, 0.5])  # the trained network twice, then that from scratch

    def measure(network: Any, repeat: int) -> dict[str, float]:
        return {"accuracy": next(measured)}

    budget, file = Budget(repeats=2), Path("films/train.tsv")
    (result,) = compared(
        task, "mine", budget, measure, {"accuracy": {"guess": 0.1}}, file, {"more": 1}
    )
    assert result.metric == "accuracy on films"
    assert result.value == pytest.approx(0.6)
    assert result.baselines == pytest.approx({"from scratch": 0.45, "guess": 0.1})
    assert result.note == (
        "mean and deviation of 2 repeats: trained 0.600 ± 0.141, from scratch 0.450 ± 0.071, "
        "apart by +0.150, standard error 0.050"
    )
    assert (result.settings["labels"], result.settings["more"]) == (1000, 1)
    drawn = [budget.drawn(5000, repeat) for repeat in (0, 0, 1)]
    assert len(set(drawn[0])) == 1000 and (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()


def test_it_learns_to_tag(task: Task, tmp_path: Path) -> None:
    """What comes behind `met` is a person, behind `in` a place: the word itself says nothing."""
    random = np.random.RandomState(2)
    for split, count in (("train", 200), ("test", 50)):
        lines = []
        for _ in range(count):
            who, where = " ".join(words(random, 2)).split(), words(random, 1)
            lines += ["we O", "met O", f"{who[0]} B-PER", f"{who[1]} I-PER", "in O"]
            lines += [f"{where[0]} B-LOC", ". O", ""]
        (tmp_path / f"{split}.txt").write_text("\n".join(lines))
    evaluate = evaluation.finetune_tagging(str(tmp_path), epochs=10, learning_rate=3e-3)
    learns(evaluate(task), 0.95, "usual tag of the word")


def test_it_learns_to_answer(task: Task, tmp_path: Path) -> None:
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
    evaluate = evaluation.finetune_answers(
        str(tmp_path / "own.json"), epochs=12, learning_rate=3e-3
    )
    results = evaluate(task)
    assert [each.metric for each in results] == [
        f"{metric} on {tmp_path.name}" for metric in ("exact match", "F1")
    ]
    learns(results, 0.9, "usual place")


def test_it_says_why_it_does_not_apply(task: Task, make_blobs: Any, pipeline: Any) -> None:
    with pytest.raises(UserError, match="epochs must be above 0"):
        evaluation.finetune_tagging("x", epochs=0)
    with pytest.raises(UserError, match="pool is 'max': give 'first' or 'mean'"):
        evaluation.finetune_classification("x", pool="max")
    with pytest.raises(Skipped, match="finetune_answers: there is no 'nowhere.json'"):
        evaluation.finetune_answers("nowhere.json")(task)
    images = Task(task.model, task.untrained, pipeline(*make_blobs(9, 0)), None)
    with pytest.raises(Skipped, match="has no vocabulary"):
        evaluation.finetune_pairs("x")(images)
