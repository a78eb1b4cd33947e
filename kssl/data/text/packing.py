"""Ids laid out in rows of one length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kssl.data.text.reader import Document
from kssl.data.text.sentences import paragraphs, sentences
from kssl.errors import UserError
from kssl.system.memory import require

if TYPE_CHECKING:
    from kssl.tokenizers.vocabulary import Vocabulary

Columns = dict[str, np.ndarray]

_TRIES = 10  # draws of another row before its document is looked for


def packed(texts: Sequence[str], vocabulary: Vocabulary, length: int, stride: int) -> Columns:
    """Documents one after another, each with `[SEP]` behind it if there is one, in blocks.

    Args:
        texts: The documents.
        vocabulary: What makes ids of them.
        length: Ids of a block.
        stride: Ids from the start of one block to the next.

    Returns:
        `tokens` and `document`, int32 `(blocks, length)`; documents count from 0 in each block.
    """
    end = [vocabulary.special["end"]] if "end" in vocabulary.special else []
    every = [np.append(ids, end).astype(np.int32) for ids in vocabulary.encode(texts)]
    stream = np.concatenate(every)  # (ids,)
    of_document = np.repeat(np.arange(len(every), dtype=np.int32), [len(ids) for ids in every])
    if len(stream) < length:
        raise UserError(
            f"tokens: the split has {len(stream)} ids, which is less than one block of {length}: "
            "give more text, a larger fraction, or a smaller length"
        )
    blocks = (len(stream) - length) // stride + 1
    require(16.0 * blocks * length, f"{blocks:,} blocks of {length} ids")
    windows = np.lib.stride_tricks.sliding_window_view
    document = windows(of_document, length)[::stride]  # (blocks, length)
    return {
        "tokens": np.ascontiguousarray(windows(stream, length)[::stride]),
        "document": document - document[:, :1],
    }


def sentence_rows(
    documents: Sequence[Document], vocabulary: Vocabulary, length: int, paired: bool
) -> Columns:
    """Rows of whole sentences of one document: `[CLS] sentences [SEP]`, then `[PAD]`.

    Args:
        documents: The documents.
        vocabulary: What makes ids of their sentences.
        length: Ids of a row.
        paired: Leave room for a second `[SEP]`, and cut a sentence rather than leave the one
            before it alone: a row of one sentence has no next one.

    Returns:
        `tokens`, `padding_mask`, `sentence` and `starts`, each `(rows, length)`, and
        `row_document`, `(rows,)`: which document a row is of.
    """
    start, end, pad = (vocabulary.role(role, "tokens") for role in ("start", "end", "pad"))
    room = length - 2 - paired
    rows = [
        (number, row)
        for number, encoded in _encoded(documents, vocabulary)
        for row in _filled(encoded, room, paired)
    ]
    if not rows:
        raise UserError("tokens: the split has no sentences")
    require(16.0 * len(rows) * length, f"{len(rows):,} rows of {length} ids")
    tokens = np.full((len(rows), length), pad, np.int32)
    sentence = np.full((len(rows), length), -1, np.int32)
    for line, (_, row) in enumerate(rows):
        ids = np.concatenate([[start], *row, [end]])
        tokens[line, : len(ids)] = ids
        counts = [len(each) for each in row]
        sentence[line, 1 : len(ids) - 1] = np.repeat(np.arange(len(row)), counts)
    return {
        "tokens": tokens,
        "padding_mask": tokens != pad,
        "sentence": sentence,
        "starts": vocabulary.word_starts(tokens),
        "row_document": np.array([number for number, _ in rows]),
    }


def _filled(encoded: Sequence[np.ndarray], room: int, paired: bool) -> Iterator[list[np.ndarray]]:
    """Whole sentences, as many as fit; one that is too long for a row is cut."""
    row: list[np.ndarray] = []
    left = room
    for sentence in encoded:
        while len(sentence) > left:
            if not row or (paired and len(row) == 1 and left > 0):
                row.append(sentence[:left])
                sentence = sentence[left:]
            yield row
            row, left = [], room
        if len(sentence):
            row.append(sentence)
            left -= len(sentence)
    if row:
        yield row


def _encoded(
    documents: Sequence[Document], vocabulary: Vocabulary
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """The ids of each document's sentences."""
    found: list[str] = []
    counts = []
    for document in documents:
        before = len(found)
        for part in paragraphs(document.text):
            cut = sentences(part)
            # Byte-level BPE tells a word behind a blank from one in front of everything.
            blank = " " if vocabulary.kind == "bpe" else ""
            found += [*cut[:1], *(blank + each for each in cut[1:])]
        counts.append(len(found) - before)
    ids = vocabulary.encode(found)
    begin = 0
    for number, count in enumerate(counts):
        yield number, ids[begin : begin + count]
        begin += count


def pairs(columns: Columns, of_row: np.ndarray) -> Columns:
    """Beside each row, a row of another document, always the same one.

    Args:
        columns: `tokens`, `sentence` and `starts`, `(rows, length)`.
        of_row: The document of each row, `(rows,)`, in order.

    Returns:
        `other` and `other_sentence`, int32 `(rows, length)`, and `other_starts`, bool.
    """
    if of_row[0] == of_row[-1]:
        raise UserError(
            "tokens: rows: pairs takes sentences from another document, but the split has only "
            "one: give a corpus of several documents, or larger fractions"
        )
    count = len(of_row)
    random = np.random.RandomState(0)  # its numbers are frozen by NumPy
    chosen = random.randint(0, count, count)
    for _ in range(_TRIES):
        same = of_row[chosen] == of_row
        chosen[same] = random.randint(0, count, int(same.sum()))
    same = np.flatnonzero(of_row[chosen] == of_row)  # documents that are most of the split
    others = np.searchsorted(of_row, of_row[same], "right")
    chosen[same] = np.where(others < count, others, 0)
    return {
        "other": columns["tokens"][chosen],
        "other_sentence": columns["sentence"][chosen],
        "other_starts": columns["starts"][chosen],
    }
