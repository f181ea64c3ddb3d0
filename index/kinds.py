"""The kinds of structure that FAISS builds for us, and the effort that buys recall with time in each."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

POINTS_A_LIST: Final = 40
"""Vectors an inverted list is trained on; FAISS warns below 39."""


class Kind(StrEnum):
    """What stands behind; `effort` is what buys recall with time."""

    FLAT = "flat"
    SQ_FP16 = "sq_fp16"
    PQ_FAST_SCAN = "pq_fast_scan"  # effort: candidates rescored for each item asked for
    IVF_SQ_FP16 = "ivf_sq_fp16"  # effort: lists visited (nprobe)
    HNSW_SQ_FP16 = "hnsw_sq_fp16"  # effort: length of the queue (efSearch)


EFFORTS: Final = {
    Kind.FLAT: (1,),
    Kind.SQ_FP16: (1,),
    Kind.PQ_FAST_SCAN: (2, 4, 8, 16, 32),
    Kind.IVF_SQ_FP16: (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512),
    Kind.HNSW_SQ_FP16: (64, 128, 256, 512, 1024),
}
"""Efforts worth trying, ascending."""


def recipe(kind: Kind, num_items: int, dim: int, num_links: int) -> str:
    """In the words of `faiss.index_factory`; 4 sqrt(N) lists, fewer where they could not be trained."""
    num_lists = max(min(int(4 * math.sqrt(num_items)), num_items // POINTS_A_LIST), 1)
    num_parts = dim // 2 if dim % 2 == 0 else dim
    return {
        Kind.FLAT: "Flat",
        Kind.SQ_FP16: "SQfp16",
        Kind.PQ_FAST_SCAN: f"PQ{num_parts}x4fs",
        Kind.IVF_SQ_FP16: f"IVF{num_lists},SQfp16",
        Kind.HNSW_SQ_FP16: f"HNSW{num_links},SQfp16",
    }[kind]
