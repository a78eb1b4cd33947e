"""Modules and arguments that had another name in version 0.1: both work for one more version."""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# Below kssl: where a module was, and where it is now.
_TABLE = """
data.arrays data.sources.arrays
data.audio data.sources.audio
data.blocks data.text.packing
data.captions data.sources.captions
data.clips data.files.items
data.corpus data.text.corpus
data.embedded data
data.feeding data.array_batches
data.finding data.locate
data.fitting data.tables.encode
data.folder data.files.folder
data.images data.sources.images
data.naming data.files.array_names
data.pixels data.files.image
data.preparing data.sources.tfds_builder
data.reading data.files.decode
data.reading_text data.text.reader
data.samples data
data.sentences data.text.sentences
data.serving data.from_arrays
data.tabular data.sources.tabular
data.tfds data.sources.tfds
data.tokens data.sources.tokens
data.video data.sources.video
data.vocabularies tokenizers.cache
devices system.devices
environment system.environment
evaluation.classifier evaluation.finetuning.network
evaluation.denoising evaluation.generation.denoising
evaluation.finetune evaluation.finetuning.few_label
evaluation.finetuning.classifier evaluation.finetuning.network
evaluation.finetuning.compared evaluation.finetuning.comparison
evaluation.finetuning.draws evaluation.finetuning.protocol
evaluation.finetuning.text_answers evaluation.finetuning.answers
evaluation.finetuning.text_data evaluation.finetuning.labelled_text
evaluation.finetuning.text_finetune evaluation.finetuning.text_rows
evaluation.finetuning.text_head evaluation.finetuning.heads
evaluation.finetuning.text_scores evaluation.finetuning.scores
evaluation.finetuning.text_tasks evaluation.finetuning.text_classification
evaluation.likelihood evaluation.generation.likelihood
evaluation.masked_accuracy evaluation.language.masked_accuracy
evaluation.perplexity evaluation.language.perplexity
evaluation.reconstruction evaluation.generation.reconstruction
evaluation.sample_classifier evaluation.generation.sample_classifier
evaluation.sample_quality evaluation.generation.sample_quality
evaluation.text_answers evaluation.finetuning.answers
evaluation.text_data evaluation.finetuning.labelled_text
evaluation.text_finetune evaluation.finetuning.text_rows
evaluation.text_head evaluation.finetuning.heads
evaluation.text_scores evaluation.finetuning.scores
evaluation.text_tasks evaluation.finetuning.text_classification
evaluation.zero_shot evaluation.language.zero_shot
export runs.export
files system.files
layers.conditioning diffusion.guidance
models.denoising_autoencoder models.autoencoder
layers.denoising_steps diffusion.samplers
layers.noise_schedule diffusion
layers.reverse_process diffusion.reverse_process
memory system.memory
notices runs.notices
pretext.captions pretext.pair.captions
pretext.color pretext.image.color
pretext.color_bins pretext.image.color_bins
pretext.color_jitter pretext.image.color_jitter
pretext.colorization pretext.image.colorization
pretext.companding pretext.audio.companding
pretext.counting pretext.image.counting
pretext.encoders tokenizers.encode
pretext.frames pretext.video.frames
pretext.geometry pretext.image.geometry
pretext.grids pretext.image.grids
pretext.infilling pretext.text.infilling
pretext.inpainting pretext.image.inpainting
pretext.jigsaw pretext.image.jigsaw
pretext.language pretext.text.language
pretext.layout pretext.text.layout
pretext.patch_masking pretext.image.patch_masking
pretext.permutations pretext.image.permutations
pretext.pixels pretext.image.pixels
pretext.reference pretext.video.reference
pretext.relative_position pretext.image.relative_position
pretext.rotation pretext.image.rotation
pretext.rows pretext.table.rows
pretext.sentence_tasks pretext.text.sentence_tasks
pretext.sequences pretext.audio.sequences
pretext.shuffling pretext.text.shuffling
pretext.spans pretext.text.spans
pretext.token_masking pretext.text.token_masking
pretext.tokenize pretext.text.tokenize
pretext.view pretext.image.view
pretext.views pretext.image.views
pretext.vocabulary tokenizers.vocabulary
pretext.vocabulary_training tokenizers.train
pretext.word_pairs pretext.text.word_pairs
preview runs
processes system.processes
report.diffusion report.diffusion_figures
run runs
trained runs
training runs
"""
MOVED = dict(line.split() for line in _TABLE.strip().splitlines())


class Finder:
    """Finds a module under its old name, with a warning that says the new one."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        """Return how to import a module that has moved; None for any other."""
        package, _, old = name.partition(".")
        if package != "kssl" or old not in MOVED:
            return None
        return importlib.machinery.ModuleSpec(name, _Alias(f"kssl.{MOVED[old]}"))  # type: ignore[arg-type]

    def invalidate_caches(self) -> None:
        """There are none."""


class _Alias:
    def __init__(self, new: str) -> None:
        self.new = new

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        warn(spec.name, self.new)
        module = importlib.import_module(self.new)
        self.own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own  # the import system has put the old name's there


def warn(old: str, new: str) -> None:
    """Say that a name has moved."""
    message = f"{old} has moved: use {new}; the old name works in this version only"
    warnings.warn(message, FutureWarning, stacklevel=3)


def renamed(**names: str) -> Callable[[F], F]:
    """Let a function, or a constructor, take arguments under the names they had in version 0.1.

    A recipe may use the old names too, and so may the configuration in a saved model.

    Args:
        **names: Old name -> new name.

    Raises:
        TypeError: In a call that gives an argument under both names.

    Example:
        >>> @renamed(entrance_strides="stem_strides")
        ... def network(stem_strides=1):
        ...     return stem_strides
        >>> network(entrance_strides=2)         # with a FutureWarning
        2
    """

    def decorate(function: F) -> F:
        owner = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **under_new_names(owner, names, kwargs))

        # Keras reads a constructor without looking behind its wrapper.
        call.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        call.renamed = names  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return decorate


def under_new_names(
    owner: str, names: Mapping[str, str], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return arguments with those that have been renamed under their new names.

    Args:
        owner: Whose arguments they are, for the warning.
        names: Old name -> new name.
        given: The arguments.

    Raises:
        TypeError: One is given under both names.
    """
    found = dict(given)
    for old in names.keys() & found.keys():
        new = names[old]
        if new in found:
            raise TypeError(f"{owner}: {old} and {new} are the same: give {new} alone")
        message = f"{owner}: {old} is now {new}; the old name works in this version only"
        warnings.warn(message, FutureWarning, stacklevel=3)
        found[new] = found.pop(old)
    return found


def install() -> None:
    """Make the old names importable."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
