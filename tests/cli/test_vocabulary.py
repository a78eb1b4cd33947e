"""The verb that makes a vocabulary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

RECIPE = "data: {use: %s}\nmodel: autoencoder\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSSL_CACHE_DIR", str(tmp_path / "cache"))


def test_of_files(kssl: Command, tmp_path: Path) -> None:
    rows = [json.dumps({"body": f"word{number} common"}) for number in range(60)]
    (tmp_path / "news.jsonl").write_text("\n".join(rows))
    options = ("--field", "body", "--kind", "words", "--sentinels", "2", "-o", "v.json")
    ended = kssl("vocabulary", "news.jsonl", *options)
    assert ended.code == 0 and "words" in ended.out and "0.00% of them [UNK]" in ended.out
    made = json.loads((tmp_path / "v.json").read_text())
    assert made["tokens"][:6] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "common"]
    assert made["tokens"][-1] == "<extra_id_0>" and len(made["tokens"]) < 67
    again = kssl("vocabulary", "news.jsonl", *options)
    assert again.code == 2 and "exists already" in again.err
    missing = kssl("vocabulary", "none.txt")
    assert missing.code == 2 and "there is no 'none.txt'" in missing.err


def test_of_a_recipe(kssl: Command, tmp_path: Path) -> None:
    own = "tokens, corpus: python_topics, vocabulary: {kind: characters}"
    (tmp_path / "own.yaml").write_text(RECIPE % own)
    (tmp_path / "text.yaml").write_text(RECIPE % "python_topics")
    (tmp_path / "images.yaml").write_text(RECIPE % "synthetic")
    assert kssl("vocabulary", "own.yaml", "-o", "own.json").code == 0
    assert json.loads((tmp_path / "own.json").read_text())["kind"] == "characters"
    ended = kssl("vocabulary", "text.yaml", "--kind", "bpe", "--size", "400", "-o", "text.json")
    assert ended.code == 0
    assert len(json.loads((tmp_path / "text.json").read_text())["tokens"]) == 400
    refused = kssl("vocabulary", "images.yaml", "-o", "images.json")
    assert refused.code == 2 and "has no 'text'" in refused.err
