"""The same steps as PyTorch users would write them for a GPU: compiled, bfloat16, fused AdamW."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networks
import torch
from torch.nn import functional

from gpu import data as datasets
from gpu.findings import say
from gpu.sizes import Size
from gpu.views import random_view

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
Step = Callable[[], torch.Tensor]


def rate(part: int, job: str, workload: str, size: Size, folder: Path) -> None:
    """Measure the steps of a workload, in rounds of which the first compiles."""
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")  # TF32, where bfloat16 is not used
    step, unit, each = WORKLOADS[workload](size, folder)
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(size.steps):
            loss = step()
        float(loss)  # waits for the device
        seconds.append(time.perf_counter() - began)
    usual = statistics.median(seconds[1:])
    peak = torch.cuda.max_memory_allocated() / 2**30 if DEVICE.type == "cuda" else None
    facts = {"unit": unit, "value": size.steps * size.batch * each / usual, "peak_gib": peak}
    say(part, job, "rate", **facts, compile_seconds=max(0.0, seconds[0] - usual), loss=float(loss))


def trainer(
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_of: Callable[[], torch.Tensor],
    clip: float | None = None,
    after: Callable[[], None] | None = None,
) -> Step:
    """Return a training step that computes the loss in bfloat16, compiled on a GPU."""
    parameters = list(network.parameters())
    # On a processor this is a try of the script: the compiler would take most of its time.
    compiled = torch.compile(loss_of) if DEVICE.type == "cuda" else loss_of

    def step() -> torch.Tensor:
        with torch.autocast(DEVICE.type, torch.bfloat16):
            loss = compiled()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        if after is not None:
            after()
        return loss.detach()

    return step


def adamw(network: torch.nn.Module, rate: float, decay: float, beta: float) -> Any:
    settings = {"betas": (0.9, beta), "weight_decay": decay, "fused": True}
    return torch.optim.AdamW(network.parameters(), rate, **settings)


def gpt(size: Size, folder: Path) -> tuple[Step, str, int]:
    text, _, vocabulary = datasets.read_text(folder)
    ids, context = torch.from_numpy(text).long().to(DEVICE), size.network["context"]
    network = networks.GPT(vocabulary, **size.network).to(DEVICE)
    places = torch.arange(context + 1, device=DEVICE)

    def loss() -> torch.Tensor:
        starts = torch.randint(len(ids) - context, (size.batch, 1), device=DEVICE)
        rows = ids[starts + places]  # (batch, context + 1)
        logits = network(rows[:, :-1])
        return functional.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())

    return trainer(network, adamw(network, 1e-3, 0.1, 0.99), loss, 1.0), "tokens/s", context


def simclr(size: Size, folder: Path) -> tuple[Step, str, int]:
    pixels = torch.from_numpy(datasets.read_images(folder)["train"][0]).to(DEVICE)
    pixels = pixels.permute(0, 3, 1, 2)  # of images as they are: channels last
    width, hidden = size.network["width"], size.network["hidden"]
    network = networks.resnet18_with_head(hidden, width=width).to(DEVICE)
    optimizer = torch.optim.SGD(network.parameters(), 0.12, momentum=0.9, fused=True)

    def loss() -> torch.Tensor:
        chosen = torch.randint(len(pixels), (size.batch,), device=DEVICE)
        images = pixels[chosen].float() / 255
        views = torch.cat([random_view(images), random_view(images)])
        return networks.nt_xent(network(views.contiguous(memory_format=torch.channels_last)))

    return trainer(network, optimizer, loss), "images/s", 1


def mae(size: Size, folder: Path) -> tuple[Step, str, int]:
    sizes = size.network
    network = networks.vit_mae(sizes["patch"], sizes["encoder"], sizes["decoder"]).to(DEVICE)
    images = torch.rand(size.batch, 3, 32, 32, device=DEVICE)
    optimizer = adamw(network, 2.4e-3, 0.05, 0.95)
    return trainer(network, optimizer, lambda: network(images).loss), "images/s", 1


def diffusion(size: Size, folder: Path) -> tuple[Step, str, int]:
    network = networks.unet(**size.network).to(DEVICE, memory_format=torch.channels_last)
    parameters = list(network.parameters())
    averages = [each.detach().clone() for each in parameters]
    optimizer = torch.optim.Adam(parameters, lr=2e-4, fused=True)
    signal = (1 - torch.linspace(1e-4, 0.02, 1000, device=DEVICE)).cumprod(0).view(-1, 1, 1, 1)
    images = 2 * torch.rand(size.batch, 3, 32, 32, device=DEVICE) - 1
    images = images.contiguous(memory_format=torch.channels_last)

    def loss() -> torch.Tensor:
        noise, times = torch.randn_like(images), torch.randint(1000, (size.batch,), device=DEVICE)
        kept = signal[times]
        noisy = kept.sqrt() * images + (1 - kept).sqrt() * noise
        return functional.mse_loss(network(noisy, times).sample.float(), noise)

    @torch.no_grad()
    def average() -> None:
        torch._foreach_lerp_(averages, parameters, 1e-4)

    return trainer(network, optimizer, loss, 1.0, average), "images/s", 1


def bert(size: Size, folder: Path) -> tuple[Step, str, int]:
    from bert_step import batch

    sizes = size.network
    network = networks.bert(**sizes).to(DEVICE)
    arrays = batch(size.batch, sizes["length"], sizes["vocabulary"])
    given = {key: torch.from_numpy(value).long().to(DEVICE) for key, value in arrays.items()}
    target = given["target"].masked_fill(given["target"] < 0, -100)

    def loss() -> torch.Tensor:
        return network(
            input_ids=given["tokens"],
            attention_mask=given["padding_mask"],
            token_type_ids=given["segment"],
            labels=target,
            next_sentence_label=given["is_next"],
        ).loss

    return (
        trainer(network, adamw(network, 1e-4, 0.01, 0.999), loss, 1.0),
        "tokens/s",
        sizes["length"],
    )


WORKLOADS = {"gpt": gpt, "simclr": simclr, "mae": mae, "diffusion": diffusion, "bert": bert}
