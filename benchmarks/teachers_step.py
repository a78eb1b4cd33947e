"""Images per second of a step of MoCo, BYOL, SwAV and DINO, beside plain PyTorch.

Two views of 32 images of 32 x 32, a ResNet-18 with the 3 x 3 entrance, no augmentation and no input
pipeline, SGD with momentum. Both sides do the same: one pass of both views through the student, one
through the teacher where there is one, which follows first, the same heads, queue, prototypes and
centre. The PyTorch ones are written here as a user of lightly writes them, from modules of plain
torch in channels last, its fastest layout on a processor; the teacher follows by
`torch._foreach_lerp_`, which is quicker than a loop over parameters. Each view counts as an image.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from contest import contest, here, pace, table

from kssl.system import devices

PAIRS, STEPS, WARM = 32, 6, 2
METHODS = ("MoCo", "BYOL", "SwAV", "DINO")
SIDES = ("kssl, TensorFlow", "kssl, JAX")
PEER = "PyTorch, channels last"
QUEUE, PROTOTYPES, WIDTH = 4096, 512, 128


def views() -> np.ndarray:
    return np.random.RandomState(0).rand(2, PAIRS, 32, 32, 3).astype("float32")


def rate(step: Callable[[], Any]) -> dict[str, float]:
    return pace(lambda: float(step()), 2 * PAIRS, "images", STEPS, WARM)


def on_keras(method: str) -> dict[str, float]:
    import keras

    from kssl import layers, models

    encoder = layers.ResNet(18)
    settings: dict[str, Any] = {
        "MoCo": {
            "projector": layers.ProjectionHead(WIDTH, 512, normalization=None),
            "queue_size": QUEUE,
        },
        "BYOL": {
            "projector": layers.ProjectionHead(WIDTH, 512),
            "predictor": layers.PredictionHead(WIDTH, 512),
        },
        "SwAV": {"projector": layers.ProjectionHead(WIDTH, 512), "prototypes": PROTOTYPES},
        "DINO": {"prototypes": PROTOTYPES},
    }
    model = getattr(models, method)(encoder, **settings[method])
    model.compile(keras.optimizers.SGD(0.06, momentum=0.9))
    first, second = views()
    batch = {"view_1": first, "view_2": second}
    return rate(lambda: model.train_on_batch(batch))


def on_torch(method: str) -> dict[str, float]:
    import torch

    both = torch.from_numpy(views().reshape(2 * PAIRS, 32, 32, 3)).permute(0, 3, 1, 2)
    both = both.contiguous(memory_format=torch.channels_last)
    peer = {"MoCo": moco, "BYOL": byol, "SwAV": swav, "DINO": dino}[method]
    parameters, loss_of = peer()
    optimizer = torch.optim.SGD(parameters, lr=0.06, momentum=0.9, fused=True)

    def step() -> Any:
        loss = loss_of(both)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return rate(step)


def trunk() -> Any:
    """Return a ResNet-18 up to its 512 features."""
    import networks

    return networks.resnet18_with_head(512)[:-4]


def head(hidden: int = 512, given: int = 512, batch: bool = True) -> Any:
    """Return two dense layers, with batch normalisation between them or without."""
    from torch import nn

    steps = [nn.Linear(given, hidden, bias=not batch)]
    steps += [nn.BatchNorm1d(hidden)] if batch else []
    return nn.Sequential(*steps, nn.ReLU(inplace=True), nn.Linear(hidden, WIDTH))


def teacher_of(student: Any) -> tuple[Any, Callable[[], None]]:
    """Return a copy of a network, and what moves it towards the network."""
    import copy

    import torch

    teacher = copy.deepcopy(student).requires_grad_(False)
    pairs = list(teacher.parameters()), list(student.parameters())
    # Statistics of batch normalisation are those of the teacher's own batches, as in kssl.

    def follow() -> None:
        with torch.no_grad():
            torch._foreach_lerp_(*pairs, 0.01)

    return teacher, follow


def moco() -> tuple[Any, Callable[[Any], Any]]:
    import torch
    from torch import nn
    from torch.nn import functional

    student = nn.Sequential(trunk(), head(batch=False))
    teacher, follow = teacher_of(student)
    queue = functional.normalize(torch.randn(QUEUE, WIDTH))
    place = [0]
    own = torch.zeros(PAIRS, dtype=torch.long)

    def loss_of(both: Any) -> Any:
        follow()
        queries = functional.normalize(student(both)).chunk(2)
        with torch.no_grad():
            keys = functional.normalize(teacher(both)).chunk(2)
        loss = 0.0
        for query, key in zip(queries, keys[::-1], strict=True):
            right = (query * key).sum(1, keepdim=True)
            scores = torch.cat([right, query @ queue.T], dim=1) / 0.2
            loss = loss + functional.cross_entropy(scores, own)
        for key in keys:
            queue[place[0] : place[0] + PAIRS] = key
            place[0] = (place[0] + PAIRS) % QUEUE
        return loss / 2

    return student.parameters(), loss_of


def byol() -> tuple[Any, Callable[[Any], Any]]:
    import torch
    from torch import nn
    from torch.nn import functional

    student, predictor = nn.Sequential(trunk(), head()), head(given=WIDTH)
    teacher, follow = teacher_of(student)

    def loss_of(both: Any) -> Any:
        follow()
        projections = student(both)
        # Each view by itself, as its predictions are made.
        predictions = [predictor(each) for each in projections.chunk(2)]
        with torch.no_grad():
            targets = teacher(both).chunk(2)
        pairs = zip(predictions, targets[::-1], strict=True)
        return sum((2 - 2 * functional.cosine_similarity(*pair)).mean() for pair in pairs) / 2

    return [*student.parameters(), *predictor.parameters()], loss_of


def swav() -> tuple[Any, Callable[[Any], Any]]:
    import torch
    from torch import nn
    from torch.nn import functional

    student, prototypes = nn.Sequential(trunk(), head()), nn.Linear(WIDTH, PROTOTYPES, bias=False)

    def sinkhorn(scores: Any) -> Any:
        logs = scores / 0.05
        for _ in range(3):
            logs = logs - logs.logsumexp(0, keepdim=True)
            logs = logs.log_softmax(1)
        return logs.exp()

    def loss_of(both: Any) -> Any:
        with torch.no_grad():
            prototypes.weight.copy_(functional.normalize(prototypes.weight))
        scores = prototypes(functional.normalize(student(both))).chunk(2)
        with torch.no_grad():
            codes = [sinkhorn(each) for each in scores]
        logs = [(each / 0.1).log_softmax(1) for each in scores]
        pairs = zip(codes, logs[::-1], strict=True)
        return -sum((code * log).sum(1).mean() for code, log in pairs) / 2

    return [*student.parameters(), *prototypes.parameters()], loss_of


def dino() -> tuple[Any, Callable[[Any], Any]]:
    import torch
    from torch import nn
    from torch.nn import functional

    class Head(nn.Module):
        """Three dense layers to unit vectors, and prototypes of norm 1."""

        def __init__(self) -> None:
            super().__init__()
            hidden = [nn.Linear(512, 512), nn.GELU(), nn.Linear(512, 512), nn.GELU()]
            self.steps = nn.Sequential(*hidden, nn.Linear(512, WIDTH))
            self.prototypes = nn.Linear(WIDTH, PROTOTYPES, bias=False)

        def forward(self, features: Any) -> Any:
            rows = functional.normalize(self.steps(features))
            return functional.linear(rows, functional.normalize(self.prototypes.weight))

    student = nn.Sequential(trunk(), Head())
    teacher, follow = teacher_of(student)
    center = torch.zeros(PROTOTYPES)

    def loss_of(both: Any) -> Any:
        follow()
        with torch.no_grad():
            found = teacher(both)
            targets = ((found - center) / 0.04).softmax(1).chunk(2)
        logs = (student(both) / 0.1).log_softmax(1).chunk(2)
        center.mul_(0.9).add_(found.mean(0), alpha=0.1)
        pairs = zip(targets, logs[::-1], strict=True)
        return -sum((target * log).sum(1).mean() for target, log in pairs) / 2

    return student.parameters(), loss_of


def run(contender: str) -> dict[str, float]:
    method, _, side = contender.partition(": ")
    if side == PEER:
        return on_torch(method)
    devices.choose("jax" if side.endswith("JAX") else "tensorflow")
    devices.load_keras()
    return on_keras(method)


def main() -> None:
    for method in METHODS:
        figures = contest(here(__file__), [f"{method}: {side}" for side in (*SIDES, PEER)])
        short = {name.partition(": ")[2]: each for name, each in figures.items()}
        table(f"{method} step, ResNet-18, 2 x 32 views of 32 x 32", "images/s", short, PEER)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1])))
    else:
        main()
