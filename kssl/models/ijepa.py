"""I-JEPA: the features of hidden blocks of an image are predicted from patches around them.

Assran et al., Self-Supervised Learning from Images with a Joint-Embedding Predictive Architecture,
arXiv:2301.08243.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kssl.layers import (
    MomentumEncoder,
    PatchEmbedding,
    SinCosPositions,
    TargetBlocks,
    Transformer,
    gather_tokens,
)
from kssl.layers.base import built
from kssl.models.base import Model, example_shape, pick


@keras.saving.register_keras_serializable(package="kssl")
class IJEPA(Model):
    """A predictor says what a teacher makes of blocks that the student has not seen.

    The teacher, an average of the student, sees the whole image; its features, normalised patch
    by patch, are the targets. The student sees patches outside of all blocks. No view is changed
    and no pixel rebuilt. The loss rises while features improve, since the targets become richer:
    look at `target_spread`, their standard deviation over the batch, which falls to 0 in a
    collapse.

    Args:
        patch_size: Height and width of a patch in pixels.
        encoder: Any layer from tokens `(batch, tokens, width)` to tokens of the same width, with
            an attribute `width`; None is `Transformer(192, depth=12, heads=3)`.
        predictor: Likewise, narrow; None is `Transformer(96, depth=4, heads=3)`.
        block: Rows and columns of a block in patches; None is about 0.4 of the grid's, so that a
            block has 0.15 to 0.2 of the patches as in the paper.
        blocks: How many blocks are predicted, each by itself.
        momentum: What the teacher keeps of itself in a step; it rises along a half cosine to 1 at
            `total_steps`.
        total_steps: Steps of the whole training; a recipe gives those of its run.

    Call arguments:
        inputs: Images `(batch, height, width, channels)`, or a dict with `image`.

    Returns:
        Dict of `prediction` and `target`, both `(batch, blocks, patches of a block, width)`.

    Raises:
        ValueError: If patches do not tile the images, or blocks could leave no patch.

    Example:
        >>> import numpy, kssl
        >>> parts = [kssl.layers.Transformer(32, depth=1, heads=2) for _ in range(2)]
        >>> model = kssl.models.IJEPA(4, *parts)
        >>> model.compile("adam")
        >>> images = numpy.random.rand(64, 28, 28, 1).astype("float32")
        >>> history = model.fit(images, verbose=0)
        >>> model.embed(images[:2]).shape
        (2, 32)
    """

    target_key = ""

    def __init__(
        self,
        patch_size: int = 4,
        encoder: keras.layers.Layer | None = None,
        predictor: keras.layers.Layer | None = None,
        block: Sequence[int] | None = None,
        blocks: int = 4,
        momentum: float = 0.996,
        total_steps: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.patch_size = patch_size
        self.encoder = Transformer(192, depth=12, heads=3) if encoder is None else encoder
        self.predictor = Transformer(96, depth=4, heads=3) if predictor is None else predictor
        self.block = block
        self.blocks = blocks
        self.momentum = momentum
        self.total_steps = total_steps
        self.embedding = PatchEmbedding(self.encoder.width, patch_size)
        self.to_predictor = keras.layers.Dense(self.predictor.width)
        self.to_target = keras.layers.Dense(self.encoder.width, dtype="float32")
        moving = (momentum, 1.0, total_steps)
        self.teacher_embedding = MomentumEncoder(self.embedding, *moving)
        self.teacher = MomentumEncoder(self.encoder, *moving)
        self.normalize = keras.layers.LayerNormalization(
            epsilon=1e-6, center=False, scale=False, dtype="float32"
        )
        self.spread_mean = keras.metrics.Mean(name="target_spread")

    def build(self, input_shape: Any) -> None:
        self.example_shape = example_shape(input_shape)
        shape = (None, *self.example_shape)
        grid = tuple(side // self.patch_size for side in self.example_shape[:2])
        block = self.block or tuple(max(1, round(0.4 * side)) for side in grid)
        self.draw_blocks = TargetBlocks(grid, block, self.blocks)
        self.embedding.build(shape)
        self.teacher_embedding.build(shape)
        tokens = self.embedding.compute_output_shape(shape)  # (batch, patches, width)
        narrow = (*tokens[:-1], self.predictor.width)
        self.positions = SinCosPositions(grid)
        self.positions.build(tokens)
        self.predictor_positions = SinCosPositions(grid)
        self.predictor_positions.build(narrow)
        self.to_predictor.build(tokens)
        self.to_target.build(narrow)
        for layer, shape in (
            (self.encoder, tokens),
            (self.teacher, tokens),
            (self.normalize, tokens),
            (self.predictor, narrow),
        ):
            built(layer, shape)
        self.mask_token = self.add_weight(
            (1, 1, 1, self.predictor.width),
            keras.initializers.RandomNormal(stddev=0.02),
            name="mask_token",
        )
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        images = pick(inputs)
        if training:
            self.teacher_embedding.follow(self.embedding)
            self.teacher.follow(self.encoder)
        tokens = self.positions(self.embedding(images))  # (batch, patches, width)
        drawn = self.draw_blocks(tokens)
        context = self.encoder(gather_tokens(tokens, drawn["context"]), training=training)
        whole = self.positions(self.teacher_embedding(images))
        whole = self.normalize(self.teacher(whole, training=training))  # (batch, patches, width)
        area = drawn["targets"].shape[-1]
        every = ops.reshape(drawn["targets"], (-1, self.blocks * area))
        target = ops.reshape(gather_tokens(whole, every), (-1, self.blocks, area, whole.shape[-1]))
        return {"prediction": self._predict(context, drawn, training), "target": target}

    def objective(self, batch: Any, outputs: Any, sample_weight: Any, training: bool) -> Any:
        """Return the smooth absolute error, averaged over blocks, patches and features."""
        target = ops.stop_gradient(outputs["target"])
        errors = keras.losses.huber(target, outputs["prediction"])  # (batch, blocks, patches)
        self.spread_mean.update_state(ops.mean(ops.std(target, axis=(0, 1, 2))))
        return self.average(ops.mean(errors, axis=(1, 2)), sample_weight)

    def embed(self, x: Any) -> Any:
        """Return the mean `(batch, width)` of the student's tokens of the whole image.

        The paper takes the teacher's, which no one can fine-tune; at the end of a training whose
        momentum rises to 1 they differ little.
        """
        tokens = self.encoder(self.positions(self.embedding(pick(x))))  # (batch, patches, width)
        return ops.mean(tokens, axis=1)

    def _predict(self, context: Any, drawn: dict[str, Any], training: bool) -> Any:
        """Return `(batch, blocks, patches of a block, width)`, each block from the context."""
        kept, area, narrow = drawn["context"].shape[1], drawn["targets"].shape[2], self.predictor
        table = ops.convert_to_tensor(self.predictor_positions.table)  # (patches, narrow width)
        seen = self.to_predictor(context)
        seen = seen + ops.cast(ops.take(table, drawn["context"], axis=0), seen.dtype)
        asked = ops.cast(self.mask_token, seen.dtype)
        asked = asked + ops.cast(ops.take(table, drawn["targets"], axis=0), seen.dtype)
        seen = ops.repeat(seen, self.blocks, axis=0)  # (batch · blocks, kept, narrow width)
        asked = ops.reshape(asked, (-1, area, narrow.width))  # (batch · blocks, area, …)
        tokens = narrow(ops.concatenate([seen, asked], axis=1), training=training)
        found = self.to_target(tokens[:, kept:])
        return ops.reshape(found, (-1, self.blocks, area, found.shape[-1]))
