"""Check kssl against a file of reference values: `python tests/golden.py FILE`.

The file is one JSON object of cases: `{name: {function, inputs, params, expected, …}}`. Each golden
function is one line of the table `CALLS`: it computes, through kssl's public API, what kssl has of
the expected values. Functions that are not in the table are reported as not there yet, and so are
expected values that no call computes. Prints how many cases of each function passed; the exit code
is 1 if any failed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from golden_calls import densities, diffusion, labels, texts, views
from golden_calls import layers as of_layers
from golden_calls.common import Case, averaged
from keras import ops

from kssl import layers, losses

RELATIVE, ABSOLUTE = 1e-4, 1e-5  # of float32

CALLS: dict[str, Callable[[Case], dict[str, Any]]] = {
    # pairs, triplets, tuples
    "contrastive": labels.contrastive,
    "triplet": labels.triplet,
    "triplet_batch_all": lambda c: labels.mined(c, "all", mean_all="all", mean_active="active"),
    "triplet_batch_hard": labels.triplet_batch_hard,
    "triplet_semi_hard_all": lambda c: labels.mined(c, "semi_hard_all", mean="all"),
    "triplet_semi_hard": lambda c: labels.mined(c, "semi_hard", mean="all"),
    "n_pair": lambda c: averaged(
        "per_anchor",
        losses.n_pair(c.anchor, c.positive, c.negatives, normalize=c.normalize),
    ),
    "n_pair_in_batch": labels.n_pair_in_batch,
    "lifted_structured": labels.lifted_structured,
    "soft_nearest_neighbor": labels.soft_nearest_neighbor,
    "supervised_contrastive": labels.supervised_contrastive,
    # noise contrastive
    "nce": views.nce,
    "nce_gaussian": views.nce_gaussian,
    "info_nce": views.info_nce,
    "info_nce_queue": views.info_nce,
    "info_nce_in_batch": views.info_nce_in_batch,
    "nt_xent": views.nt_xent,
    "clip": views.clip,
    "siglip": views.siglip,
    # without negatives, redundancy, clustering
    "barlow_twins": views.barlow_twins,
    "vicreg": views.vicreg,
    "negative_cosine": views.negative_cosine,
    "byol": views.byol,
    "simsiam": views.simsiam,
    "dino": views.dino,
    "sinkhorn": lambda c: {"assignments": losses.sinkhorn(c.scores, c.epsilon, c.iterations)},
    "swav": views.swav,
    # latent variables
    "gaussian_kl_standard": lambda c: averaged("per_example", losses.gaussian_kl(c.mu, c.log_var)),
    "gaussian_kl": lambda c: averaged(
        "per_example",
        losses.gaussian_kl_between(c.mu_q, c.log_var_q, c.mu_p, c.log_var_p),
    ),
    "bernoulli_reconstruction": lambda c: averaged(
        "per_example", losses.reconstruction(c.x, c.logits, "bernoulli")
    ),
    "gaussian_reconstruction": densities.gaussian_reconstruction,
    "negative_elbo": densities.negative_elbo,
    "iwae_bound": lambda c: averaged(
        "per_example", -losses.importance_weighted_bound(c.log_weights)
    ),
    "importance_log_likelihood": densities.importance_log_likelihood,
    # words, tokens
    "skip_gram_negative_sampling": lambda c: averaged(
        "per_pair", losses.negative_sampling(c.center, c.context, c.negatives)
    ),
    "cbow_negative_sampling": densities.cbow,
    "mlm_loss": densities.mlm_loss,
    "noise_distribution": texts.noise_distribution,
    "subsample_keep_probability": texts.keep_probability,
    "t5_span_corruption": texts.span_corruption,
    "t5_random_spans_helper": texts.raw_length,
    "t5_span_counts": texts.span_counts,
    "bart_span_budget": texts.span_budget,
    "bart_infilling": texts.infill,
    # images, teachers, explicit likelihoods
    "patchify": lambda c: {"patches": layers.Patches(c.patch_size)(c.images)},
    "mae_target": of_layers.mae_target,
    "mae_loss": of_layers.mae_loss,
    "mae_random_masking": of_layers.mae_random_masking,
    "sincos_2d": of_layers.sincos_2d,
    "cosine_momentum": of_layers.cosine_momentum,
    "nade": of_layers.nade,
    # energies, noise levels
    "rbm": densities.rbm,
    # diffusion
    "diffusion_schedule_linear": lambda c: diffusion.schedule(c, "linear"),
    "diffusion_schedule_cosine": lambda c: diffusion.schedule(c, "cosine"),
    "diffusion_add_noise": diffusion.add_noise,
    "diffusion_convert": diffusion.convert,
    "ddpm_step": diffusion.ddpm_step,
    "ddim_timesteps": diffusion.ddim_timesteps,
    "ddim_step": diffusion.ddim_step,
    "classifier_free_guidance": diffusion.guidance,
    "min_snr_weights": diffusion.min_snr_weights,
    "edm_preconditioning": diffusion.edm_preconditioning,
    "edm_sigmas": diffusion.edm_sigmas,
    "edm_heun_step": diffusion.edm_heun_step,
}


@dataclass
class Report:
    """What became of the cases of one golden function."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)  # expected values that no call computes


