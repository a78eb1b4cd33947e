"""Calls of the noise schedules and of the steps from noise to data."""

from __future__ import annotations

from typing import Any

import numpy as np
from golden_calls.common import Case
from keras import ops

from kssl import diffusion, losses
from kssl.losses.diffusion import PREDICTIONS


def schedule_of(case: Case, kind: str | None = None) -> diffusion.NoiseSchedule:
    if (kind or case.schedule) == "linear":
        return diffusion.NoiseSchedule("linear", case.T, (case.beta_start, case.beta_end))
    return diffusion.NoiseSchedule("cosine", case.T, offset=case.s, max_beta=case.max_beta)


def schedule(case: Case, kind: str) -> dict[str, Any]:
    made = schedule_of(case, kind)
    at = case.timesteps
    return {"betas": made.betas[at], "alphas_cumprod": made.signal[at]}


def add_noise(case: Case) -> dict[str, Any]:
    made = schedule_of(case)
    signal = np.square(ops.convert_to_numpy(made.rates(case.timesteps)[0]))
    return {
        "x_t": made.add_noise(case.x0, case.noise, case.timesteps),
        "velocity": losses.diffusion_target(case.x0, case.noise, signal, "v"),
    }


def convert(case: Case) -> dict[str, Any]:
    rates = schedule_of(case).rates(case.timesteps)
    return {
        kind: diffusion.convert(case.x_t, case.model_output, rates, kind) for kind in PREDICTIONS
    }


def ddpm_step(case: Case) -> dict[str, Any]:
    made = schedule_of(case)
    rates, following = made.rates(case.timesteps), made.rates(case.timesteps - 1)
    clean = diffusion.convert(case.x_t, case.model_output, rates, case.prediction)["x0"]
    clean = ops.clip(clean, -1.0, 1.0) if case.clip else clean
    return {"x0": clean, **diffusion.ddpm_step(case.x_t, clean, rates, following)}


def ddim_timesteps(case: Case) -> dict[str, Any]:
    made = diffusion.NoiseSchedule("cosine", case.T)
    return {
        spacing: made.levels(case.num_steps, spacing)
        for spacing in ("leading", "trailing", "linspace")
    }


def ddim_step(case: Case) -> dict[str, Any]:
    made = schedule_of(case)
    rates, following = made.rates(case.timesteps), made.rates(case.previous_timesteps)
    found = diffusion.convert(case.x_t, case.model_output, rates, case.prediction)
    step = diffusion.ddim_step(found["x0"], found["epsilon"], rates, following, case.eta)
    drawn = ops.reshape(step["sigma"], (-1, 1)) * case.noise
    return {"x0": found["x0"], **step, "x_prev": step["mean"] + drawn}


def guidance(case: Case) -> dict[str, Any]:
    return {"out": diffusion.classifier_free_guidance(case.cond, case.uncond, case.scale)}


def min_snr_weights(case: Case) -> dict[str, Any]:
    snr = schedule_of(case).snr(case.timesteps)
    weights = {
        kind: losses.diffusion_weight(snr, kind, "min_snr", case.gamma) for kind in PREDICTIONS
    }
    return {"snr": snr, **weights}


def edm_preconditioning(case: Case) -> dict[str, Any]:
    settings = {"weighting": "edm", "sigma_data": case.sigma_data}
    return {
        **diffusion.edm_preconditioning(case.sigma, case.sigma_data),
        "loss_weight": losses.diffusion_weight(case.sigma**-2.0, "x0", **settings),
    }


def edm_sigmas(case: Case) -> dict[str, Any]:
    settings = (case.num_steps, case.sigma_min, case.sigma_max, case.rho)
    return {"sigmas": diffusion.edm_sigmas(*settings)}


def edm_heun_step(case: Case) -> dict[str, Any]:
    ends = (case.sigma, case.sigma_next)
    euler = diffusion.euler_step(case.x, case.denoised, *ends)
    heun = diffusion.heun_step(case.x, case.denoised, euler, case.denoised_next, *ends)
    return {"euler": euler, "heun": heun}
