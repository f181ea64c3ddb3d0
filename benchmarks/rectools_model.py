"""RecTools' best transformer, eSASRec (SASRec's objective with LiGR layers), at the size it is compared at.

Runs under an interpreter that has RecTools, so what it imports stays inside.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

DIM, LAYERS, HEADS, LENGTH = 64, 2, 2, 200


def model(batch: int, get_trainer: Callable[[], Any]) -> Any:
    """Untrained, with `batch` viewers a step and the full softmax."""
    from rectools.models import SASRecModel
    from rectools.models.nn.transformers.ligr import LiGRLayers

    return SASRecModel(
        n_factors=DIM,
        n_blocks=LAYERS,
        n_heads=HEADS,
        session_max_len=LENGTH,
        loss="softmax",
        batch_size=batch,
        transformer_layers_type=LiGRLayers,
        get_trainer_func=get_trainer,
    )


def is_missing(python: str) -> bool:
    """Whether an interpreter has no RecTools; says so and how to get it."""
    asked = subprocess.run([python, "-c", "import rectools.models"], check=False, capture_output=True)  # noqa: S603
    if asked.returncode:
        print(f"{python} has no RecTools, so there is nothing to compare with: pip install 'rectools[torch]==0.19.0'")
    return bool(asked.returncode)
