"""Learns to answer bags of items: a linear autoencoder in closed form, cut to a low rank.

The weights of items for each other are those that best restore each viewer's choices when a share of them is hidden
(EDLAE: Steck, Autoencoders that don't overfit towards the identity, NeurIPS 2020, equation 7). An item's weight for
itself never matters, since what is in the bag is not answered: so it is left free while the matrix is cut to its rank.
Shapes: U viewers, N items, R item rows, D rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from towers.bag import FILE, BagTables, is_choice
from towers.history import Histories
from towers.vocabulary import NUM_RESERVED
from training.bundle_files import files_of

NUM_SWEEPS: Final = 6
"""Of the subspace iteration; from the third on the diagonal follows."""

OVERSAMPLING: Final = 16
"""Columns beyond the rank while it is sought."""


@dataclass(frozen=True)
class BagConfig:
    """`dim` is the rank, 0 makes no tables. `hidden` is the share of a viewer's choices that the others must restore,
    `penalty` the L2 penalty of the weights. A viewer with n choices counts n to the power of -`length_damping`.
    The `max_items` most chosen items take part: time grows with their cube, 3,400 take 3 s of CPU.
    """

    dim: int = 256
    hidden: float = 0.33
    penalty: float = 500.0
    length_damping: float = 0.5
    max_items: int = 5_000

    def __post_init__(self) -> None:
        if not 0 <= self.hidden < 1:
            raise ValueError(f"bag.hidden is {self.hidden}; give a share from 0 to below 1")
        if self.penalty <= 0:
            raise ValueError(f"bag.penalty is {self.penalty}; give a number above 0, say 500")


class Autoencoder(NamedTuple):
    """weights: float32 [N, N], of each item (row) for each other (column), 0 on the diagonal. metric: float32 [N, N],
    how much errors of the weights matter.
    """

    weights: NDArray[np.float32]
    metric: NDArray[np.float32]


def fit_bag(histories: Histories, num_rows: int, config: BagConfig, seed: int) -> BagTables | None:
    """Tables over all rows; None where they are switched off or nothing was chosen."""
    choices, rows = chosen(histories, num_rows, config.max_items)
    dim = min(config.dim, len(rows))
    if dim == 0:
        return None
    reading, answering = (np.zeros((num_rows, dim), dtype=np.float32) for _ in range(2))
    reading[rows], answering[rows] = low_rank(autoencoder(choices, config), dim, np.random.default_rng(seed))
    return BagTables(reading, answering)


def bag_file(histories: Histories, num_rows: int, config: BagConfig, seed: int) -> dict[str, bytes]:
    """The tables as a file of a bundle, by its name."""
    tables = fit_bag(histories, num_rows, config, seed)
    return {} if tables is None else files_of(lambda folder: tables.save(folder / FILE))


def chosen(histories: Histories, num_rows: int, max_items: int) -> tuple[sparse.csr_array, NDArray[np.int64]]:
    """Who chose what, binary [U, N], and the rows [N] of the items: the most chosen ones, in order."""
    viewers = np.repeat(np.arange(histories.num_viewers), np.diff(histories.offsets))
    counted = (histories.rows >= NUM_RESERVED) & is_choice(histories.actions)
    ones = np.ones(int(counted.sum()), dtype=np.float32)
    shape = (histories.num_viewers, num_rows)
    matrix = sparse.csr_array((ones, (viewers[counted], histories.rows[counted])), shape=shape)
    matrix.data[:] = 1.0
    counts = matrix.sum(axis=0)
    rows = np.argsort(-counts, kind="stable")[:max_items]
    rows = np.sort(rows[counts[rows] > 0])
    return sparse.csr_array(matrix[:, rows]), rows


def autoencoder(choices: sparse.csr_array, config: BagConfig) -> Autoencoder:
    """The best weights of full rank."""
    lengths = np.maximum(choices.sum(axis=1), 1)
    damped = lengths**-config.length_damping
    damped *= lengths.sum() / (damped * lengths).sum()
    weighted = sparse.diags_array(damped.astype(np.float32)) @ choices
    metric = np.ascontiguousarray((weighted.T @ choices).toarray(), dtype=np.float32)
    diagonal = np.diag_indices(len(metric))
    metric[diagonal] *= 1 / (1 - config.hidden)
    metric[diagonal] += config.penalty
    inverse = linalg.inv(metric, assume_a="pos")
    weights = np.divide(inverse, -np.diag(inverse), out=inverse)
    weights[diagonal] = 0
    return Autoencoder(weights, metric)


def low_rank(full: Autoencoder, dim: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tables [N, D] whose product is nearest to the weights in their metric, whatever stands on its diagonal."""
    weights, diagonal = full.weights.copy(), np.diag_indices(len(full.weights))
    width = min(dim + OVERSAMPLING, len(weights))
    answering = rng.standard_normal((len(weights), width)).astype(np.float32)
    for sweep in range(NUM_SWEEPS):
        answering = linalg.qr(weights.T @ (full.metric @ (weights @ answering)), mode="economic")[0]
        if sweep >= 2:
            weights[diagonal] = np.einsum("nd,nd->n", weights @ answering, answering)
    reading = weights @ answering
    energy, turn = linalg.eigh(reading.T @ (full.metric @ reading))
    strongest = turn[:, np.argsort(-energy)[:dim]]
    return reading @ strongest, answering @ strongest
