"""Evaluations: how good a model is, each number beside its baselines.

`knn`, `linear`, `retrieval`, `reconstruction`, `denoising` and `log_likelihood` are factories:
they take settings and return a function of a `Task` that returns a list of `Result`s.
"""

from __future__ import annotations

from kssl.evaluation.base import Result, Skipped, Task
from kssl.evaluation.denoising import denoising
from kssl.evaluation.likelihood import bits_per_dim, independent_pixels, log_likelihood
from kssl.evaluation.probes import knn, knn_predict, linear, linear_accuracy
from kssl.evaluation.reconstruction import reconstruction
from kssl.evaluation.retrieval import nearest_neighbours, retrieval

__all__ = [
    "Result",
    "Skipped",
    "Task",
    "bits_per_dim",
    "denoising",
    "independent_pixels",
    "knn",
    "knn_predict",
    "linear",
    "linear_accuracy",
    "log_likelihood",
    "nearest_neighbours",
    "reconstruction",
    "retrieval",
]
