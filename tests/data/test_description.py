"""What a data set says of itself, who it is handed to, and what is said where it is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import kssl
from kssl.data import Pipeline, describe, vocabulary_of
from kssl.data.description import described
from kssl.errors import UserError
from kssl.tokenizers import Vocabulary, decode, train_vocabulary


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return train_vocabulary(["the cat sat on the mat"], "words")


def rows(**columns: Any) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices({"tokens": np.arange(40).reshape(10, 4), **columns})


def test_what_is_made_of_a_data_set_has_lost_it_and_says_so(words: Vocabulary) -> None:
    source = described(rows(), vocabulary=words)
    assert vocabulary_of(source) is words
    for lost in (source.take(5), source.map(lambda each: each), source.batch(2)):
        assert describe(lost).vocabulary is None
        with pytest.raises(UserError, match="has lost it: ask for it before"):
            vocabulary_of(lost)


def test_a_pipeline_is_told_by_name_or_by_the_source(words: Vocabulary) -> None:
    source = described(rows(), vocabulary=words, class_names=["a", "b"])
    own = Pipeline(source)
    assert own.vocabulary is words and own.class_names == ["a", "b"]
    lost = Pipeline(source.take(5))
    assert lost.vocabulary is None and lost.class_names is None
    told = Pipeline(source.take(5), vocabulary=words, class_names=["c"])
    assert told.vocabulary is words and told.class_names == ["c"]


def test_an_attribute_of_somebody_elses_source_still_counts(words: Vocabulary) -> None:
    source = rows()
    source.vocabulary = words
    assert Pipeline(source).vocabulary is words


def test_the_splits_of_a_recipe_have_the_vocabulary_of_the_training_split(tmp_path) -> None:
    text = (
        "data: {use: tokens, corpus: python_topics, length: 16, "
        "vocabulary: {kind: words, size: 300}}\npretext: [mask_tokens]\nmodel: autoencoder\n"
    )
    (tmp_path / "text.yaml").write_text(text)
    from kssl.data.splits import open_splits

    data = open_splits(kssl.recipe.load(tmp_path / "text.yaml"))
    assert data.test.vocabulary is data.train.vocabulary is not None
    assert data.train.transform_names == ["mask_tokens"]


def test_where_a_vocabulary_is_needed_and_lost_it_is_named() -> None:
    with pytest.raises(UserError, match="mask_tokens needs to know the vocabulary.*vocabulary_of"):
        kssl.pretext.mask_tokens()
    with pytest.raises(UserError, match="the prompt 'the cat' needs the vocabulary of the data"):
        decode.prompt_ids(None, "the cat")
    assert decode.prompt_ids(None) == [0]


def test_the_number_of_classes() -> None:
    labels = np.array([0, 2, 1, 1, 0, 0, 0, 0, 0, 2])
    assert Pipeline(rows(label=labels)).count_classes() == 3
    assert Pipeline(rows(label=labels), memory_budget=0).count_classes() == 3
    assert Pipeline(rows(label=labels), class_names=list("abcd")).count_classes() == 4
    assert Pipeline(rows()).count_classes() is None


def test_a_table_says_how_many_categories_its_columns_have(tmp_path) -> None:
    lines = [f"{n},{'ab'[n % 2]},{'xyz'[n % 3]}" for n in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["age,city,kind", *lines]))
    table = kssl.data.tabular("train", path=str(tmp_path / "table.csv"))
    assert describe(table).categories == (3, 4)  # and 0, for a value that is not known
    assert Pipeline(table).categories == (3, 4)


def test_transforms_are_named_where_nobody_says_how() -> None:
    pipeline = Pipeline(kssl.data.digits("test"), [kssl.pretext.to_float()])
    assert pipeline.transform_names == ["to_float"]


def test_tables_recordings_and_photographs_say_what_their_numbers_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{('cat', 'dog')[n % 2]},{n}.5,{('yes', 'no')[n % 2]}" for n in range(40)]
    Path("pets.csv").write_text("\n".join(["kind,weight,tame", *lines]))
    table = Pipeline(kssl.data.tabular("train", path="pets.csv", label="tame")).description
    assert table.columns == {"numeric": ["weight"], "categorical": ["kind"]}
    assert [list(names) for names in table.category_names] == [["cat", "dog"]]
    assert describe(kssl.data.photographs(examples=2)).class_names == ["temple", "flower"]
    sounds = np.zeros((20, 80), np.float32) + 0.1
    offsets = np.arange(0, 1601, 80)
    np.savez("sounds.npz", audio=sounds.reshape(-1), offsets=offsets, sample_rate=8000)
    assert describe(kssl.data.audio("train", "sounds.npz", length=80)).sample_rate == 8000
    halved = kssl.data.audio("train", "sounds.npz", length=40, sample_rate=4000)
    assert describe(halved).sample_rate == 4000
