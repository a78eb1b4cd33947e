"""Losses of a discriminator and of the generator that plays against it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kssl.losses.base import Loss, require_one_of

KINDS = ("non_saturating", "hinge", "least_squares")
PLAYERS = ("discriminator", "generator")


def adversarial(
    real: Any, fake: Any, kind: str = "non_saturating", player: str = "discriminator"
) -> Any:
    """Adversarial loss of one player, from the discriminator's logits of real and fake examples.

    | kind | discriminator | generator |
    |---|---|---|
    | `non_saturating` | `softplus(-real) + softplus(fake)` | `softplus(-fake)` |
    | `hinge` | `max(0, 1 - real) + max(0, 1 + fake)` | `-fake` |
    | `least_squares` | `((real - 1)² + fake²) / 2` | `(fake - 1)² / 2` |

    The two terms are added, not averaged; the 1/2 of least squares is the paper's. With a
    gradient-reversal layer between the players one loss serves both, the discriminator's: the
    minimax game, whose generator saturates.

    Each example has its own value, so that data parallelism changes nothing.

    Args:
        real: `(batch,)` or `(batch, …)` logits (patches, say: averaged over); not looked at by the
            generator.
        fake: Logits of the same shape.
        kind: One of the names above.
        player: `"discriminator"` or `"generator"`.

    Returns:
        Tensor `(batch,)` in float32.

    Raises:
        ValueError: If `kind` or `player` is unknown.

    Reference:
        Goodfellow et al., arXiv:1406.2661; Mao et al., LSGAN, arXiv:1611.04076; Miyato et al.,
        spectral normalisation (hinge), arXiv:1802.05957.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2,))
        >>> float(kssl.losses.adversarial(zeros, zeros, "hinge")[0])
        2.0
    """
    require_one_of("kind", kind, KINDS)
    require_one_of("player", player, PLAYERS)
    fake = ops.cast(fake, "float32")
    if player == "generator":
        return _mean_of_example(_generator(fake, kind))
    real = ops.cast(real, "float32")
    if kind == "hinge":
        values = ops.relu(1.0 - real) + ops.relu(1.0 + fake)
    elif kind == "least_squares":
        values = 0.5 * (ops.square(real - 1.0) + ops.square(fake))
    else:
        values = ops.softplus(-real) + ops.softplus(fake)
    return _mean_of_example(values)


def _generator(fake: Any, kind: str) -> Any:
    if kind == "hinge":
        return -fake
    return 0.5 * ops.square(fake - 1.0) if kind == "least_squares" else ops.softplus(-fake)


def _mean_of_example(values: Any) -> Any:
    return ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)  # (batch,)


@keras.saving.register_keras_serializable(package="kssl")
class Adversarial(Loss):
    """Adversarial loss of one player, see `kssl.losses.adversarial`; takes `(real, fake)` logits.

    Args:
        kind: `"non_saturating"`, `"hinge"` or `"least_squares"`.
        player: `"discriminator"` or `"generator"`.
        name: Name in the logs.
        **kwargs: `reduction` and `dtype`, as in every Keras loss.

    Raises:
        ValueError: If `kind` or `player` is unknown.

    Example:
        >>> import keras, kssl
        >>> zeros = keras.ops.zeros((2, 1))
        >>> float(kssl.losses.Adversarial("least_squares")(zeros, zeros))
        0.5
    """

    def __init__(
        self,
        kind: str = "non_saturating",
        player: str = "discriminator",
        name: str = "adversarial",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        require_one_of("kind", kind, KINDS)
        require_one_of("player", player, PLAYERS)
        self.kind = kind
        self.player = player

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return adversarial(y_true, y_pred, self.kind, self.player)
