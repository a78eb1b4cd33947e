"""Diffusion without a network: noise schedules, samplers, guidance."""

from __future__ import annotations

import kssl
from kssl.diffusion.edm import EDMNoise, edm_preconditioning, edm_sigmas
from kssl.diffusion.forward_process import add_noise, convert
from kssl.diffusion.guidance import chosen_labels, classifier_free_guidance, drop_labels
from kssl.diffusion.noise_schedules import NoiseSchedule
from kssl.diffusion.reverse_process import ReverseProcess, SeededNoise, in_batches
from kssl.diffusion.samplers import SAMPLERS, ddim_step, ddpm_step, euler_step, heun_step, renoise

__all__ = [
    "SAMPLERS",
    "EDMNoise",
    "NoiseSchedule",
    "ReverseProcess",
    "SeededNoise",
    "add_noise",
    "chosen_labels",
    "classifier_free_guidance",
    "convert",
    "ddim_step",
    "ddpm_step",
    "drop_labels",
    "edm_preconditioning",
    "edm_sigmas",
    "euler_step",
    "heun_step",
    "in_batches",
    "renoise",
]

kssl._make_known_to_keras()
