"""The figures of a run and its report: one HTML file that opens anywhere, offline.

`draw` makes the figures, `draw_results` the one of results anew, `write` the page, `curves` the
figure of `kssl compare`. Writing a page needs no Keras, NumPy or Matplotlib, so each of them is
imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kssl.report.figures import draw, draw_results
    from kssl.report.learning_curves import compare as curves
    from kssl.report.page import write

__all__ = ["curves", "draw", "draw_results", "write"]

_HOMES = {
    "curves": ("learning_curves", "compare"),
    "draw": ("figures", "draw"),
    "draw_results": ("figures", "draw_results"),
    "write": ("page", "write"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kssl.report' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(f"kssl.report.{module}"), attribute)
