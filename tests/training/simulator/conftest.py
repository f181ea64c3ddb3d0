"""A tiny world, written once, and a bundle that learned from its log."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.bundle import Bundle
from training.commands.train import TrainConfig, train
from training.compose import compose
from training.simulator.config import preset
from training.simulator.log import Simulated, write_world
from training.simulator.world import World

QUICK = (
    "preset=nano",
    "data=files",
    "learning.fit.max_epochs=1",
    "ranker.max_epochs=1",
    "slates.max_epochs=1",
    "slates.min_choices=50",
    "watching.max_epochs=1",
    "watching.min_choices=50",
    "ranker.max_queries=40",
    "judge.max_queries=10",
    "learning.questions_a_viewer=1",
    "tracking.enabled=false",
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return write_world(preset("tiny"), 0, tmp_path_factory.mktemp("world")).simulated


@pytest.fixture(scope="session")
def world(tiny: Simulated) -> World:
    return tiny.world


@pytest.fixture(scope="session")
def folder(tiny: Simulated) -> Path:
    return tiny.folder


@pytest.fixture(scope="session")
def bundle(tiny: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("bundle")
    words = [*QUICK, f"data.events={tiny.events}", f"data.items={tiny.items}", f"out={out}"]
    train(compose(TrainConfig, "train", words))
    return Bundle.load(out)
