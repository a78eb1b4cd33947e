"""Calls of the losses of two or more views, and of data against noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden_calls.common import Case, averaged, mean_of
from keras import ops

from kssl import losses


def nce(case: Case) -> dict[str, Any]:
    given = (case.log_p_data, case.log_p_noise, case.log_q_data, case.log_q_noise)
    model, noise = (
        np.concatenate([data[:, None], others], axis=1) for data, others in (given[:2], given[2:])
    )
    loss = losses.NCE(offset=case.k_offset)
    return {
        "per_example": losses.nce(*given, offset=case.k_offset),
        "mean": mean_of(loss, noise, model),
    }


def nce_gaussian(case: Case) -> dict[str, Any]:
    def log_model(points: Any) -> Any:
        return -0.5 * ((points - case.mu) / np.exp(case.log_sigma)) ** 2 + case.c

    def log_noise(points: Any) -> Any:
        return -0.5 * points**2 - 0.5 * np.log(2 * np.pi)

    x, noise = case.x, case.noise[:, None]
    values = losses.nce(log_model(x), log_model(noise), log_noise(x), log_noise(noise))
    return averaged("per_example", values)


def info_nce(case: Case) -> dict[str, Any]:
    negatives = case.queue if "queue" in case else case.negatives
    settings = {"temperature": case.temperature, "normalize": case.get("normalize", True)}
    return averaged("per_query", losses.info_nce(case.query, case.positive, negatives, **settings))


def info_nce_in_batch(case: Case) -> dict[str, Any]:
    settings = case.given("temperature", "normalize")
    per_a, per_b = (
        losses.info_nce(*views, **settings) for views in ((case.a, case.b), (case.b, case.a))
    )
    both = losses.InfoNCE(symmetric=True, **settings)
    return {
        "per_a": per_a,
        "per_b": per_b,
        "mean_a": ops.mean(per_a),
        "mean_b": mean_of(losses.InfoNCE(**settings), case.a, case.b),
        "symmetric": mean_of(both, case.a, case.b),
    }


def nt_xent(case: Case) -> dict[str, Any]:
    return {
        "per_anchor": losses.nt_xent(case.a, case.b, case.temperature),
        "mean": mean_of(losses.NTXent(case.temperature), case.a, case.b),
    }


def clip(case: Case) -> dict[str, Any]:
    settings = {"temperature": float(np.exp(-case.logit_scale))}
    per_image = losses.info_nce(case.image, case.text, **settings)
    per_text = losses.info_nce(case.text, case.image, **settings)
    return {
        "per_image": per_image,
        "per_text": per_text,
        "mean_image": ops.mean(per_image),
        "mean_text": ops.mean(per_text),
        "loss": mean_of(losses.CLIP(case.logit_scale), case.image, case.text),
    }


def siglip(case: Case) -> dict[str, Any]:
    settings = case.given("logit_scale", "logit_bias")
    return {
        "per_text": losses.siglip(case.image, case.text, **settings),
        "loss": mean_of(losses.SigLIP(**settings), case.image, case.text),
    }


def barlow_twins(case: Case) -> dict[str, Any]:
    on_diagonal = losses.barlow_twins(case.a, case.b, redundancy_weight=0.0)
    loss = losses.BarlowTwins(redundancy_weight=case.lambda_param)
    return {"on_diag": on_diagonal, "loss": mean_of(loss, case.a, case.b)}


def vicreg(case: Case) -> dict[str, Any]:
    parts = losses.vicreg_parts(case.a, case.b)
    loss = losses.VICReg(case.inv_weight, case.var_weight, case.cov_weight)
    named = dict(zip(("invariance", "variance", "covariance"), parts, strict=True))
    return {**named, "loss": mean_of(loss, case.a, case.b)}


def negative_cosine(case: Case) -> dict[str, Any]:
    return {
        "per_example": losses.negative_cosine(case.b, case.a),
        "mean": mean_of(losses.NegativeCosine(), case.b, case.a),
    }


def byol(case: Case) -> dict[str, Any]:
    each = {
        "12": 2 + 2 * losses.negative_cosine(case.z2, case.p1),
        "21": 2 + 2 * losses.negative_cosine(case.z1, case.p2),
    }
    per_example = {f"per_example_{pair}": values for pair, values in each.items()}
    means = {f"mean_{pair}": ops.mean(values) for pair, values in each.items()}
    return {**per_example, **means, "loss": means["mean_12"] + means["mean_21"]}


def simsiam(case: Case) -> dict[str, Any]:
    loss = losses.NegativeCosine()
    return {"loss": (mean_of(loss, case.z2, case.p1) + mean_of(loss, case.z1, case.p2)) / 2}


def dino(case: Case) -> dict[str, Any]:
    teacher, student = (np.swapaxes(each, 0, 1) for each in (case.teacher, case.student))
    settings = case.given("teacher_temperature", "student_temperature")
    loss = losses.DINO(**settings)
    return {
        "loss": mean_of(loss, teacher - case.center, student),
        "new_center": losses.dino_center(case.center, teacher, case.center_momentum),
    }


def swav(case: Case) -> dict[str, Any]:
    high = np.swapaxes(case.high, 0, 1)
    low = np.swapaxes(case.low, 0, 1) if case.low.size else None
    settings = case.given("temperature", "epsilon", "iterations")
    return {"loss": ops.mean(losses.swapped_prediction(high, low, **settings))}
