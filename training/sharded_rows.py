"""One table shared out by rows over the training processes: TorchRec looks up and moves rows where they lie.

Shapes: R rows of the table, S rows of this process, U rows of a lookup, D width.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any, Self

import torch
from torch import Tensor, distributed

NAME = "item"
EPS = 1e-8


class ShardedRows:
    """Process p of n holds the rows from p * ceil(R / n) on; every process takes part in every call.

    A lookup's backward moves the rows at once by row-wise Adagrad, whose sum of squared gradients is one number a row
    (Gupta et al. 2014), with the mean of the processes' gradients. A copy shares the rows.
    """

    def __init__(self, num_rows: int, dim: int) -> None:
        self.num_rows = num_rows
        self.block = -(-num_rows // distributed.get_world_size())
        self.group = distributed.new_group()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its imports use what their libraries deprecate
            self._table = _collection(num_rows, dim, self.group)
        self.own: Tensor = next(self._table.parameters()).detach()
        state = self._table.fused_optimizer.state_dict()["state"][f"embeddings.{NAME}.weight"]
        self.squares: Tensor = state[f"{NAME}.momentum1"].local_shards()[0].tensor

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def set_lr(self, lr: float) -> None:
        """The learning rate of the lookups to come."""
        for group in self._table.fused_optimizer.param_groups:
            group["lr"] = lr
        self._table.fused_optimizer.zero_grad()  # hands it to the kernel

    def look_up(self, rows: Tensor) -> Tensor:
        """Vectors [U, D] of rows [U]; gradients lead back to the processes that hold them."""
        from torchrec import KeyedJaggedTensor

        one_list = KeyedJaggedTensor(keys=[NAME], values=rows, lengths=torch.tensor([len(rows)]))
        vectors: Tensor = self._table(one_list)[NAME].values()
        return vectors

    def part(self, whole: Tensor) -> Tensor:
        """The rows of this process [S, ...] of a whole table [R, ...]."""
        start = distributed.get_rank() * self.block
        return whole[start : start + self.block]

    def whole(self, part: Tensor) -> Tensor:
        """The table [R, ...] of the parts [S, ...] of all processes."""
        table = part.new_empty(self.num_rows, *part.shape[1:])
        self.part(table).copy_(part)
        for rank, block in enumerate(table.split(self.block)):
            distributed.broadcast(block, src=rank, group=self.group)
        return table


def _collection(num_rows: int, dim: int, group: distributed.ProcessGroup) -> Any:
    """TorchRec's table, sharded by rows, with the optimiser in its kernel.

    Without that, fbgemm's kernel for the CPU answers one vector a list and not one a row.
    """
    from torchrec import EmbeddingCollection, EmbeddingConfig
    from torchrec.distributed.embedding import EmbeddingCollectionSharder
    from torchrec.distributed.sharding_plan import construct_module_sharding_plan, row_wise
    from torchrec.distributed.types import ShardingEnv
    from torchrec.optim.apply_optimizer_in_backward import apply_optimizer_in_backward
    from torchrec.optim.rowwise_adagrad import RowWiseAdagrad

    logging.getLogger("torch.fx._symbolic_trace").setLevel(logging.ERROR)  # a hint to TorchRec's authors
    config = EmbeddingConfig(name=NAME, feature_names=[NAME], num_embeddings=num_rows, embedding_dim=dim)
    table = EmbeddingCollection(tables=[config], device=torch.device("meta"))
    apply_optimizer_in_backward(RowWiseAdagrad, table.parameters(), {"lr": 0.0, "eps": EPS})
    sharder, size = EmbeddingCollectionSharder(), group.size()
    plan = construct_module_sharding_plan(
        table, {NAME: row_wise()}, sharder=sharder, world_size=size, local_size=size, device_type="cpu"
    )
    return sharder.shard(table, plan, ShardingEnv.from_process_group(group), torch.device("cpu"))
