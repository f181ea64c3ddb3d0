"""The head of an order that no viewer changes, kept until the counts behind it do.

Shapes: K candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

from index.topk import Candidates
from serving.pipeline import take

STEP: Final = 256
"""Heads are made in multiples of this, so that requests for a few more find them."""


class _Head(NamedTuple):
    counts: object
    version: Hashable
    size: int
    candidates: Candidates


class StandingOrder:
    """Readers may race: each gets a head of the version that it asked for."""

    def __init__(self) -> None:
        self._kept: _Head | None = None

    def first(self, count: int, counts: object, version: Hashable, made: Callable[[int], Candidates]) -> Candidates:
        """The first `count` of the order by the object `counts` at a version; `made` makes that many where need be."""
        kept = self._kept
        if kept is None or kept.counts is not counts or kept.version != version or kept.size < count:
            size = -(-count // STEP) * STEP
            kept = self._kept = _Head(counts, version, size, made(size))
        return take(kept.candidates, slice(count))
