"""What each transform is shown on: data that suits it, and the transforms that it needs before it.

All of it comes with kssl or scikit-learn, or is made by kssl: it can be seen on any machine.
"""

from __future__ import annotations

_TOKENS = (
    "{{use: tokens, corpus: python_topics, length: {length}, rows: {rows}, {more}"
    "vocabulary: {{kind: words, size: 6000, lowercase: true, sentinels: 20}}}}"
)
_PACKED = _TOKENS.format(length=33, rows="packed", more="words: true, ")
_SENTENCES = _TOKENS.format(length=64, rows="sentences", more="")
_PAIRS = _TOKENS.format(length=48, rows="pairs", more="")
_PHOTOGRAPHS = "{use: photographs, size: 96}"
_CELLS = "{use: sklearn_table, name: breast_cancer}"
_DIGITS = "{use: moving_digits, count: 2}"
_SOUND = "{use: audio, path: sounds, length: 4000}"

# Files in these recipes that `kssl.data.example_files` makes where there are none.
FILES = ("sounds", "clips.npz", "animals.csv", "captions.jsonl", "vocabulary.json")

# name: (data, pretext), as in a recipe
EXAMPLES = {
    "to_float": ("digits", "[to_float]"),
    "flatten": ("digits", "[to_float, flatten]"),
    "binarize": ("digits", "[to_float, binarize]"),
    "number": ("digits", "[to_float, number]"),
    "noise": ("digits", "[to_float, {use: noise, kind: masking, amount: 0.5}]"),
    "split": (_PHOTOGRAPHS, "[{use: split, hide: right}]"),
    "two_views": (_PHOTOGRAPHS, "[{use: two_views, preset: simclr}]"),
    "multi_crop": (_PHOTOGRAPHS, "[multi_crop]"),
    "exemplar": (_PHOTOGRAPHS, "[exemplar]"),
    "patch_grid": (_PHOTOGRAPHS, "[{use: patch_grid, size: 16}]"),
    "rotate": (_PHOTOGRAPHS, "[rotate]"),
    "jigsaw": (_PHOTOGRAPHS, "[jigsaw]"),
    "relative_position": (_PHOTOGRAPHS, "[relative_position]"),
    "colorize": (_PHOTOGRAPHS, "[colorize]"),
    "color_views": (_PHOTOGRAPHS, "[color_views]"),
    "inpaint": (_PHOTOGRAPHS, "[{use: inpaint, kind: free_form}]"),
    "mask_patches": (_PHOTOGRAPHS, "[{use: mask_patches, fill: 0}]"),
    "count": (_PHOTOGRAPHS, f"[{{use: count, data: {_PHOTOGRAPHS}}}]"),
    "mask_tokens": (_PAIRS, "[mask_tokens]"),
    "word_dropout": (_PAIRS, "[word_dropout]"),
    "sentence_pairs": (_PAIRS, "[sentence_pairs]"),
    "sentence_order": (_SENTENCES, "[sentence_order]"),
    "neighbour_sentences": (_SENTENCES, "[{use: neighbour_sentences, length: 24}]"),
    "shuffle_words": (_SENTENCES, "[shuffle_words]"),
    "shuffle_sentences": (_SENTENCES, "[shuffle_sentences]"),
    "mask_sentences": (_SENTENCES, "[mask_sentences]"),
    "corrupt_spans": (_SENTENCES, "[corrupt_spans]"),
    "drop_spans": (_SENTENCES, "[drop_spans]"),
    "infill": (_SENTENCES, "[infill]"),
    "next_token": (_PACKED, "[next_token]"),
    "prefix": (_PACKED, "[prefix]"),
    "skip_gram": (_PACKED, "[{use: skip_gram, window: 2, pairs: 12}]"),
    "cbow": (_PACKED, "[{use: cbow, window: 2}]"),
    "tokenize": ("python_topics", "[{use: tokenize, vocabulary: vocabulary.json, length: 48}]"),
    "mu_law": (_SOUND, "[mu_law]"),
    "future_windows": (
        _SOUND,
        "[{use: future_windows, window: 400, context: 4, future: 2, negatives: 2}]",
    ),
    "mask_time": (_SOUND, "[{use: mask_time, step: 80}]"),
    "frame_order": (_DIGITS, "[frame_order]"),
    "arrow_of_time": (_DIGITS, "[arrow_of_time]"),
    "reference_frame": ("{use: video, path: clips.npz}", "[reference_frame]"),
    "future_frame": (_DIGITS, "[{use: future_frame, context: 6}]"),
    "corrupt_features": (_CELLS, f"[{{use: corrupt_features, data: {_CELLS}}}]"),
    "mask_features": (_CELLS, "[mask_features]"),
    "one_hot": ("{use: tabular, path: animals.csv}", "[one_hot]"),
    "caption_pairs": ("{use: captions, path: captions.jsonl}", "[caption_pairs]"),
}


def recipe_text(name: str) -> str:
    """Return a recipe that shows one transform; its model is never built.

    Args:
        name: A transform's; one that is not in the table gets digits in 0 to 1.

    Example:
        >>> print(recipe_text("noise").splitlines()[0])
        data: digits
    """
    data, pretext = EXAMPLES.get(name, ("digits", f"[to_float, {name}]"))
    return f"data: {data}\npretext: {pretext}\nmodel: autoencoder\n"
