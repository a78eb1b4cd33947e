"""Runs: a recipe trained, evaluated and reported; everything that can be done with the result.

Importing this room imports neither Keras nor TensorFlow.

Example:
    >>> recipe = kssl.recipe.load("vae_mnist", ["data=digits", "evaluate=[knn]", "fit.epochs=1"])
    >>> kssl.runs.fit(recipe)  # doctest: +SKIP
    Run('runs/vae_mnist/1')
"""

from __future__ import annotations

from kssl.runs.costs import dry_run, length_of
from kssl.runs.directory import ROOT, Run, current, list_runs
from kssl.runs.embed import embed
from kssl.runs.evaluate import evaluate
from kssl.runs.export import export
from kssl.runs.load import Loaded, load
from kssl.runs.neighbours import neighbours
from kssl.runs.own_data import data_for_recipe
from kssl.runs.plan import Prepared, prepare
from kssl.runs.preview import listed, make_example, preview
from kssl.runs.sample import Sampling, sample_images, sample_texts, sampling
from kssl.runs.starter import starter
from kssl.runs.train import fit

__all__ = [
    "ROOT",
    "Loaded",
    "Prepared",
    "Run",
    "Sampling",
    "current",
    "data_for_recipe",
    "dry_run",
    "embed",
    "evaluate",
    "export",
    "fit",
    "length_of",
    "list_runs",
    "listed",
    "load",
    "make_example",
    "neighbours",
    "prepare",
    "preview",
    "sample_images",
    "sample_texts",
    "sampling",
    "starter",
]
