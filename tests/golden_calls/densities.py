"""Calls of the losses of latent variables, energies, noise levels and words."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden_calls.common import Case, averaged, mean_of
from keras import ops

from kssl import losses


def gaussian_reconstruction(case: Case) -> dict[str, Any]:
    half = 0.5 * losses.reconstruction(case.x, case.x_hat)
    nll = losses.reconstruction(case.x, case.x_hat, "gaussian", case.log_var)
    return {
        "half_squared_error": half,
        "mean_half_squared_error": ops.mean(half),
        "nll": nll,
        "mean_nll": ops.mean(nll),
    }


def negative_elbo(case: Case) -> dict[str, Any]:
    bernoulli = case.likelihood == "bernoulli"
    kind, factor = ("bernoulli", 1.0) if bernoulli else ("squared", 0.5)
    error = factor * losses.reconstruction(case.x, case.decoder_output, kind)
    kl = losses.gaussian_kl(case.mu, case.log_var)
    return {
        "reconstruction": error,
        "kl": kl,
        "per_example": losses.elbo(error, kl, case.beta),
        "mean": mean_of(losses.ELBO(case.beta), error, kl),
    }


def importance_log_likelihood(case: Case) -> dict[str, Any]:
    batch, samples, latent = case.z.shape

    def log_density(values: Any, prediction: Any, kind: str, log_variance: Any = 0.0) -> Any:
        pairs = np.broadcast_arrays(values, prediction, log_variance)
        flat = [pair.reshape(batch * samples, -1) for pair in pairs]
        found = losses.reconstruction(flat[0], flat[1], kind, flat[2])
        return -np.reshape(ops.convert_to_numpy(found), (batch, samples))

    mean, spread = case.mu[:, None], case.log_var[:, None]
    parts = {
        "log_px_given_z": log_density(case.x[:, None], case.z @ case.W + case.b, "bernoulli"),
        "log_pz": log_density(case.z, np.zeros(latent), "gaussian"),
        "log_qz_given_x": log_density(case.z, mean, "gaussian", spread),
    }
    weights = parts["log_px_given_z"] + parts["log_pz"] - parts["log_qz_given_x"]
    estimate = -losses.importance_weighted_bound(weights)
    return {**parts, "log_weights": weights, "per_example": estimate, "mean": ops.mean(estimate)}


def cbow(case: Case) -> dict[str, Any]:
    hidden = losses.context_mean(case.context, case.context_mask)
    values = losses.negative_sampling(hidden, case.target, case.negatives)
    return {"hidden": hidden, **averaged("per_example", values)}


def mlm_loss(case: Case) -> dict[str, Any]:
    loss = losses.MaskedCrossEntropy()
    return {
        "per_position": losses.masked_cross_entropy(case.labels, case.logits),
        "loss": mean_of(loss, case.labels, case.logits, case.weights),
    }


def rbm(case: Case) -> dict[str, Any]:
    def free_energy(visible: Any) -> Any:
        return losses.rbm_free_energy(visible, case.W, case.b, case.c)

    difference = losses.contrastive_divergence(case.v, case.v_model, free_energy)
    return {
        "free_energy": free_energy(case.v),
        "free_energy_model": free_energy(case.v_model),
        "contrastive_divergence_loss": ops.mean(difference),
    }
