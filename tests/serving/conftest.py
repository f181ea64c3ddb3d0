"""Tiny bundles for the tests of serving."""

from pathlib import Path

import pytest

from serving.assembly import assemble
from serving.bundle import Bundle
from serving.recommender import Recommender
from tests.bundles import START_MS, TinyConfig, publish_tiny

NOW_MS = START_MS + 100_000_000


@pytest.fixture(scope="session")
def tiny_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Out folder of a bundle with a ranker."""
    out = tmp_path_factory.mktemp("tiny")
    publish_tiny(out)
    return out


@pytest.fixture(scope="session")
def tiny_bundle(tiny_out: Path) -> Bundle:
    return Bundle.load(tiny_out)


@pytest.fixture
def recommender(tiny_bundle: Bundle) -> Recommender:
    """Fresh state, a clock that stands still."""
    return assemble(tiny_bundle, lambda: NOW_MS)


@pytest.fixture(scope="session")
def bundle_without_ranker(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("without-ranker")
    return Bundle.load(publish_tiny(out, TinyConfig(has_ranker=False)))
