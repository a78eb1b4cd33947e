"""Vocabularies, and text as ids in rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.data import Pipeline, python_topics, tokens
from kssl.data.sources.tokens import vocabulary_of
from kssl.data.text.corpus import corpus_of
from kssl.errors import UserError
from kssl.tokenizers.cache import cache_folder
from kssl.tokenizers.vocabulary import KINDS, Vocabulary, load_vocabulary

STORY = "The cat sat on the mat. A dog\u2019s ears [MASK] are naïve!\n\nWhere? 123,456 \U0001f600"


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KSSL_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def topics() -> list[str]:
    return [row["text"].decode() for row in python_topics("train").as_numpy_iterator()][:400]


@pytest.fixture(scope="module")
def made(topics: list[str]) -> dict[str, Vocabulary]:
    sizes = {"characters": None, "words": 500, "wordpiece": 400, "bpe": 400, "sentencepiece": 300}
    return {
        kind: pretext.train_vocabulary(topics, kind, size, sentinels=3)
        for kind, size in sizes.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_of_each_kind(
    kind: str, made: dict[str, Vocabulary], topics: list[str], tmp_path: Path
) -> None:
    vocabulary = made[kind]
    assert vocabulary.tokens[:5] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    assert vocabulary.tokens[-3:] == ("<extra_id_2>", "<extra_id_1>", "<extra_id_0>")
    assert len(set(vocabulary.tokens)) == vocabulary.size
    again = pretext.train_vocabulary(
        topics, kind, None if kind == "characters" else vocabulary.size, sentinels=3
    )
    assert again.fingerprint == vocabulary.fingerprint
    vocabulary.save(tmp_path / "v.json")
    loaded = load_vocabulary(tmp_path / "v.json")
    assert loaded.fingerprint == vocabulary.fingerprint
    (ids,) = loaded.encode([STORY])
    np.testing.assert_array_equal(ids, vocabulary.encode([STORY])[0])
    # What is written in a text is never a special token: only [UNK] can come out of it.
    assert not set(ids.tolist()) & (set(vocabulary.special_ids.tolist()) - {1})
    counted = np.zeros(vocabulary.size, int)
    for row in vocabulary.encode(topics):
        np.add.at(counted, row, 1)
    assert counted.tolist() == list(vocabulary.counts)


def test_text_comes_back(made: dict[str, Vocabulary], topics: list[str]) -> None:
    for text in (topics[0], topics[7]):
        for kind in ("characters", "bpe"):
            assert made[kind].decode(made[kind].encode([text])[0]) == text
        plain = " ".join(text.split())
        assert made["sentencepiece"].decode(made["sentencepiece"].encode([plain])[0]) == plain
    bpe = made["bpe"]
    assert bpe.decode(bpe.encode([STORY])[0]) == STORY  # it knows every byte
    assert bpe.spell([2, *bpe.encode(["the naïve"])[0], -1])[0] == "[CLS]"
    assert "".join(bpe.spell(bpe.encode(["the cat"])[0])) == "the cat"


def test_keras_hub_reads_text_the_same_way(made: dict[str, Vocabulary], topics: list[str]) -> None:
    for kind in ("wordpiece", "sentencepiece"):
        theirs = made[kind].keras_hub().tokenize(topics[:50])
        for one, other in zip(made[kind].encode(topics[:50]), theirs, strict=True):
            np.testing.assert_array_equal(one, np.asarray(other))
    with pytest.raises(UserError, match="no tokenizer that gives the ids"):
        made["bpe"].keras_hub()


def test_where_words_begin(made: dict[str, Vocabulary]) -> None:
    pieces = made["wordpiece"]
    ids = np.array([2, *pieces.encode(["qualified names"])[0], 3])
    spelled = pieces.spell(ids)
    begins = pieces.word_starts(ids)
    assert begins.tolist() == [not each.startswith("##") for each in spelled]
    assert (~begins).any()
    bpe = made["bpe"]
    ids = np.array([2, *bpe.encode(["xyzzy the plugh"])[0]])
    words = "".join(
        " " * bool(b) + s for b, s in zip(bpe.word_starts(ids), bpe.spell(ids), strict=True)
    )
    assert words.split() == ["[CLS]", "xyzzy", "the", "plugh"]


def test_settings_that_cannot_be(topics: list[str], tmp_path: Path) -> None:
    train = pretext.train_vocabulary
    with pytest.raises(UserError, match="did you mean 'wordpiece'"):
        train(topics, "wordpieces")
    with pytest.raises(UserError, match="without text"):
        train([" "], "words")
    with pytest.raises(UserError, match="gives a bpe vocabulary of .*, not of 50,000: set size to"):
        train(topics[:5], "bpe", 50_000)
    with pytest.raises(UserError, match="sentencepiece cannot make"):
        train(["a b"], "sentencepiece", 4000)
    with pytest.raises(UserError, match="leaves no room"):
        train(topics, "words", 5)
    letters = train(["abc"], "characters", special=False)
    with pytest.raises(UserError, match="the character 'z' is not in the vocabulary"):
        letters.encode(["abz"])
    with pytest.raises(UserError, match=r"mask_tokens needs the special token \[MASK\]"):
        pretext.mask_tokens(letters)
    with pytest.raises(UserError, match="needs to know the vocabulary"):
        pretext.mask_tokens()
    for content in ("{", "[]", '{"format": "kssl vocabulary 1", "kind": "words"}'):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(UserError, match=r"bad\.json"):
            load_vocabulary(tmp_path / "bad.json")


def test_packed_rows_are_the_text(tmp_path: Path) -> None:
    story = "".join(f"{i} little words, " for i in range(400))
    (tmp_path / "play.txt").write_text(story)
    corpus = {"path": str(tmp_path / "play.txt"), "fractions": [0.05, 0.1]}
    letters = {"kind": "characters", "special": False}
    dataset = tokens("test", corpus, letters, length=9, stride=8)
    rows = np.stack([row["tokens"] for row in dataset.as_numpy_iterator()])
    found = "".join(dataset.vocabulary.decode(row[:-1]) for row in rows)
    wanted = story[int(len(story) * 0.9) :]
    assert wanted.startswith(found) and len(wanted) - len(found) < 9
    np.testing.assert_array_equal(rows[1:, 0], rows[:-1, -1])  # every id is predicted once
    with pytest.raises(UserError, match="less than one block of 5000"):
        tokens("test", corpus, letters, length=5000)


def test_documents_of_packed_rows(tmp_path: Path) -> None:
    texts = [" ".join([f"d{i}"] * (3 + i % 5)) for i in range(80)]
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(json.dumps({"text": each}) for each in texts))
    dataset = tokens("train", str(path), {"kind": "words"}, length=16, words=True)
    for row in dataset.take(20).as_numpy_iterator():
        ids, document = row["tokens"], row["document"]
        assert document[0] == 0 and set(np.diff(document)) <= {0, 1}
        after_end = (
            np.flatnonzero(ids == 3)[:-1] + 1 if ids[-1] == 3 else np.flatnonzero(ids == 3) + 1
        )
        assert np.array_equal(np.flatnonzero(np.diff(document)) + 1, after_end)
        assert row["starts"].all()


@pytest.mark.parametrize("rows", ["sentences", "pairs"])
def test_rows_of_sentences(rows: str) -> None:
    dataset = tokens("validation", "python_topics", {"kind": "words", "lowercase": True}, 48, rows)
    room = 46 - (rows == "pairs")
    alone = 0
    for row in dataset.as_numpy_iterator():
        ids, sentence, real = row["tokens"], row["sentence"], int(row["padding_mask"].sum())
        assert ids[0] == 2 and ids[real - 1] == 3 and real - 2 <= room
        assert (sentence[1 : real - 1] >= 0).all() and (sentence[real - 1 :] == -1).all()
        assert sentence[0] == -1 and set(np.diff(sentence[1 : real - 1])) <= {0, 1}
        alone += sentence.max() == 0
        if rows == "pairs":
            assert row["other"][0] == 2 and not np.array_equal(row["other"], ids)
    if rows == "pairs":
        assert alone < 0.1 * int(dataset.cardinality())


def test_a_vocabulary_is_made_once_of_the_training_split_only(tmp_path: Path) -> None:
    texts = [f"word{i} common" for i in range(60)]
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(json.dumps({"text": each}) for each in texts))
    corpus = corpus_of(str(path))
    seen = {word for each in corpus.documents("train") for word in each.text.split()}
    first = vocabulary_of(corpus, {"kind": "words"})
    assert set(first.tokens[5:]) == seen and len(seen) < 61
    files = list((cache_folder() / "vocabularies").glob("words-*.json"))
    stamps = {file: file.stat().st_mtime_ns for file in files}
    assert vocabulary_of(corpus, {"kind": "words"}).fingerprint == first.fingerprint
    assert {file: file.stat().st_mtime_ns for file in files} == stamps
    with pytest.raises(UserError, match="no setting 'kinds'; did you mean 'kind'"):
        vocabulary_of(corpus, {"kinds": "words"})
    with pytest.raises(UserError, match="no setting 'fields'"):
        corpus_of({"path": str(path), "fields": "x"})


def test_a_recipe_hands_the_vocabulary_on(tmp_path: Path) -> None:
    import kssl.recipe
    from kssl.data.splits import open_splits

    (tmp_path / "r.yaml").write_text(
        "data: {use: tokens, corpus: python_topics, vocabulary: {kind: words, size: 900}, "
        "length: 32}\npretext: [mask_tokens]\nmodel: autoencoder\nfit: {batch_size: 8}\n"
    )
    data = open_splits(kssl.recipe.load(tmp_path / "r.yaml"))
    assert data.train.vocabulary.size == 900 and data.train.in_memory
    batch = next(iter(data.train.train()))
    assert batch["tokens"].shape == (8, 32) and (batch["tokens"].numpy() == 4).any()


def test_tokenize(made: dict[str, Vocabulary], tmp_path: Path) -> None:
    made["words"].save(tmp_path / "v.json")
    transform = pretext.tokenize(str(tmp_path / "v.json"), length=6)
    row = transform({"text": tf.constant("the name of the class of it")})
    assert row["tokens"].numpy()[[0, -1]].tolist() == [2, 3] and row["padding_mask"].numpy().all()
    pipeline = Pipeline(python_topics("test"), [transform], batch_size=4)
    assert next(iter(pipeline.train()))["tokens"].shape == (4, 6)
    empty = tf.data.Dataset.from_tensor_slices({"text": ["a", ""]}).batch(2).map(transform)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a text under .* is empty"):
        list(empty)
    with pytest.raises(UserError, match="takes text, but 'text' is float32"):
        transform({"text": tf.zeros(())})
    with pytest.raises(UserError, match="reads 'text', which the example lacks"):
        transform({"tekst": tf.constant("a")})
    with pytest.raises(UserError, match="leaves no room"):
        pretext.tokenize(made["words"], length=2)
    with pytest.raises(UserError, match="int is no vocabulary"):
        pretext.tokenize(3)


def test_tokenize_takes_keras_hub(made: dict[str, Vocabulary]) -> None:
    hub = made["wordpiece"].keras_hub()
    ours = pretext.tokenize(made["wordpiece"], 12, special=False)
    theirs = pretext.tokenize(hub, 12)
    texts = {"text": tf.constant(["qualified names of it", "a class"])}
    np.testing.assert_array_equal(theirs(texts)["tokens"], ours(texts)["tokens"])
    inside = next(iter(tf.data.Dataset.from_tensors(texts).map(theirs)))
    np.testing.assert_array_equal(inside["tokens"], theirs(texts)["tokens"])
