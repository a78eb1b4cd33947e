"""Vocabularies out of a corpus: the same corpus and settings always give the same one."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kssl.errors import UserError, nearest
from kssl.tokenizers.encode import byte_alphabet, normalizer, points, pre_tokenizer
from kssl.tokenizers.special import ROLES
from kssl.tokenizers.vocabulary import KINDS, Vocabulary

_ALPHABET = 1000  # characters that WordPiece knows at most: the most frequent
_LONGEST = 4000  # characters of a piece of text that SentencePiece sees


def train_vocabulary(
    texts: Iterable[str],
    kind: str = "wordpiece",
    size: int | None = None,
    lowercase: bool = False,
    sentinels: int = 0,
    special: bool = True,
) -> Vocabulary:
    """Make a vocabulary out of texts: those of the training split, nothing else.

    `bpe` works on bytes as GPT-2's does, with its pattern, and so knows every text. `wordpiece`
    cuts at white space and punctuation as BERT's does; what it lacks is `[UNK]`. `sentencepiece`
    is the unigram model of Kudo, arXiv:1804.10959, which does not tell a line break from a blank.
    `characters` and `words` take the most frequent ones; both are looked up as they are.

    Args:
        texts: The corpus, held in memory while it is read.
        kind: `characters`, `words`, `wordpiece`, `bpe` or `sentencepiece`.
        size: How many ids there shall be, special ones and sentinels among them. A subword
            vocabulary has exactly as many, so that a model's `vocabulary_size` can be written
            down before; 8,000 if None. Of characters and words it is the most there are; if
            None, all.
        lowercase: Whether text is made lower-case first.
        sentinels: Ids at the end that mark spans, for `corrupt_spans`; T5 has 100.
        special: Whether there are `[PAD] [UNK] [CLS] [SEP] [MASK]`, ids 0 to 4.

    Returns:
        The vocabulary, with the counts of its ids in the corpus.

    Raises:
        UserError: The kind is unknown, or the corpus cannot fill the size, or is empty.

    Example:
        >>> vocabulary = train_vocabulary(["to be or not to be"], "words")
        >>> vocabulary.tokens[5:], vocabulary.counts[5:]
        (('be', 'to', 'not', 'or'), (2, 2, 1, 1))
    """
    if kind not in KINDS:
        raise UserError(f"vocabulary: kind '{kind}'{nearest(str(kind), KINDS)}")
    if not special and kind not in ("characters", "bpe"):
        raise UserError(
            f"a vocabulary of {kind} needs [UNK]: special: false is for bpe, characters"
        )
    held = list(texts)
    if not any(text.strip() for text in held):
        raise UserError("a vocabulary cannot be made of a corpus without text")
    roles = list(ROLES) if special else []
    wanted = size if size is not None or kind in ("characters", "words") else 8000
    room = None if wanted is None else wanted - len(roles) - sentinels
    if room is not None and room < 1:
        raise UserError(f"vocabulary: size {wanted} leaves no room beside the special tokens")
    tokens, model = _MAKERS[kind](held, room, lowercase)
    made = Vocabulary(
        kind,
        (
            *(ROLES[role] for role in roles),
            *tokens,
            *(f"<extra_id_{number}>" for number in reversed(range(sentinels))),
        ),
        {role: number for number, role in enumerate(roles)},
        sentinels,
        lowercase,
        model=model,
    )
    return replace(_checked(made, wanted), counts=_counts(made, held))


def _checked(made: Vocabulary, wanted: int | None) -> Vocabulary:
    if made.kind not in ("characters", "words") and made.size != wanted:
        raise UserError(
            f"the corpus gives a {made.kind} vocabulary of {made.size:,}, not of {wanted:,}: "
            f"set size to {made.size} {'or less' if made.size < (wanted or 0) else 'or more'}"
        )
    return made


def _counts(made: Vocabulary, texts: Sequence[str]) -> tuple[int, ...]:
    total = np.zeros(made.size, np.int64)
    for start in range(0, len(texts), 256):
        for ids in made.encode(texts[start : start + 256]):
            total += np.bincount(ids, minlength=made.size)
    return tuple(total.tolist())


Made = tuple[Sequence[str], dict[str, Any]]


def _characters(texts: Sequence[str], room: int | None, lowercase: bool) -> Made:
    total: Counter[int] = Counter()
    for text in texts:
        codes, counts = np.unique(points(text.lower() if lowercase else text), return_counts=True)
        total.update(dict(zip(codes.tolist(), counts.tolist(), strict=True)))
    often = sorted(total, key=lambda code: (-total[code], code))[:room]
    return sorted(map(chr, often)), {}


def _words(texts: Sequence[str], room: int | None, lowercase: bool) -> Made:
    total = _word_counts(texts, "words", lowercase)
    for token in ROLES.values():
        total.pop(token, None)
    return sorted(total, key=lambda word: (-total[word], word))[:room], {}


def _word_counts(texts: Sequence[str], kind: str, lowercase: bool) -> Counter[str]:
    cut, rule = pre_tokenizer(kind), normalizer(kind, lowercase)
    total: Counter[str] = Counter()
    for text in texts:
        clean = rule.normalize_str(text) if rule is not None else text
        total.update(word for word, _ in cut.pre_tokenize_str(clean))
    return total


def _wordpiece(texts: Sequence[str], room: int | None, lowercase: bool) -> Made:
    from tokenizers import Tokenizer, models, trainers

    letters: Counter[str] = Counter()
    inner: Counter[str] = Counter()
    for word, count in _word_counts(texts, "wordpiece", lowercase).items():
        for place, letter in enumerate(word):
            letters[letter] += count
            inner[letter] += count * (place > 0)
    often = sorted(letters, key=lambda letter: (-letters[letter], letter))[:_ALPHABET]
    alphabet = sorted(often)
    # The trainer numbers pieces of letters in an order that changes from run to run, and breaks
    # ties by these numbers. Those that are there before it begins are numbered by us.
    first = [*alphabet, *(f"##{letter}" for letter in alphabet if inner[letter])]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = (
        normalizer("wordpiece", lowercase),
        pre_tokenizer("wordpiece"),
    )
    trainer = trainers.WordPieceTrainer(
        vocab_size=room or 0,  # of pieces there is always a number
        special_tokens=first,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return _in_order(made), {}


def _bpe(texts: Sequence[str], room: int | None, lowercase: bool) -> Made:
    from tokenizers import Tokenizer, models, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizer("bpe")
    if lowercase:
        made.normalizer = normalizer("bpe", True)
    trainer = trainers.BpeTrainer(
        vocab_size=room or 0, initial_alphabet=byte_alphabet(), show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    merges = json.loads(made.to_str())["model"]["merges"]
    pairs = [each.split(" ") if isinstance(each, str) else list(each) for each in merges]
    return _in_order(made), {"merges": pairs}


def _in_order(made: Any) -> list[str]:
    ids = json.loads(made.to_str())["model"]["vocab"]
    return sorted(ids, key=ids.__getitem__)


def _sentencepiece(texts: Sequence[str], room: int | None, lowercase: bool) -> Made:
    import sentencepiece

    written = io.BytesIO()
    special, settings = tuple(ROLES.values()), dict[str, Any]()
    for number, role in enumerate(("pad", "unk", "bos", "eos")):
        settings |= {f"{role}_id": number, f"{role}_piece": special[number]}
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_short(texts, lowercase),
            model_writer=written,
            vocab_size=(room or 0) + len(ROLES),
            model_type="unigram",
            control_symbols=["[MASK]"],
            max_sentence_length=4 * _LONGEST,
            num_threads=1,
            minloglevel=3,
            **settings,
        )
    except RuntimeError as error:
        told = str(error).rpartition(")")[2].strip() or str(error)[-200:]
        raise UserError(
            f"sentencepiece cannot make {room} pieces of this corpus: {told} Set another size"
        ) from error
    proto = written.getvalue()
    model = sentencepiece.SentencePieceProcessor(model_proto=proto)
    tokens = [model.id_to_piece(number) for number in range(model.get_piece_size())]
    return tokens[len(ROLES) :], {"sentencepiece": base64.b64encode(proto).decode()}


def _short(texts: Sequence[str], lowercase: bool) -> Iterator[str]:
    """Lines, in pieces of a bounded length: SentencePiece leaves longer ones out silently."""
    for text in texts:
        for line in (text.lower() if lowercase else text).split("\n"):
            for start in range(0, len(line), _LONGEST):
                yield line[start : start + _LONGEST]


_MAKERS: dict[str, Callable[[Sequence[str], int | None, bool], Made]] = {
    "characters": _characters,
    "words": _words,
    "wordpiece": _wordpiece,
    "bpe": _bpe,
    "sentencepiece": _sentencepiece,
}
