"""Pretext transforms: factories of map functions."""

from __future__ import annotations

# name: (where it is, one line of help)
TRANSFORMS = {
    "to_float": ("kssl.pretext.scale:to_float", "uint8 images to float in [0, 1]"),
    "flatten": ("kssl.pretext.scale:flatten", "Images to vectors"),
    "binarize": ("kssl.pretext.scale:binarize", "Pixels to 0 or 1"),
    "noise": ("kssl.pretext.noise:noise", "Gaussian, masking, salt-and-pepper, swap"),
    "mu_law": ("kssl.pretext.audio.companding:mu_law", "Sound to 256 classes"),
    "future_windows": (
        "kssl.pretext.audio.sequences:future_windows",
        "CPC: past, future and negative windows",
    ),
    "mask_time": (
        "kssl.pretext.audio.sequences:mask_time",
        "Mask spans of a sequence: wav2vec 2.0",
    ),
    "frame_order": ("kssl.pretext.video.frames:frame_order", "Are these three frames in order?"),
    "arrow_of_time": ("kssl.pretext.video.frames:arrow_of_time", "Forwards or backwards?"),
    "reference_frame": (
        "kssl.pretext.video.reference:reference_frame",
        "Colour later frames from the first",
    ),
    "future_frame": ("kssl.pretext.video.frames:future_frame", "Predict the frames that follow"),
    "corrupt_features": (
        "kssl.pretext.table.rows:corrupt_features",
        "Swap values within columns: SCARF, VIME",
    ),
    "mask_features": ("kssl.pretext.table.rows:mask_features", "Mask values of a row: TabNet"),
    "one_hot": ("kssl.pretext.table.one_hot:one_hot", "A column of 0 and 1 for each category"),
    "caption_pairs": (
        "kssl.pretext.pair.captions:caption_pairs",
        "One caption for each image, drawn anew",
    ),
    "split": ("kssl.pretext.splitting:split", "Predict any part from any other"),
    "number": ("kssl.pretext.numbering:number", "The number of each example: DeepCluster"),
    "rotate": ("kssl.pretext.image.rotation:rotate", "Quarter turns: which way up?"),
    "jigsaw": ("kssl.pretext.image.jigsaw:jigsaw", "Shuffled tiles: which permutation?"),
    "relative_position": (
        "kssl.pretext.image.relative_position:relative_position",
        "Where is the other patch?",
    ),
    "colorize": ("kssl.pretext.image.colorization:colorize", "Colours from lightness"),
    "color_views": (
        "kssl.pretext.image.color:color_views",
        "Brightness against colour: CMC, split-brain",
    ),
    "inpaint": ("kssl.pretext.image.inpainting:inpaint", "Fill in a hole"),
    "mask_patches": ("kssl.pretext.image.patch_masking:mask_patches", "Mask patches: MAE, BEiT"),
    "count": ("kssl.pretext.image.counting:count", "The parts add up to the whole"),
    "tokenize": ("kssl.pretext.text.tokenize:tokenize", "Text to ids, padded or cut to one length"),
    "skip_gram": (
        "kssl.pretext.text.word_pairs:skip_gram",
        "word2vec: words, neighbours and noise words",
    ),
    "cbow": ("kssl.pretext.text.word_pairs:cbow", "word2vec: a word from those around it"),
    "mask_tokens": (
        "kssl.pretext.text.token_masking:mask_tokens",
        "BERT: mask 15 % of the tokens, 80/10/10",
    ),
    "word_dropout": (
        "kssl.pretext.text.token_masking:word_dropout",
        "Random tokens become [UNK]: text VAE",
    ),
    "sentence_pairs": ("kssl.pretext.text.sentence_tasks:sentence_pairs", "BERT: does B follow A?"),
    "sentence_order": (
        "kssl.pretext.text.sentence_tasks:sentence_order",
        "ALBERT: in order or swapped?",
    ),
    "neighbour_sentences": (
        "kssl.pretext.text.sentence_tasks:neighbour_sentences",
        "Skip-thought: the sentences before and after",
    ),
    "shuffle_words": ("kssl.pretext.text.shuffling:shuffle_words", "Put words back into order"),
    "shuffle_sentences": (
        "kssl.pretext.text.shuffling:shuffle_sentences",
        "BART: put sentences back into order",
    ),
    "mask_sentences": (
        "kssl.pretext.text.shuffling:mask_sentences",
        "PEGASUS: generate the masked sentences",
    ),
    "next_token": ("kssl.pretext.text.language:next_token", "GPT: each token from those before it"),
    "prefix": ("kssl.pretext.text.language:prefix", "The rest of a row from its beginning"),
    "corrupt_spans": ("kssl.pretext.text.spans:corrupt_spans", "T5: spans behind sentinels"),
    "drop_spans": (
        "kssl.pretext.text.spans:drop_spans",
        "T5: generate the spans that were dropped",
    ),
    "infill": (
        "kssl.pretext.text.infilling:infill",
        "BART: spans of unknown length behind one mask",
    ),
    "two_views": ("kssl.pretext.image.views:two_views", "Two random views: SimCLR, BYOL"),
    "multi_crop": ("kssl.pretext.image.views:multi_crop", "Large and small views: SwAV, DINO"),
    "exemplar": ("kssl.pretext.image.views:exemplar", "A class of its own for each image"),
    "patch_grid": ("kssl.pretext.image.grids:patch_grid", "Overlapping patches: CPC"),
}
