"""Fixtures that every room's tests may ask for."""

import os
from pathlib import Path

import pytest

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """One thread a library: two test workers share few cores, and results then do not depend on the machine."""
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Folder of the sources."""
    return ROOT


@pytest.fixture(scope="session")
def marquee_data() -> Path:
    """Folder of real data sets, from MARQUEE_DATA or beside the repository; the test is skipped where there is none."""
    named = os.environ.get("MARQUEE_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}; set MARQUEE_DATA to a folder that holds ml-1m, ml-latest-small, ...")
    return folder
