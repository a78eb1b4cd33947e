"""Tokenizers: text to ids of a vocabulary and back, and vocabularies made of a corpus."""

from __future__ import annotations

from kssl.tokenizers.decode import decoded, prompt_ids
from kssl.tokenizers.train import train_vocabulary
from kssl.tokenizers.vocabulary import Vocabulary, load_vocabulary

__all__ = ["Vocabulary", "decoded", "load_vocabulary", "prompt_ids", "train_vocabulary"]
