"""Text as token ids, read once and held in memory: packed blocks, or rows of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from kssl.data.description import described
from kssl.data.from_arrays import Dataset
from kssl.data.locate import find_file
from kssl.data.splitting import check_split
from kssl.data.text.corpus import corpus_of
from kssl.data.text.packing import Columns, packed, pairs, sentence_rows
from kssl.data.text.parts import names_of
from kssl.errors import UserError, nearest

if TYPE_CHECKING:
    from kssl.data.text.corpus import Corpus
    from kssl.tokenizers.vocabulary import Vocabulary

ROWS = ("packed", "sentences", "pairs")


def tokens(
    split: str,
    corpus: str | Mapping[str, Any],
    vocabulary: str | Mapping[str, Any],
    length: int = 128,
    rows: Literal["packed", "sentences", "pairs"] = "packed",
    stride: int | None = None,
    words: bool = False,
) -> Dataset:
    """Text as ids of a vocabulary, for language models, BERT, T5, BART and word vectors.

    `packed`: all documents one after another, `[SEP]` behind each, cut into blocks; what is left
    at the end is not used. `sentences`: as many whole sentences of one document as fit,
    `[CLS]` in front, `[SEP]` behind, the rest `[PAD]`; a sentence that is too long is cut in
    pieces. `pairs`: the same with room for one more `[SEP]`, and beside each row one of another
    document, drawn once, which `sentence_pairs` takes its wrong sentences from: so that a pair
    depends on the example alone, and not on its batch.

    Args:
        split: `train`, `validation` or `test`, by document; see `text`.
        corpus: A path, `python_topics`, or settings of `text` but for its unit:
            `{path: news.jsonl.gz, field: body, label: topic, fractions: [0.05, 0.1]}`, or
            `{path: {tfds: ag_news_subset}, field: description}`.
        vocabulary: A file that `kssl vocabulary` wrote, or the settings of
            `train_vocabulary`, such as `{kind: bpe, size: 8000}`: then it is made of the training
            split, and kept in `KSSL_CACHE_DIR` or the user's cache folder.
        length: Ids of a row. `next_token` needs one more than the context is long.
        rows: `packed`, `sentences` or `pairs`.
        stride: Of packed blocks: ids from the start of one to the next; `length` if None. With
            `length - 1`, `next_token` predicts every id exactly once.
        words: Whether packed blocks have `starts`, for `skip_gram`-like tasks on whole words; rows
            of sentences always have it.

    Returns:
        A dataset of `{"tokens": int32 (length,)}` and, packed, `"document": int32 (length,)`,
        which document of the block an id is of, counted from 0. Rows of sentences have
        `"padding_mask"` bool `(length,)`, `"sentence"` int32 `(length,)`, counted from 0 and -1 at
        special tokens, and `"starts"` bool `(length,)`, where words begin; pairs also
        `"other"`, `"other_sentence"` and `"other_starts"`; with labels, `"label": int64 ()`. The
        attributes `vocabulary` and `class_names` say what ids and classes stand for; `.map`,
        `.take` and the like lose them, see `kssl.data.vocabulary_of`.

    Raises:
        Unavailable: The corpus is unavailable.
        UserError: A setting is unknown, or the split is too small for one block.

    Example:
        >>> small = {"kind": "characters"}
        >>> dataset = tokens("test", "python_topics", small, length=65, stride=64)
        >>> dataset.element_spec["tokens"].shape, dataset.vocabulary.tokens[:2]
        (TensorShape([65]), ('[PAD]', '[UNK]'))
    """
    import tensorflow as tf

    check_split(split)
    _check(length, rows, stride)
    opened = corpus_of(corpus)
    known = vocabulary_of(opened, vocabulary)
    columns, names = _columns(opened, known, split, length, rows, stride, words)
    with tf.device("cpu"):
        dataset = tf.data.Dataset.from_tensor_slices(columns)
    facts = {"class_names": list(opened.names), "found": opened.found or None}
    return described(dataset, vocabulary=known, names=names, **facts)


def _columns(
    corpus: Corpus,
    vocabulary: Vocabulary,
    split: str,
    length: int,
    rows: str,
    stride: int | None,
    words: bool,
) -> tuple[Columns, list[str] | None]:
    """The columns, and what each row is called; a block is of many documents."""
    documents = list(corpus.documents(split))
    if rows == "packed":
        texts = [document.text for document in documents]
        columns = packed(texts, vocabulary, length, stride or length)
        if words:
            columns["starts"] = vocabulary.word_starts(columns["tokens"])
        return columns, None
    numbers = corpus.numbers()
    columns = sentence_rows(documents, vocabulary, length, paired=rows == "pairs")
    of_row = columns.pop("row_document")
    if numbers:
        import numpy as np

        labels = np.array([numbers[each.label or ""] for each in documents], np.int64)
        columns["label"] = labels[of_row]
    columns = columns | pairs(columns, of_row) if rows == "pairs" else columns
    return columns, names_of(documents, of_row.tolist())


def _check(length: int, rows: str, stride: int | None) -> None:
    if rows not in ROWS:
        raise UserError(f"tokens: rows '{rows}'{nearest(str(rows), ROWS)}")
    if length < 8:
        raise UserError(f"tokens: length {length} is not 8 or more")
    if stride is not None and (stride < 1 or rows != "packed"):
        raise UserError(f"tokens: stride {stride} must be 1 or more, and is for packed rows only")


def vocabulary_of(corpus: Corpus, given: str | Mapping[str, Any]) -> Vocabulary:
    """The vocabulary that a recipe names, for a corpus.

    Args:
        corpus: Its training split is read if the vocabulary must be made.
        given: Path of a file that `kssl vocabulary` wrote, or settings: see
            `kssl.tokenizers.cache.vocabulary_for`.

    Raises:
        UserError: There is no such file, a setting is unknown, or the corpus is too small.
    """
    from kssl.tokenizers import load_vocabulary
    from kssl.tokenizers.cache import vocabulary_for

    if isinstance(given, str):
        return load_vocabulary(find_file(given))
    return vocabulary_for((document.text for document in corpus.documents("train")), given)
