"""Tasks of text: how often, how many, and that nothing is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from kssl import pretext
from kssl.errors import UserError
from kssl.pretext.text import infilling, spans
from kssl.tokenizers.vocabulary import Vocabulary

LENGTH, ROWS, SENTINELS = 128, 512, 40


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    corpus = [f"w{i} " * (3000 // (i + 1)) for i in range(195)]
    return pretext.train_vocabulary(corpus, "words", sentinels=SENTINELS)


@pytest.fixture(scope="module")
def packed() -> dict[str, np.ndarray]:
    ids = np.random.RandomState(0).randint(5, 200, (ROWS, LENGTH)).astype(np.int32)
    return {"tokens": ids}


@pytest.fixture(scope="module")
def sentences() -> dict[str, np.ndarray]:
    """Rows of 2 to 9 sentences of 4 to 12 tokens; in row r, sentence s is of token 5 + 10 r + s."""
    random = np.random.RandomState(1)
    ids = np.zeros((ROWS, LENGTH), np.int32)
    sentence = np.full((ROWS, LENGTH), -1, np.int32)
    starts = random.rand(ROWS, LENGTH) < 0.6
    for row in range(ROWS):
        lengths = random.randint(4, 13, random.randint(2, 10))
        body = np.repeat(np.arange(len(lengths)), lengths)
        ids[row, : len(body) + 2] = [2, *(5 + body + 10 * (row % 19)), 3]
        sentence[row, 1 : len(body) + 1] = body
        starts[row, 1 : len(body) + 1] |= np.diff(body, prepend=-1) > 0
    starts |= sentence < 0
    columns = {"tokens": ids, "sentence": sentence, "starts": starts, "padding_mask": ids != 0}
    other = {"other": ids, "other_sentence": sentence, "other_starts": starts}
    return columns | {key: np.roll(value, 7, axis=0) for key, value in other.items()}


def run(transform: Any, example: dict[str, np.ndarray], epoch: int = 0) -> dict[str, np.ndarray]:
    seeds = np.array([[epoch, i] for i in range(len(example["tokens"]))], np.int32)
    made = transform({key: tf.constant(value) for key, value in example.items()}, seeds)
    return {key: np.asarray(value) for key, value in made.items()}


def near(found: float, wanted: float, count: int) -> None:
    """A share of so many draws is within five standard deviations."""
    assert abs(found - wanted) < 5 * np.sqrt(wanted * (1 - wanted) / count) + 1e-9, (found, wanted)


def test_masking_is_80_10_10_of_15_percent(words: Vocabulary, packed: dict[str, Any]) -> None:
    tokens = packed["tokens"].copy()
    tokens[:, 0], tokens[:, 60], tokens[:, -1], tokens[:, 9] = 2, 3, 0, words.size - 1
    made = run(pretext.mask_tokens(words), {"tokens": tokens})
    hit = made["masked"]
    assert (hit.sum(1) == round(124 * 0.15)).all()  # exactly, of those that are not special
    assert not hit[:, [0, 60, -1, 9]].any()
    np.testing.assert_array_equal(made["target"], np.where(hit, tokens, -1))
    np.testing.assert_array_equal(made["tokens"][~hit], tokens[~hit])
    new, old, count = made["tokens"][hit], tokens[hit], int(hit.sum())
    near((new == 4).mean(), 0.8, count)
    near((new == old).mean(), 0.1 + 0.1 / 195, count)
    near(((new != old) & (new != 4)).mean(), 0.1 * 194 / 195, count)
    drawn = new[(new != old) & (new != 4)]
    assert drawn.min() >= 5 and drawn.max() < words.size - SENTINELS  # never a special one
    assert len(set(drawn.tolist())) > 150
    places = hit[:, np.setdiff1d(np.arange(LENGTH), [0, 60, 127, 9])].mean(0)
    assert abs(places - 19 / 124).max() < 5 * np.sqrt(0.13 / ROWS)
    assert (run(pretext.mask_tokens(words), {"tokens": tokens}, 1)["masked"] != hit).any()


def test_masking_by_coin(words: Vocabulary, packed: dict[str, Any]) -> None:
    hit = run(pretext.mask_tokens(words, 0.3, exact=False), packed)["masked"]
    near(hit.mean(), 0.3, hit.size)
    spread = hit.sum(1).std()
    assert 0.8 < spread / np.sqrt(LENGTH * 0.21) < 1.2
    assert not run(pretext.mask_tokens(words, 0.0), packed)["masked"].any()
    only = {"tokens": np.full((4, 8), 3, np.int32)}
    assert not run(pretext.mask_tokens(words), only)["masked"].any()


def test_whole_words_are_masked_whole(words: Vocabulary, sentences: dict[str, Any]) -> None:
    made = run(pretext.mask_tokens(words, 0.25, whole_words=True), sentences)
    hit, word = made["masked"], np.cumsum(sentences["starts"], 1)
    plain = sentences["sentence"] >= 0
    assert not hit[~plain].any()
    for row in range(64):
        chosen = set(word[row][hit[row]])
        assert np.array_equal(hit[row], np.isin(word[row], list(chosen)) & plain[row])
    wanted = np.maximum(1, np.round(plain.sum(1) * 0.25))
    assert (hit.sum(1) <= wanted).all() and (wanted - hit.sum(1)).mean() < 0.1


def test_word_dropout(words: Vocabulary, packed: dict[str, Any]) -> None:
    made = run(pretext.word_dropout(words, 0.3), packed)
    near((made["tokens"] == 1).mean(), 0.3, ROWS * LENGTH)
    np.testing.assert_array_equal(made["target"], packed["tokens"])


def test_next_sentences_are_half_right(words: Vocabulary, sentences: dict[str, Any]) -> None:
    made = run(pretext.sentence_pairs(words), sentences)
    near(made["pair_target"].mean(), 0.5, ROWS)
    cut = set()
    for row in range(ROWS):
        ids, segment = made["tokens"][row], made["segment"][row]
        real = int(made["padding_mask"][row].sum())
        ends = np.flatnonzero(ids == 3)
        assert ids[0] == 2 and len(ends) == 2 and ends[1] == real - 1 and (ids[real:] == 0).all()
        assert np.array_equal(segment, (np.arange(LENGTH) > ends[0]) & (np.arange(LENGTH) < real))
        body = sentences["tokens"][row][sentences["sentence"][row] >= 0].tolist()
        first, second = ids[1 : ends[0]].tolist(), ids[ends[0] + 1 : ends[1]].tolist()
        if made["pair_target"][row]:
            assert first + second == body[: len(first) + len(second)] == body
        else:
            other = sentences["other"][row][sentences["other_sentence"][row] >= 0].tolist()
            assert first == body[: len(first)] and second and second == other[-len(second) :]
        cut.add(len(set(first)))
    assert cut == set(range(1, 9))  # any sentence can be the last of A


def test_pairs_that_are_too_long_lose_tokens_of_the_longer(words: Vocabulary) -> None:
    row = {
        "tokens": np.tile(np.r_[2, 10:28, 3].astype(np.int32), (400, 1)),
        "sentence": np.tile(np.r_[-1, [0] * 3, [1] * 15, -1].astype(np.int32), (400, 1)),
    }
    row |= {"other": row["tokens"] + np.int32(40), "other_sentence": row["sentence"]}
    made = run(pretext.sentence_pairs(words, random_probability=0.0), row)
    assert (made["padding_mask"].sum(1) == 20).all()
    assert (made["tokens"][:, 1:4] == [10, 11, 12]).all()  # A is shorter and stays whole
    lost_in_front = made["tokens"][:, 5] - 13  # of the one that B has too many
    assert set(lost_in_front) == {0, 1}
    near(lost_in_front.mean(), 0.5, 400)


def test_a_row_of_one_sentence_has_no_next(words: Vocabulary) -> None:
    ids = np.tile(np.array([2, 7, 7, 3, 0, 0, 0, 0], np.int32), (8, 1))
    sentence = np.where(ids > 4, 0, -1).astype(np.int32)
    row = {
        "tokens": ids,
        "sentence": sentence,
        "other": ids + (ids > 4),
        "other_sentence": sentence,
    }
    assert not run(pretext.sentence_pairs(words), row)["pair_target"].any()
    assert (run(pretext.sentence_order(words), row)["pair_target"] == -1).all()
    near_one = run(pretext.neighbour_sentences(words, 5), row)
    assert (near_one["previous"] == 0).all() and (near_one["next"] == 0).all()
    assert (near_one["tokens"][:, :4] == [2, 7, 7, 3]).all()


def test_sentence_order(words: Vocabulary, sentences: dict[str, Any]) -> None:
    made = run(pretext.sentence_order(words), sentences)
    near(made["pair_target"].mean(), 0.5, ROWS)
    for row in range(64):
        ids = made["tokens"][row]
        ends = np.flatnonzero(ids == 3)
        first, second = ids[1 : ends[0]].tolist(), ids[ends[0] + 1 : ends[1]].tolist()
        body = sentences["tokens"][row][sentences["sentence"][row] >= 0].tolist()
        assert body == (first + second if made["pair_target"][row] else second + first)


def test_neighbours_of_a_sentence(words: Vocabulary, sentences: dict[str, Any]) -> None:
    made = run(pretext.neighbour_sentences(words, 16), sentences)
    total = sentences["sentence"].max(1) + 1
    for row in np.flatnonzero(total > 2)[:100]:
        before, here, after = (made[key][row] for key in ("previous", "tokens", "next"))
        assert here[1] == before[1] + 1 == after[1] - 1  # the number is in the token
        for each in (before, here, after):
            wanted = sentences["tokens"][row][sentences["tokens"][row] == each[1]]
            assert each[: len(wanted) + 2].tolist() == [2, *wanted, 3]


def test_shuffled_words_move_no_further_than_the_distance(words: Vocabulary) -> None:
    ids = np.tile(np.r_[2, 5:95, 3].astype(np.int32), (200, 1))
    made = run(pretext.shuffle_words(words, 3), {"tokens": ids})
    moved = made["tokens"][:, 1:-1] - np.arange(5, 95)
    assert abs(moved).max() == 3 and (moved != 0).mean() > 0.4
    assert (made["tokens"][:, [0, -1]] == [2, 3]).all()
    np.testing.assert_array_equal(np.sort(made["tokens"][:, 1:-1]), ids[:, 1:-1])
    np.testing.assert_array_equal(made["target"], ids)
    anywhere = run(pretext.shuffle_words(words, None), {"tokens": ids})["tokens"][:, 1]
    assert anywhere.max() > 80


def test_shuffled_words_and_sentences_stay_whole(words: Vocabulary, sentences: Any) -> None:
    made = run(pretext.shuffle_sentences(), sentences)
    assert (made["tokens"] != sentences["tokens"]).any(1).mean() > 0.7
    np.testing.assert_array_equal(made["target"], sentences["tokens"])
    for row in range(64):
        order = made["sentence"][row][made["sentence"][row] >= 0]
        assert (np.diff(order) != 0).sum() == order.max()  # each one in one piece
    special = sentences["sentence"] < 0
    np.testing.assert_array_equal(made["tokens"][special], sentences["tokens"][special])


def test_hidden_sentences_are_the_target(words: Vocabulary, sentences: dict[str, Any]) -> None:
    made = run(pretext.mask_sentences(words, 0.3), sentences)
    total = sentences["sentence"].max(1) + 1
    for row in range(ROWS):
        real = made["tokens"][row][made["padding_mask"][row]]
        target = made["target"][row][made["target"][row] >= 0]
        assert (real == 4).sum() == max(1, round(total[row] * 0.3)) and target[-1] == 3
        rest = [each for each in sentences["tokens"][row] if each not in target[:-1] and each]
        assert [each for each in real if each != 4] == rest
        kept = np.isin(sentences["tokens"][row], target[:-1])
        assert sentences["tokens"][row][kept].tolist() == target[:-1].tolist()


def test_next_tokens_of_packed_documents() -> None:
    row = {
        "tokens": np.array([[7, 3, 8, 9, 3, 5, 6]]),
        "document": np.array([[0, 0, 1, 1, 1, 2, 2]]),
    }
    made = run(pretext.next_token(attention_mask=True), row)
    assert made["target"].tolist() == [[3, -1, 9, 3, -1, 6]]
    assert made["positions"].tolist() == [[0, 1, 0, 1, 2, 0]]
    same = row["document"][0, :6, None] == row["document"][0, None, :6]
    np.testing.assert_array_equal(made["attention_mask"][0], same & np.tri(6, dtype=bool))
    together = run(pretext.next_token(apart=False), row)
    assert together["target"].tolist() == [[3, 8, 9, 3, 5, 6]]
    assert together["positions"].tolist() == [list(range(6))]


def test_windows_of_a_block(packed: dict[str, Any]) -> None:
    made = run(pretext.next_token(context=20), {"tokens": np.tile(np.arange(50), (ROWS, 1))})
    assert made["tokens"].shape == (ROWS, 20)
    np.testing.assert_array_equal(made["target"], made["tokens"] + 1)
    assert set(made["tokens"][:, 0]) == set(range(30))
    with pytest.raises(UserError, match="rows of 128 ids are too short for a context of 128"):
        run(pretext.next_token(context=128), packed)


def test_prefix(sentences: dict[str, Any]) -> None:
    made = run(pretext.prefix(attention_mask=True), sentences)
    real = sentences["padding_mask"].sum(1)
    size, place = made["prefix"], np.arange(LENGTH - 1)
    assert (size >= 1).all() and (size < real).all()
    there = (place >= size[:, None] - 1) & (place < real[:, None] - 1)
    np.testing.assert_array_equal(made["target"], np.where(there, sentences["tokens"][:, 1:], -1))
    seen = made["attention_mask"][0]
    assert seen[: size[0], : size[0]].all() and not seen[size[0] :][:, real[0] - 1 :].all()
    assert (np.triu(seen, 1).sum(1)[size[0] :] == 0).all()


def test_t5_lengths_and_inverse(words: Vocabulary) -> None:
    raw, target_length = pretext.raw_length(512)
    assert (raw, target_length) == (568, 114)
    ids = np.random.RandomState(2).randint(5, 200, (64, raw)).astype(np.int32)
    made = run(pretext.corrupt_spans(words), {"tokens": ids})
    assert made["tokens"].shape == (64, 512) and made["target"].shape == (64, 114)
    assert made["padding_mask"].all() and (made["target"] >= 0).all()  # nothing is padded
    first = words.size - 1
    lengths = []
    for row in range(64):
        inputs, target = made["tokens"][row], made["target"][row]
        sentinels = inputs[inputs > first - SENTINELS]
        assert sentinels.tolist() == list(range(first, first - 28, -1))  # 85 tokens, 28 spans
        assert inputs[0] != first and inputs[-1] == target[-1] == 3
        parts = np.split(target[:-1], np.flatnonzero(target > first - SENTINELS))[1:]
        lengths += [len(part) - 1 for part in parts]
        hidden = {part[0]: part[1:].tolist() for part in parts}
        text = [each for one in inputs[:-1].tolist() for each in hidden.get(one, [one])]
        assert text == ids[row].tolist()
    assert min(lengths) == 1 and sum(lengths) == 64 * 85
    # Each way to cut 85 into 28 parts is alike: a part is 1 long with chance 27 / 84.
    near(np.mean(np.array(lengths) == 1), 27 / 84, 64 * 14)


def test_spans_of_short_rows(words: Vocabulary, sentences: dict[str, Any]) -> None:
    made = run(pretext.corrupt_spans(words), sentences)
    gone = run(pretext.drop_spans(words), sentences)
    for row in range(100):
        body = sentences["tokens"][row][sentences["sentence"][row] >= 0]
        noise, number, _ = spans.span_counts(len(body))
        target = made["target"][row][made["target"][row] >= 0]
        assert len(target) == noise + number + 1
        assert made["padding_mask"][row].sum() == len(body) - noise + number + 1
        kept = gone["tokens"][row][gone["padding_mask"][row]][:-1]
        dropped = gone["target"][row][gone["target"][row] >= 0][:-1]
        assert sorted([*kept, *dropped]) == sorted(body) and len(dropped) == noise
    few = pretext.train_vocabulary(["a b"], "words", sentinels=2)
    with pytest.raises(UserError, match="up to 6 spans, and the vocabulary has 2 sentinels"):
        run(pretext.corrupt_spans(few), sentences)
    for density in (0.5, 0.9, 1.0):  # never more spans than tokens between them
        noise, number, rest = spans.span_counts(10, density, 1.0)
        assert number <= min(noise, rest)


def test_infilling_hides_exactly_its_budget(words: Vocabulary) -> None:
    ids = np.tile(np.r_[2, 5:105, 3].astype(np.int32), (ROWS, 1))
    made = run(pretext.infill(words), {"tokens": ids})
    singles = inserted = 0
    for row in range(ROWS):
        real = made["tokens"][row][made["padding_mask"][row]]
        plain = real[real > 4]
        assert real[0] == 2 and real[-1] == 3 and len(plain) == 70  # ceil(0.3 * 100) are hidden
        gaps = np.diff(np.r_[4, plain, 105]) - 1
        masks = np.diff(np.flatnonzero(np.r_[True, real[1:-1] > 4, True])) - 1
        assert (masks[gaps > 0] > 0).all()  # each gap has a mask
        singles += (masks == 1).sum()
        inserted += ((gaps == 0) & (masks > 0)).sum()
        np.testing.assert_array_equal(made["target"][row], ids[row])
    assert 0 < inserted < 0.1 * singles


def test_lengths_to_infill_are_poisson() -> None:
    seeds = tf.constant([[0, i] for i in range(200)])
    drawn = infilling.poisson(seeds, 500, 3.0).numpy()
    assert abs(drawn.mean() - 3) < 0.03 and abs(drawn.var() - 3) < 0.1
    near((drawn == 0).mean(), np.exp(-3), drawn.size)


def test_keep_probabilities_and_noise(words: Vocabulary, packed: dict[str, Any]) -> None:
    counts = np.array(words.counts, float)
    counts[words.special_ids] = 0
    random = np.random.RandomState(3)
    ids = random.choice(words.size, (ROWS, LENGTH), p=counts / counts.sum()).astype(np.int32)
    ids[:, 0] = 2
    kept = pretext.keep_probability(counts, 1e-2)
    made = run(pretext.cbow(words, 1, 5, 1e-2), {"tokens": ids})
    after = np.bincount(made["center"][made["weight"] > 0], minlength=words.size)
    before = np.bincount(ids.ravel(), minlength=words.size)
    often = before > 500
    share = after[often] / before[often]
    assert abs(share - kept[often]).max() < 0.03  # but for lone words, and chance
    assert after[2] == 0  # a special token is in no pair
    chance = pretext.noise_distribution(counts)
    drawn = np.bincount(made["negatives"].ravel(), minlength=words.size)
    assert not drawn[chance == 0].any()
    expected = chance * drawn.sum()
    big = expected > 400
    assert abs(drawn[big] / expected[big] - 1).max() < 0.25
    paper = pretext.keep_probability(counts, 1e-2, "paper")
    assert paper[5] < kept[5] and kept.max() == 1.0


def test_windows_are_dynamic_and_stay_in_their_document(words: Vocabulary) -> None:
    ids = np.tile(np.arange(5, 105, dtype=np.int32), (ROWS, 1))
    document = np.tile(np.repeat([0, 1], 50).astype(np.int32), (ROWS, 1))
    task = pretext.skip_gram(words, window=4, sample=0.0)
    made = run(task, {"tokens": ids, "document": document})
    real = made["weight"] > 0
    center, context = made["center"][real], made["context"][real]
    distance = abs(center - context)
    assert distance.min() == 1 and distance.max() == 4
    assert ((center < 55) == (context < 55)).all()
    shares = np.array([(distance == d).sum() for d in range(1, 5)]) / (distance == 1).sum()
    # A neighbour d away is seen if the window, drawn from 1 to 4, is at least d.
    assert abs(shares - [1, 0.75, 0.5, 0.25]).max() < 0.04
    assert (made["negatives"][real] == context[:, None]).mean() < 0.01
    few = run(pretext.skip_gram(words, 4, sample=0.0, pairs=10), {"tokens": ids})
    assert few["center"].shape == (ROWS, 10) and few["weight"].all()


def test_what_the_tasks_refuse(words: Vocabulary) -> None:
    for make in (
        lambda: pretext.mask_tokens(words, 1.5),
        lambda: pretext.mask_tokens(words, mask_fraction=0.9, random_fraction=0.3),
        lambda: pretext.mask_tokens(words, whole_words=True, exact=False),
        lambda: pretext.corrupt_spans(words, mean_length=0.5),
        lambda: pretext.infill(words, mean_length=0.0),
        lambda: pretext.skip_gram(words, window=0),
        lambda: pretext.skip_gram(words, rule="other"),
        lambda: pretext.shuffle_words(words, 0),
        lambda: pretext.next_token(context=0),
    ):
        with pytest.raises(UserError):
            make()
    with pytest.raises(UserError, match="takes ids, but 'tokens' is float32"):
        pretext.mask_tokens(words)({"tokens": tf.zeros((4,))})
    with pytest.raises(UserError, match="'tokens' with 1 dimension"):
        pretext.mask_tokens(words)({"tokens": tf.zeros((4, 4, 4), tf.int32)})
    with pytest.raises(UserError, match="reads 'sentence', which the example lacks"):
        pretext.sentence_order(words)({"tokens": tf.zeros((4,), tf.int32)})
