"""Modalities: the kinds of data that models read."""

from __future__ import annotations

# name: (where it is, one line of help)
MODALITIES = {
    "image": ("kssl.modalities.image:Image", "Images"),
    "tokens": ("kssl.modalities.tokens:Tokens", "Text as ids of a vocabulary"),
    "audio": ("kssl.modalities.audio:Audio", "Recordings"),
    "video": ("kssl.modalities.video:Video", "Clips of video"),
    "table": ("kssl.modalities.table:Table", "Rows of numbers and categories"),
    "pair": ("kssl.modalities.pair:Pair", "Images with text"),
}
