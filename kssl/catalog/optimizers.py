"""Optimizers."""

from __future__ import annotations

# name: (where it is, one line of help)
OPTIMIZERS = {
    "ema": ("kssl.optimizers.ema:EMA", "Any optimizer, and an average of its weights"),
    "matrix_adamw": ("kssl.optimizers.adamw:MatrixAdamW", "AdamW that spares biases and gains"),
    "lars": ("kssl.optimizers.lars:LARS", "Momentum for very large batches"),
}
