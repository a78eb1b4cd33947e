"""Text as ids of a vocabulary."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kssl.modalities.base import Features, Modality

_WORDS = 8192  # features of a bag of words at most: the most frequent ones of the bank


@keras.saving.register_keras_serializable(package="kssl")
class Tokens(Modality):
    """Text as ids `(length,)` of a vocabulary, int32; 0 is padding.

    Simple models read TF-IDF of words.

    Example:
        >>> Tokens().example_shape({"tokens": (None, 128)})
        (128,)
    """

    name = "tokens"
    keys = {"tokens": "int32"}
    stored = ("text",)
    layout = "kssl.report.sheets.texts:draw"
    as_stored = True
    as_text = True
    noun = ("text", "tokens")
    cell = (2.2, 0.85)

    def fitted(self, examples: Any, model: Any) -> Any:
        (length,) = model.example_shape
        return examples[:, :length]  # (examples, length)

    def raw(self, bank: Any, test: Any, vocabulary: Any = None) -> dict[str, Features]:
        words = texts_of(bank, vocabulary), texts_of(test, vocabulary)
        vectorizer = tf_idf(max_features=_WORDS).fit(words[0])
        dense = tuple(vectorizer.transform(part).toarray().astype("float32") for part in words)
        return {"TF-IDF of words": dense}

    def simple_predictions(
        self, bank: Any, labels: np.ndarray, test: Any, vocabulary: Any = None
    ) -> dict[str, np.ndarray]:
        words = texts_of(bank, vocabulary), texts_of(test, vocabulary)
        return {TF_IDF_MODEL: classify_texts(words[0], labels, words[1])}

    def draw_example(self, axes: Any, example: Any, vocabulary: Any = None) -> None:
        (text,) = texts_of(np.asarray(example)[None], vocabulary)
        shown = textwrap.fill(text, 34, max_lines=6).replace("$", r"\$")
        axes.text(0.02, 0.96, shown, fontsize=7.5, va="top", transform=axes.transAxes)


TF_IDF_MODEL = "TF-IDF of words, logistic regression"
OVERLAP_MODEL = "word overlap, logistic regression"


def tf_idf(**settings: Any) -> Any:
    """Return scikit-learn's TF-IDF of words, with sublinear counts.

    Pairs of words make it no better where labels are few: on AG News and SST-2, 1,000 labels, it
    loses 0.3 and 1.5 points by them.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+", **settings)


def classify_texts(bank: list[str], labels: np.ndarray, test: list[str]) -> np.ndarray:
    """Return the classes of a logistic regression on TF-IDF, fitted on labelled texts alone."""
    from sklearn.linear_model import LogisticRegression

    vectorizer = tf_idf()
    model = LogisticRegression(C=10.0, max_iter=500).fit(vectorizer.fit_transform(bank), labels)
    return np.asarray(model.predict(vectorizer.transform(test)))


def classify_pairs(
    bank: Sequence[Sequence[str]], labels: np.ndarray, test: Sequence[Sequence[str]]
) -> np.ndarray:
    """Return the classes of a logistic regression on how many words two texts have in common.

    Args:
        bank: Pairs of texts, `(examples, 2)`.
        labels: Their classes `(examples,)`.
        test: Pairs of texts.

    Example:
        >>> pairs = [["a cat", "a cat"], ["a cat", "the dog"]] * 5
        >>> classify_pairs(pairs, np.array([1, 0] * 5), [["one two", "two one"]])
        array([1])
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(_overlap(bank), labels)
    return np.asarray(model.predict(_overlap(test)))


def _overlap(pairs: Sequence[Sequence[str]]) -> np.ndarray:
    """Common words as a fraction of all, of the first text's and of the second's."""
    rows = []
    for pair in pairs:
        one, other = (set(text.lower().split()) for text in pair)
        both = len(one & other)
        rows.append([both / max(1, len(part)) for part in (one | other, one, other)])
    return np.array(rows)  # (pairs, 3)


def texts_of(ids: np.ndarray, vocabulary: Any = None) -> list[str]:
    """Return the text of each row of ids `(rows, length)`, or its ids as words."""
    rows = np.asarray(ids).tolist()
    if vocabulary is None:
        return [" ".join(str(each) for each in row if each) for row in rows]
    return [vocabulary.decode([each for each in row if each]) for row in rows]
