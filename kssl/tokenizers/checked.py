"""Whether what a file says can be a vocabulary: nothing of it is believed before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kssl.errors import UserError
from kssl.tokenizers.special import ROLES

FIELDS = ("kind", "tokens", "special", "sentinels", "lowercase", "counts", "model")


def check(content: Mapping[str, Any]) -> None:
    """Raise a UserError unless the fields of a vocabulary are of the right types and fit together.

    Args:
        content: The fields of `Vocabulary` as they stand in a file.
    """
    if missing := [name for name in FIELDS if name not in content]:
        raise UserError(f"it lacks {', '.join(missing)}")
    if unknown := [name for name in content if name not in FIELDS]:
        raise UserError(f"it has {', '.join(map(repr, unknown[:5]))}, which no vocabulary has")
    tokens, special, counts = content["tokens"], content["special"], content["counts"]
    texts = isinstance(tokens, list) and all(isinstance(each, str) and each for each in tokens)
    if not texts or not tokens or len(set(tokens)) < len(tokens):
        raise UserError("tokens must be a list of different texts, none of them empty")
    if not isinstance(special, dict) or not set(special) <= set(ROLES):
        raise UserError(f"special must give ids to some of {', '.join(ROLES)}")
    if not all(_is_whole(each) and each < len(tokens) for each in special.values()):
        raise UserError(f"an id of special is not in 0 to {len(tokens) - 1}")
    if len(set(special.values())) < len(special):
        raise UserError("two special tokens have the same id")
    if not _is_whole(content["sentinels"]) or content["sentinels"] + len(special) > len(tokens):
        raise UserError(f"sentinels must be a number of the last of {len(tokens)} tokens")
    if not isinstance(content["lowercase"], bool):
        raise UserError("lowercase must be true or false")
    if not isinstance(counts, list) or not all(map(_is_whole, counts)):
        raise UserError("counts must be a list of whole numbers")
    if counts and len(counts) != len(tokens):
        raise UserError(f"there are {len(counts)} counts for {len(tokens)} tokens")
    if not isinstance(content["model"], dict):
        raise UserError("model must be a mapping")


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63
