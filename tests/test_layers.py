"""The rooms import in one direction, and the server stays lean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TRAINING_LIBRARIES = ("torch", "pytorch_lightning", "lightning", "mlflow", "hydra", "omegaconf", "pandas", "scipy")


def loaded_by(module: str) -> set[str]:
    """Top-level names in memory after importing the module in a fresh interpreter."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_import_contracts_hold(repository: Path) -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports, "--no-cache"], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["serving.app", "serving.server", "serving.bundle", "serving.recommender"])
def test_the_server_loads_no_training_library(module: str) -> None:
    assert not loaded_by(module) & {*TRAINING_LIBRARIES, "training"}


def test_the_index_loads_no_other_room() -> None:
    loaded = loaded_by("index.base, index.topk")
    assert not loaded & {"torch", "towers", "ranking", "serving", "training"}
