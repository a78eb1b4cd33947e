"""A vocabulary of a few words, and small networks that read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from kssl import models, pretext
from kssl.evaluation import Task

LETTERS = "a b c d e f g h what is the in we saw met . ?".split()
KNOWN = pretext.train_vocabulary([" ".join(LETTERS)], "words")
LENGTH = 32


class Split:
    """What is asked of a split: its vocabulary."""

    transforms = ()
    vocabulary = KNOWN


def made(model: Any) -> Task:
    keras.utils.set_random_seed(0)
    model.build((None, LENGTH))
    return Task(model, None, Split(), Split())


@pytest.fixture(scope="session")
def bert() -> Task:
    return made(models.BERT(KNOWN.size, depth=1, heads=2, width=32, dropout=0.0))


@pytest.fixture(scope="session")
def gpt() -> Task:
    return made(models.GPT(KNOWN.size, depth=1, heads=2, width=32))


@pytest.fixture(scope="session", params=["bert", pytest.param("gpt", marks=pytest.mark.slow)])
def reader(request: pytest.FixtureRequest) -> Task:
    """A network that looks to both sides, and a causal one."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def known() -> Any:
    return KNOWN


@pytest.fixture
def letters() -> list[str]:
    return LETTERS


@pytest.fixture
def words() -> Callable[[np.random.RandomState, int], list[str]]:
    def drawn(random: np.random.RandomState, count: int) -> list[str]:
        return [str(word) for word in random.choice(LETTERS[:8], count)]

    return drawn
