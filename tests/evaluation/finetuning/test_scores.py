"""Scores of entities and answers, in closed form."""

from __future__ import annotations

import pytest

from kssl.evaluation import answer_f1, entities, entity_f1, exact_match


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
