"""How right predicted entities and answers are, as CoNLL-2003 and SQuAD count it."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def entities(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """The entities of a sentence's IOB2 tags: `(type, first word, word behind the last)`.

    `I-` that does not continue an entity of its type begins one, as in CoNLL's own script.

    Example:
        >>> sorted(entities(["B-PER", "I-PER", "O", "B-LOC"]))
        [('LOC', 3, 4), ('PER', 0, 2)]
    """
    found, kind, begin = set(), "", 0
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if kind and not (prefix == "I" and name == kind):
            found.add((kind, begin, place))
            kind = ""
        if not kind and prefix in ("B", "I"):
            kind, begin = name, place
    return found


def entity_f1(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """F1 of entities, over all sentences; right is what has the exact words and the type.

    Args:
        true: Tags of each sentence.
        predicted: Likewise.

    Returns:
        `2 · right / (true + predicted)`; 0 where there are none.

    Example:
        >>> entity_f1([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "O", "O", "B-LOC"]])
        0.5
    """
    right = total = 0
    for one, other in zip(true, predicted, strict=True):
        wanted, got = entities(one), entities(other)
        right += len(wanted & got)
        total += len(wanted) + len(got)
    return 2 * right / total if total else 0.0


def normalized_answer(text: str) -> str:
    """Lower-case, without punctuation, articles and doubled blanks, as SQuAD compares answers.

    Example:
        >>> normalized_answer("The  Panthers' defence.")
        'panthers defence'
    """
    plain = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(predicted: str, answers: Sequence[str]) -> float:
    """1 if the answer is one of the right ones once both are normalised, else 0.

    Example:
        >>> exact_match("the Panthers", ["Panthers!"])
        1.0
    """
    wanted = {normalized_answer(answer) for answer in answers}
    return float(normalized_answer(predicted) in wanted)


def answer_f1(predicted: str, answers: Sequence[str]) -> float:
    """F1 of the words of the answer, against the right answer that it is most like.

    Example:
        >>> round(answer_f1("in the year 1066", ["1066"]), 3)
        0.5
    """
    return max(
        _overlap(normalized_answer(predicted).split(), normalized_answer(answer).split())
        for answer in answers
    )


def _overlap(one: list[str], other: list[str]) -> float:
    if not one or not other:
        return float(one == other)
    shared = sum((Counter(one) & Counter(other)).values())
    return 2 * shared / (len(one) + len(other))
