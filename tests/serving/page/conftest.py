"""Pages over the tiny bundle."""

import pytest

from serving.page.controls import MemorySettings
from serving.page.homepage import Homepage
from serving.page.parts import PageParts
from serving.page.viewers import LiveViewers
from serving.recommender import Recommender


@pytest.fixture
def home(recommender: Recommender) -> Homepage:
    live = LiveViewers()
    recommender.state.tell(live)
    return Homepage(recommender, PageParts.load(recommender.bundle), live, MemorySettings())
