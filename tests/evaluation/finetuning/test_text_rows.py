"""Rows of ids: what stands around the texts, what is cut, and what a vocabulary may lack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kssl import pretext
from kssl.evaluation import Skipped, Task
from kssl.evaluation.finetuning.text_rows import TextRows, text_rows


def ids(count: int, first: int) -> np.ndarray:
    return np.arange(first, first + count)


def test_rows_are_framed_and_the_longer_text_is_cut(known: Any) -> None:
    rows = TextRows(known, 16).framed([ids(3, 5), ids(20, 5)], [ids(2, 30), ids(4, 30)])
    assert rows["token_ids"][0].tolist() == [2, 5, 6, 7, 3, 30, 31, 3] + [0] * 8
    assert rows["segment_ids"][0].tolist() == [0] * 5 + [1] * 3 + [0] * 8
    assert rows["padding_mask"][0].sum() == 8
    assert rows["token_ids"][1].tolist() == [2, *range(5, 14), 3, 30, 31, 32, 33, 3]
    alone = TextRows(known, 32).framed([ids(40, 5)])["token_ids"]
    assert alone.shape == (1, 32) and alone[0, -1] == 3


def test_a_causal_network_reads_documents_as_it_was_trained_on_them(known: Any) -> None:
    rows = TextRows(known, 16, causal=True).framed([ids(3, 5)], [ids(2, 30)])
    assert rows["token_ids"][0, :7].tolist() == [5, 6, 7, 3, 30, 31, 3]
    plain = pretext.train_vocabulary(["ab ba\n"], "characters", special=False)
    layout = TextRows(plain, 16, causal=True)
    (row,) = layout.framed(layout.encode(["ab"]), layout.encode(["b"]))["token_ids"]
    assert plain.decode(row[:5]) == "ab\nb\n"
    assert [plain.decode(each) for each in layout.words(["a", "ba"])] == [" a", " ba"]


def test_a_vocabulary_that_does_not_do_is_told(known: Any, bert: Task) -> None:
    plain = pretext.train_vocabulary(["ab ba"], "characters", special=False)
    assert TextRows(plain, 16, causal=True).border == []
    with pytest.raises(Skipped, match=r"fine-tuning needs the special token \[CLS\]"):
        TextRows(plain, 16)
    with pytest.raises(Skipped, match="'c'"):
        TextRows(plain, 16, causal=True).encode(["cab"])
    images = type("Images", (), {"vocabulary": None})()
    with pytest.raises(Skipped, match="has no vocabulary"):
        text_rows(Task(bert.model, None, images, images))
