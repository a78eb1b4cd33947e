"""Learning-rate schedules."""

from __future__ import annotations

# name: (where it is, one line of help)
SCHEDULES = {
    "warmup_cosine": (
        "kssl.optimizers.schedules:WarmupCosine",
        "Linear warm-up, then cosine decay",
    ),
}
