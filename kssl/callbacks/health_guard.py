"""Whether two-view training learns, or collapses: seen in the embeddings, not in the loss."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kssl.evaluation.representation import alignment, effective_rank, spread, uniformity
from kssl.modalities import of_model
from kssl.models.capabilities import MakesViews, Projects, has

_COLLAPSED = 0.1  # spread
_FEW = 0.05  # of the directions
_SETTLED = 1000  # steps after which moving averages have forgotten where they began


class HealthGuard(keras.callbacks.Callback):
    """Measures the projections of a fixed batch after each epoch, and warns of a collapse.

    It logs `spread` (1: even over the sphere, 0: collapsed), `effective_rank` (directions used),
    `uniformity` (0: collapsed, -4: even) and, where there are two views of an image, `alignment`,
    their distance, 0 at best. These stand in `metrics.csv` and in the report's curves. It warns,
    once of each kind, of a collapse, of few directions used, and of a loss that stays at that of a
    collapsed network: for NT-Xent that is `log(2N - 1)` for N pairs.

    `kssl fit` adds it by itself to any model that has `project`
    (`kssl.models.capabilities.Projects`).

    Args:
        batch: A dict of `view_1` and perhaps `view_2`, `(batch, …)`, whatever else is in it, such
            as `local_views`; or of what the model reads, for one that makes its views itself. As
            many examples as a step of training has.
        patience: Epochs after which a loss at the plateau is warned of.

    Raises:
        ValueError: If `patience` is less than 1.

    Example:
        >>> import keras, kssl
        >>> images = keras.random.uniform((8, 16, 16, 3))
        >>> guard = kssl.callbacks.HealthGuard({"view_1": images, "view_2": images})
    """

    def __init__(self, batch: Mapping[str, Any] | None = None, patience: int = 2) -> None:
        super().__init__()
        if patience < 1:
            raise ValueError(f"patience must be at least 1; got {patience}")
        self.batch = batch
        self.patience = patience
        self.warned: set[str] = set()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.batch is None or not has(self.model, Projects):
            return
        logs = {} if logs is None else logs
        # Not by `predict`, which would be compiled anew in each epoch.
        first, *others = (_array(self.model.project(view)) for view in self._views())
        if len(first) < 2:
            return  # one example is like itself, and tells nothing
        if not np.isfinite(first).all():
            self._warn("nan", "the projections are NaN or infinite: a lower learning rate helps")
            return
        logs["spread"] = spread(first)
        logs["effective_rank"] = effective_rank(first)
        if others:
            logs["alignment"] = alignment(first, others[0])
        logs["uniformity"] = uniformity(first)
        self._advise(epoch, logs, first)

    def _as_in_training(self) -> np.ndarray | None:
        """Project as a step does, by the statistics of the batch; None where nothing differs.

        The moving averages of batch normalization begin far from the data: with them a network that
        learns well gives all images the same projection for some hundred steps.
        """
        layers = self.model._flatten_layers()
        if not any(isinstance(each, keras.layers.BatchNormalization) for each in layers):
            return None
        if "training" not in inspect.signature(self.model.project).parameters:
            return None
        view = self._views()[0]
        kept = [
            (each, keras.ops.convert_to_numpy(each)) for each in self.model.non_trainable_variables
        ]
        try:
            return _array(self.model.project(view, training=True))
        finally:
            for variable, value in kept:
                variable.assign(value)

    def _views(self) -> list[Any]:
        made = [self.batch[key] for key in ("view_1", "view_2") if key in self.batch]
        if made:
            return [keras.ops.convert_to_tensor(view) for view in made]
        examples = keras.ops.convert_to_tensor(of_model(self.model).pick(self.batch))
        if not has(self.model, MakesViews):
            return [examples]
        seeds = [each for each in self.model.variables if each.name == "seed_generator_state"]
        states = [keras.ops.convert_to_numpy(seed) for seed in seeds]
        views = self.model.make_views(examples)
        for seed, state in zip(seeds, states, strict=True):
            seed.assign(state)  # training goes on as if nobody had looked
        return list(views)

    def _steps(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def _advise(self, epoch: int, logs: dict[str, Any], rows: np.ndarray) -> None:
        width = min(rows.shape)
        if _few(rows):  # perhaps by moving averages that have not settled
            trained = self._as_in_training()
            unsettled = trained is not None and np.isfinite(trained).all() and not _few(trained)
            if unsettled and self._steps() < _SETTLED:
                return
            if unsettled:
                self._warn(
                    "averages",
                    f"the projections are nearly the same (spread {logs['spread']:.3f}) by the "
                    "moving averages of batch normalization, which embeddings are made with, and "
                    "not by the statistics of a batch: a lower momentum of these layers helps",
                )
            elif logs["spread"] < _COLLAPSED:
                self._warn(
                    "collapse",
                    f"the projections of all images are nearly the same (spread "
                    f"{logs['spread']:.3f}, 1 is even): {_cure(self.model.loss)} helps",
                )
            else:
                loss = self.model.loss
                lower = "a lower temperature, " * hasattr(loss, "temperature")
                self._warn(
                    "rank",
                    f"only about {logs['effective_rank']:.1f} of {width} directions are used: "
                    f"{lower}stronger views or a normalised projector helps",
                )
        plateau = self._plateau(logs)
        if plateau and epoch + 1 >= self.patience and logs["loss"] > 0.98 * plateau:
            self._warn(
                "plateau",
                f"the loss is still {logs['loss']:.3f}, and {plateau:.3f} is that of a network "
                "with the same projection for every image: a higher learning rate, a lower "
                "temperature or weaker views helps",
            )

    def _plateau(self, logs: Mapping[str, Any]) -> float:
        """The loss of constant projections, for losses with a temperature; else 0."""
        loss = self.model.loss  # Keras' `compile` sets it
        if not hasattr(loss, "temperature") or "loss" not in logs:
            return 0.0
        same = np.ones((len(next(iter(self.batch.values()))), 2), "float32")
        return float(loss(same, same))

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self.warned:
            self.warned.add(kind)
            logging.getLogger("kssl").warning("health: %s", text)


def _array(projections: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(projections, "float32")))


def _few(rows: np.ndarray) -> bool:
    """Whether the projections are nearly the same, or use few directions."""
    return spread(rows) < _COLLAPSED or effective_rank(rows) < _FEW * min(rows.shape)


def _cure(loss: Any) -> str:
    """What helps against a collapse, by what the loss compares."""
    both = "a lower learning rate, a warm-up"
    if not getattr(loss, "spans_batch", False):
        return f"{both}, a predictor and a slower teacher, or a loss with negatives such as nt_xent"
    if hasattr(loss, "temperature"):
        return f"{both}, more negatives (a larger batch) or a lower temperature"
    return f"{both} or more weight on what keeps the features of a batch apart"
