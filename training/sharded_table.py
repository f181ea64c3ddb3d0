"""An item table that stands in for the item tower's embedding while each training process holds a part of it.

Shapes: R vocabulary rows, S rows of this process, D embedding.
"""

from __future__ import annotations

from typing import Any, Final, Self

import torch.nn.functional as F
from torch import Tensor, nn

from training.sharded_rows import ShardedRows


class ShardedTable(nn.Module):
    """An embedding [R, D] of which a process holds S rows; a state dict holds the whole table under the usual name.

    All processes look up, evaluate and save together. Lookups move the rows themselves (`ShardedRows`), so no
    optimiser and no exchange of gradients may touch `shard`.
    """

    sparse: Final = False

    def __init__(self, rows: ShardedRows) -> None:
        super().__init__()
        self.rows = rows
        self.shard = nn.Parameter(rows.own, requires_grad=False)
        self._whole: Tensor | None = None

    @classmethod
    def of(cls, embedding: nn.Embedding) -> Self:
        """The table with the weights of an embedding that is the same in every process."""
        rows = ShardedRows(*embedding.weight.shape)
        rows.own.copy_(rows.part(embedding.weight.data))
        return cls(rows)

    @property
    def weight(self) -> Tensor:
        """The whole table [R, D], fetched by all processes together and kept until `release`: for evaluation."""
        if self._whole is None:
            self._whole = self.rows.whole(self.shard.data)
        return self._whole

    def release(self) -> None:
        """Forget the whole table."""
        self._whole = None

    def forward(self, rows: Tensor) -> Tensor:
        """Vectors [..., D] of rows; in training each is fetched once."""
        if not self.training:
            return F.embedding(rows, self.weight)
        fetched, place = rows.unique(return_inverse=True)
        return F.embedding(place, self.rows.look_up(fetched))

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        destination[f"{prefix}weight"] = self.rows.whole(self.shard.data)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        self.shard.data.copy_(self.rows.part(state_dict[f"{prefix}weight"]))
        self.release()
