"""Optimizers."""

from __future__ import annotations

# name: (where it is, one line of help)
OPTIMIZERS = {
    "ema": (
        "kssl.optimizers.ema:EMA",
        "Any optimizer, with an exponential moving average of the weights",
    ),
    "matrix_adamw": (
        "kssl.optimizers.adamw:MatrixAdamW",
        "AdamW without weight decay on biases and norms",
    ),
    "lars": ("kssl.optimizers.lars:LARS", "Layer-wise adaptive rates for large batches"),
}
