"""Vectors from a file: a `.npy` array, or a Parquet column of lists. Shapes: N vectors, D dimensions."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from training.errors import UsageError

LISTS: Final = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


def read_vectors(path: Path, column: str, *, to_unit_length: bool = False) -> NDArray[np.float32]:
    """Vectors [N, D], finite and none of them zero; a UsageError names the file, the place and the remedy."""
    if not path.is_file():
        raise UsageError(f"no file {path}; give a .npy array [N, D] or a Parquet file with a column of lists")
    if path.suffix not in {".npy", ".parquet"}:
        raise UsageError(f"{path} is neither .npy nor .parquet; write the vectors as one of these")
    vectors = _from_npy(path) if path.suffix == ".npy" else _from_parquet(path, column)
    if len(vectors) == 0 or vectors.shape[1] == 0:
        raise UsageError(f"{path} has shape {vectors.shape}; there is nothing to search")
    lengths = np.linalg.norm(vectors, axis=1)
    _refuse(path, ~np.isfinite(lengths), "is not finite", "mend the model that made it or leave it out")
    _refuse(path, lengths == 0, "is zero, so nothing is near to it", "leave it out")
    return np.ascontiguousarray(vectors / lengths[:, None] if to_unit_length else vectors)


def _from_npy(path: Path) -> NDArray[np.float32]:
    try:
        array = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise UsageError(f"{path} is no array of numbers ({error}); write it with numpy.save(path, float32)") from error
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise UsageError(f"{path} holds {array.dtype} of shape {array.shape}; give numbers of shape [N, D]")
    vectors: NDArray[np.float32] = array.astype(np.float32, copy=False)
    return vectors


def _from_parquet(path: Path, column: str) -> NDArray[np.float32]:
    try:
        names = pq.read_schema(path).names
        if column not in names:
            close = difflib.get_close_matches(column, names, n=1) or names
            raise UsageError(f"{path} has no column {column!r}; give column={close[0]}, one of {', '.join(names[:20])}")
        lists = pq.read_table(path, columns=[column])[column].combine_chunks()
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path} is no Parquet file ({error}); write it anew") from error
    if not (
        pa.types.is_list(lists.type) or pa.types.is_large_list(lists.type) or pa.types.is_fixed_size_list(lists.type)
    ):
        raise UsageError(f"column {column!r} of {path} holds {lists.type}; give a list of numbers in each row")
    _refuse(path, lists.is_null().to_numpy(zero_copy_only=False), "is missing", "leave it out")
    return _stacked(path, lists)


def _stacked(path: Path, lists: Any) -> NDArray[np.float32]:
    lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
    dim = int(lengths[0]) if len(lengths) else 0
    _refuse(path, lengths != dim, f"does not have the {dim} numbers of row 0", "give all of them one length")
    values = lists.flatten().to_numpy(zero_copy_only=False)
    vectors: NDArray[np.float32] = values.astype(np.float32).reshape(len(lengths), dim)
    return vectors


def _refuse(path: Path, is_bad: NDArray[np.bool_], what: str, remedy: str) -> None:
    bad = np.flatnonzero(is_bad)
    if len(bad):
        raise UsageError(f"{path}: vector {bad[0]} {what} ({len(bad)} of {len(is_bad)}); {remedy}")
