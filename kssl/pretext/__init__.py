"""Pretext transforms: map functions for `tf.data` that make the task out of the data.

Each is a factory, `factory(**settings) -> map_fn(example, seed=None) -> example`, in pure
TensorFlow, so that it works with every Keras backend. The map function takes a dict of named
tensors, a batch or one example, and returns a new dict.

Example:
    >>> import kssl
    >>> dataset = kssl.data.digits("test").map(kssl.pretext.to_float())
    >>> dataset.batch(64).map(kssl.pretext.binarize()).element_spec["image"].shape
    TensorShape([None, 28, 28, 1])
"""

from __future__ import annotations

from kssl.pretext import random
from kssl.pretext.audio.companding import inverse_mu_law, mu_law
from kssl.pretext.audio.sequences import future_windows, mask_time
from kssl.pretext.batching import by_batch
from kssl.pretext.image.color import color_views, lab_to_rgb, rgb_to_lab
from kssl.pretext.image.color_bins import ab_bins, fit_color_prior
from kssl.pretext.image.colorization import colorize
from kssl.pretext.image.counting import count
from kssl.pretext.image.grids import patch_grid
from kssl.pretext.image.inpainting import inpaint
from kssl.pretext.image.jigsaw import jigsaw
from kssl.pretext.image.patch_masking import mask_patches
from kssl.pretext.image.permutations import permutation_set
from kssl.pretext.image.relative_position import relative_position
from kssl.pretext.image.rotation import rotate
from kssl.pretext.image.view import View
from kssl.pretext.image.views import exemplar, multi_crop, two_views
from kssl.pretext.noise import noise
from kssl.pretext.numbering import number
from kssl.pretext.pair.captions import caption_pairs
from kssl.pretext.scale import binarize, flatten, to_float
from kssl.pretext.splitting import split
from kssl.pretext.table.one_hot import one_hot
from kssl.pretext.table.rows import corrupt_features, mask_features
from kssl.pretext.task import Task
from kssl.pretext.text.infilling import infill
from kssl.pretext.text.language import next_token, prefix
from kssl.pretext.text.sentence_tasks import neighbour_sentences, sentence_order, sentence_pairs
from kssl.pretext.text.shuffling import mask_sentences, shuffle_sentences, shuffle_words
from kssl.pretext.text.spans import corrupt_spans, drop_spans, raw_length
from kssl.pretext.text.token_masking import mask_tokens, word_dropout
from kssl.pretext.text.tokenize import tokenize
from kssl.pretext.text.word_pairs import cbow, keep_probability, noise_distribution, skip_gram
from kssl.pretext.video.frames import arrow_of_time, frame_order, future_frame
from kssl.pretext.video.reference import default_palette, reference_frame
from kssl.tokenizers.train import train_vocabulary
from kssl.tokenizers.vocabulary import Vocabulary, load_vocabulary

__all__ = [
    "Task",
    "View",
    "Vocabulary",
    "ab_bins",
    "arrow_of_time",
    "binarize",
    "by_batch",
    "caption_pairs",
    "cbow",
    "color_views",
    "colorize",
    "corrupt_features",
    "corrupt_spans",
    "count",
    "default_palette",
    "drop_spans",
    "exemplar",
    "fit_color_prior",
    "flatten",
    "frame_order",
    "future_frame",
    "future_windows",
    "infill",
    "inpaint",
    "inverse_mu_law",
    "jigsaw",
    "keep_probability",
    "lab_to_rgb",
    "load_vocabulary",
    "mask_features",
    "mask_patches",
    "mask_sentences",
    "mask_time",
    "mask_tokens",
    "mu_law",
    "multi_crop",
    "neighbour_sentences",
    "next_token",
    "noise",
    "noise_distribution",
    "number",
    "one_hot",
    "patch_grid",
    "permutation_set",
    "prefix",
    "random",
    "raw_length",
    "reference_frame",
    "relative_position",
    "rgb_to_lab",
    "rotate",
    "sentence_order",
    "sentence_pairs",
    "shuffle_sentences",
    "shuffle_words",
    "skip_gram",
    "split",
    "to_float",
    "tokenize",
    "train_vocabulary",
    "two_views",
    "word_dropout",
]
