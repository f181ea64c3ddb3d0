"""Tracking stores for tests: the tables are made once, as that takes seconds, and copied."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from training.tracking import STORE_NAME, Tracking, connect

_TEMPLATE: Final = "empty_store"


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SQLite file with MLflow's tables and no run."""
    path = tmp_path_factory.mktemp(_TEMPLATE) / STORE_NAME
    connect(f"sqlite:///{path}")
    return path


@pytest.fixture
def tracking(empty_store: Path, tmp_path: Path) -> Tracking:
    """Tracking in a store of the test's own."""
    return Tracking(Tracking.Config(uri=f"sqlite:///{shutil.copy(empty_store, tmp_path / STORE_NAME)}"))
