"""What each transform is shown on: data that suits it, and the transforms that it needs before it.

Everything here comes with kssl or scikit-learn, so that it can be seen on any machine.
"""

from __future__ import annotations

# name: (data, pretext), as in a recipe
EXAMPLES = {
    "to_float": ("digits", "[to_float]"),
    "flatten": ("digits", "[to_float, flatten]"),
    "binarize": ("digits", "[to_float, binarize]"),
    "noise": ("digits", "[to_float, {use: noise, kind: masking, amount: 0.5}]"),
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
