"""Evaluations: how good a model is, each number beside its baselines.

`knn`, `linear`, `clustering`, `finetune`, `few_label`, `detection`, `retrieval`, `reconstruction`,
`denoising`, `dense_error`, `log_likelihood` and `sample_quality`
are factories: they take settings and return a function of a `Task` that returns a list of
`Result`s.
"""

from __future__ import annotations

from kssl.evaluation.base import Result, Skipped, Task
from kssl.evaluation.clustering import clustering
from kssl.evaluation.dense_error import dense_error, peak_signal_to_noise
from kssl.evaluation.finetuning.answers import finetune_answers
from kssl.evaluation.finetuning.detection import detection
from kssl.evaluation.finetuning.few_label import few_label, finetune
from kssl.evaluation.finetuning.scores import answer_f1, entities, entity_f1, exact_match
from kssl.evaluation.finetuning.tagging import finetune_tagging
from kssl.evaluation.finetuning.text_classification import finetune_classification, finetune_pairs
from kssl.evaluation.generation.denoising import denoising
from kssl.evaluation.generation.likelihood import bits_per_dim, independent_pixels, log_likelihood
from kssl.evaluation.generation.reconstruction import reconstruction
from kssl.evaluation.generation.sample_classifier import train_classifier
from kssl.evaluation.generation.sample_quality import (
    frechet_distance,
    precision_recall,
    sample_quality,
)
from kssl.evaluation.language.masked_accuracy import masked_accuracy
from kssl.evaluation.language.perplexity import perplexity
from kssl.evaluation.language.zero_shot import zero_shot
from kssl.evaluation.neighbours import knn_predict
from kssl.evaluation.probes import knn, linear, linear_accuracy
from kssl.evaluation.retrieval import nearest_neighbours, retrieval

__all__ = [
    "Result",
    "Skipped",
    "Task",
    "bits_per_dim",
    "clustering",
    "denoising",
    "dense_error",
    "few_label",
    "finetune",
    "frechet_distance",
    "independent_pixels",
    "knn",
    "knn_predict",
    "linear",
    "linear_accuracy",
    "log_likelihood",
    "nearest_neighbours",
    "peak_signal_to_noise",
    "perplexity",
    "precision_recall",
    "reconstruction",
    "retrieval",
    "sample_quality",
    "masked_accuracy",
    "finetune_answers",
    "answer_f1",
    "entities",
    "entity_f1",
    "exact_match",
    "finetune_classification",
    "finetune_pairs",
    "finetune_tagging",
    "detection",
    "train_classifier",
    "zero_shot",
]
