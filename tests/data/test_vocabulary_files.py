"""Damaged vocabularies: each is one sentence, and takes no memory."""

from __future__ import annotations

import json
import os

import pytest

from kssl.errors import UserError
from kssl.tokenizers.train import train_vocabulary
from kssl.tokenizers.vocabulary import load_vocabulary

WHOLE = json.loads(train_vocabulary(["abba", "abc", "cab"], "characters")._json())
MERGES = json.loads(train_vocabulary(["abba abba", "abc cab abba"], "bpe", size=266)._json())

CHANGES = {
    **{f"no {name}": {name: ...} for name in WHOLE if name != "format"},
    **{f"{name} null": {name: None} for name in WHOLE if name != "format"},
    **{f"{name} a number": {name: 3.5} for name in WHOLE if name != "format"},
    "an unknown field": {"colour": "red"},
    "many sentinels": {"sentinels": 10**12},
    "negative sentinels": {"sentinels": -1},
    "no tokens at all": {"tokens": []},
    "a token twice": {"tokens": [*WHOLE["tokens"][:-1], WHOLE["tokens"][0]]},
    "an empty token": {"tokens": [*WHOLE["tokens"][:-1], ""]},
    "a special id beyond": {"special": {**WHOLE["special"], "mask": 99}},
    "a negative special id": {"special": {**WHOLE["special"], "mask": -1}},
    "a special role": {"special": {"king": 0}},
    "two roles of an id": {"special": {"pad": 0, "mask": 0}},
    "a count too few": {"counts": WHOLE["counts"][:-1]},
    "a count of text": {"counts": ["x"] * len(WHOLE["counts"])},
    "another kind": {"kind": "bpe"},
    "a kind that is none": {"kind": "runes"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_damaged_vocabulary_is_one_sentence(change, tmp_path):
    content = {**WHOLE, **CHANGES[change]}
    path = tmp_path / "v.json"
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not ...}))
    with pytest.raises(UserError, match=r"v\.json is damaged: ") as refused:
        load_vocabulary(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("model", [{}, {"merges": 3}, {"merges": [["q", "q"]]}, {"merges": "x"}])
def test_a_damaged_model_of_a_vocabulary_is_one_sentence(model, tmp_path):
    path = tmp_path / "v.json"
    path.write_text(json.dumps({**MERGES, "model": model}))
    with pytest.raises(UserError, match=r"v\.json is damaged: "):
        load_vocabulary(path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "3", '{"format": 1}'])
def test_what_is_no_vocabulary_is_named(text, tmp_path):
    path = tmp_path / "v.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"v\.json (cannot be read|is no vocabulary)"):
        load_vocabulary(path)


def test_a_pipe_is_no_vocabulary(tmp_path):
    os.mkfifo(tmp_path / "v.json")
    with pytest.raises(UserError, match="is a folder or a pipe, no file"):
        load_vocabulary(tmp_path / "v.json")


def test_whole_ones_are_read(tmp_path):
    for content in (WHOLE, MERGES):
        (tmp_path / "v.json").write_text(json.dumps(content))
        assert load_vocabulary(tmp_path / "v.json").size == len(content["tokens"])
