from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.bundle import Bundle
from towers.history import EMPTY_HISTORY, History


def test_a_batch_and_its_parts_agree(tiny_bundle: Bundle) -> None:
    histories = [History.of(np.array([3, 4, 5]), np.array([0, 1000, 2000])), EMPTY_HISTORY]
    moments = np.array([5000, 6000])
    contexts: list[dict[str, str]] = [{"device": "tv"}, {}]
    together = _encode(tiny_bundle, histories, moments, contexts)
    alone = [_encode(tiny_bundle, histories[b : b + 1], moments[b : b + 1], contexts[b : b + 1])[0] for b in range(2)]
    assert np.allclose(together, alone, atol=1e-6)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)


def _encode(
    bundle: Bundle, histories: list[History], moments: NDArray[np.int64], contexts: list[dict[str, str]]
) -> NDArray[np.float32]:
    return bundle.encoder.encode(bundle.spec.batch(histories, moments, contexts), bundle.item_tokens)
