"""Callbacks."""

from __future__ import annotations

# name: (where it is, one line of help)
CALLBACKS = {
    "health_guard": ("kssl.callbacks.health_guard:HealthGuard", "Warns of representation collapse"),
    "sample_grid": ("kssl.callbacks.sample_grid:SampleGrid", "Samples every few epochs"),
    "sample_text": ("kssl.callbacks.sample_text:SampleText", "Texts every few epochs"),
    "swap_ema": ("kssl.callbacks.swap_ema:SwapEMA", "Evaluates and saves the averaged weights"),
}
