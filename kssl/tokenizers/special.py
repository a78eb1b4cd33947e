"""The special tokens of vocabularies."""

from __future__ import annotations

from typing import Any

from kssl.errors import UserError

ROLES = {"pad": "[PAD]", "unknown": "[UNK]", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]"}


def role_of(vocabulary: Any, name: str, needed_by: str) -> int:
    """The id of a special token: `pad`, `unknown`, `start`, `end` or `mask`.

    Raises:
        UserError: The vocabulary has none.
    """
    if name not in vocabulary.special:
        raise UserError(
            f"{needed_by} needs the special token {ROLES[name]}, which this vocabulary lacks; "
            "kssl vocabulary makes one that has it, unless special is false"
        )
    return int(vocabulary.special[name])
