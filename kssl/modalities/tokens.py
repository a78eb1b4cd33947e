"""Text as ids of a vocabulary."""

from __future__ import annotations

import textwrap
from typing import Any

import keras
import numpy as np

from kssl.modalities.base import Features, Modality

_WORDS = 8192  # features of a bag of words at most: the most frequent ones of the bank


@keras.saving.register_keras_serializable(package="kssl")
class Tokens(Modality):
    """Text as ids `(length,)` of a vocabulary, int32; 0 is padding.

    Simple models read TF-IDF of words and pairs of words.

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


def tf_idf(**settings: Any) -> Any:
    """Return scikit-learn's TF-IDF of words and pairs of words, with sublinear counts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+", **settings)


def classify_texts(bank: list[str], labels: np.ndarray, test: list[str]) -> np.ndarray:
    """Return the classes of a logistic regression on TF-IDF, fitted on labelled texts alone."""
    from sklearn.linear_model import LogisticRegression

    vectorizer = tf_idf()
    model = LogisticRegression(C=10.0, max_iter=500).fit(vectorizer.fit_transform(bank), labels)
    return np.asarray(model.predict(vectorizer.transform(test)))


def texts_of(ids: np.ndarray, vocabulary: Any = None) -> list[str]:
    """Return the text of each row of ids `(rows, length)`, or its ids as words."""
    rows = np.asarray(ids).tolist()
    if vocabulary is None:
        return [" ".join(str(each) for each in row if each) for row in rows]
    return [vocabulary.decode([each for each in row if each]) for row in rows]
