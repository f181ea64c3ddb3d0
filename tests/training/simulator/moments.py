"""Sessions made up for tests."""

from __future__ import annotations

import numpy as np

from training.simulator.sessions import PHONE, TV, Sessions
from training.simulator.world import START_MS, World


def evenings(world: World, is_late: bool = False, is_together: bool = False, device: int = TV) -> Sessions:
    """A session of every viewer, at eight in the evening or at night."""
    who = np.arange(len(world.viewers.rate))
    return Sessions(
        viewer=who,
        profile=world.viewers.profile,
        number=np.zeros_like(who),
        session=who,
        start_ms=np.full(len(who), START_MS),
        hour=np.full(len(who), 23 if is_late else 20),
        device=np.full(len(who), device),
        is_together=np.full(len(who), is_together),
        patience_s=np.full(len(who), 75.0),
    )


def nights_with_company_on_the_phone(world: World) -> Sessions:
    """Everything about the moment is different."""
    return evenings(world, is_late=True, is_together=True, device=PHONE)
