"""A tiny world, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.simulator.config import preset
from training.simulator.log import Simulated, write_world
from training.simulator.world import World


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return write_world(preset("tiny"), 0, tmp_path_factory.mktemp("world")).simulated


@pytest.fixture(scope="session")
def world(tiny: Simulated) -> World:
    return tiny.world


@pytest.fixture(scope="session")
def folder(tiny: Simulated) -> Path:
    return tiny.folder