def array_of(value: Any) -> np.ndarray:
    """Return numbers as kssl gets them: float32, whole numbers as int32."""
    array = np.asarray(value)
    return array.astype("float32" if array.dtype.kind == "f" else "int32")


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Describe each value that is not the expected one."""
    wrong = []
    for key, value in found.items():
        if isinstance(value, dict):
            wrong += [f"{key}: {line}" for line in differences(value, expected[key])]
            continue
        got = np.asarray(ops.convert_to_numpy(value), "float64")
        wanted = np.asarray(expected[key], "float64")
        same = got.shape == wanted.shape
        if not (same and np.allclose(got, wanted, rtol=RELATIVE, atol=ABSOLUTE)):
            error = np.abs(got - wanted).max(initial=0.0) if same else got.shape
            wrong.append(f"{key}: off by {error}, expected {wanted.ravel()[:4]}")
    return wrong


def check(cases: dict[str, dict[str, Any]]) -> dict[str, Report]:
    """Run every case; return a report for each golden function."""
    reports: dict[str, Report] = {}
    for name, case in cases.items():
        report = reports.setdefault(case["function"], Report())
        if case["function"] not in CALLS:
            continue
        inputs = {key: array_of(value) for key, value in case["inputs"].items()}
        try:
            found = CALLS[case["function"]](Case({**inputs, **case["params"]}))
            wrong = differences(found, case["expected"])
            report.missing |= case["expected"].keys() - found.keys()
        except Exception as error:
            wrong = [f"{type(error).__name__}: {error}"]
        report.failed += [f"{name}: {line}" for line in wrong[:1]]
        report.passed += not wrong
    return reports


def main(path: str) -> int:
    reports = check(json.loads(Path(path).read_text(encoding="utf-8")))
    for function, report in reports.items():
        if function not in CALLS:
            print(f"{function:30} not there yet")
            continue
        cases = report.passed + len(report.failed)
        absent = f"; not computed: {', '.join(sorted(report.missing))}" if report.missing else ""
        print(f"{function:30} {report.passed}/{cases} passed{absent}")
    failed = [line for report in reports.values() for line in report.failed]
    for line in failed:
        print(f"FAILED {line}")
    passed = sum(report.passed for report in reports.values())
    there = sum(function in CALLS for function in reports)
    print(f"{passed} passed, {len(failed)} failed; {there} of {len(reports)} functions are there")
    return int(bool(failed))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/golden.py FILE")
    sys.exit(main(sys.argv[1]))
