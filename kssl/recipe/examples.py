"""What each transform is shown on: data that suits it, and the transforms that it needs before it.

Everything here comes with kssl or scikit-learn, so that it can be seen on any machine.
"""

from __future__ import annotations

_PHOTOGRAPHS = "{use: photographs, size: 96}"

# name: (data, pretext), as in a recipe
EXAMPLES = {
    "to_float": ("digits", "[to_float]"),
    "flatten": ("digits", "[to_float, flatten]"),
    "binarize": ("digits", "[to_float, binarize]"),
    "noise": ("digits", "[to_float, {use: noise, kind: masking, amount: 0.5}]"),
    "split": (_PHOTOGRAPHS, "[{use: split, hide: right}]"),
    "rotate": (_PHOTOGRAPHS, "[rotate]"),
    "jigsaw": (_PHOTOGRAPHS, "[jigsaw]"),
    "relative_position": (_PHOTOGRAPHS, "[relative_position]"),
    "colorize": (_PHOTOGRAPHS, "[colorize]"),
    "color_views": (_PHOTOGRAPHS, "[color_views]"),
    "inpaint": (_PHOTOGRAPHS, "[{use: inpaint, kind: free_form}]"),
    "mask_patches": (_PHOTOGRAPHS, "[{use: mask_patches, fill: 0}]"),
    "count": (_PHOTOGRAPHS, f"[{{use: count, data: {_PHOTOGRAPHS}}}]"),
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
