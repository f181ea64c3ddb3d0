"""Several devices of one machine train together: this process is rank 0, the other ranks are started beside it.

So whatever the caller holds open (the tracking store, a progress bar, Ctrl-C) stays with the one process it began in.
"""

from __future__ import annotations

import multiprocessing
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Final

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.strategies import DDPStrategy, Strategy
from torch import distributed

ADDRESS: Final = "127.0.0.1"
PATIENCE_S: Final = 30
"""How long a rank may take to end after rank 0 has."""


class Place(LightningEnvironment):
    """One rank of several on this machine, started by us and not by Lightning."""

    def __init__(self, rank: int, port: int) -> None:
        super().__init__()
        self.rank = rank
        self.port = port

    @property
    def creates_processes_externally(self) -> bool:
        """Lightning must start none."""
        return True

    @property
    def main_address(self) -> str:
        """Where rank 0 listens."""
        return ADDRESS

    @property
    def main_port(self) -> int:
        """The port rank 0 listens on."""
        return self.port

    def local_rank(self) -> int:
        """Number of this process."""
        return self.rank

    def node_rank(self) -> int:
        """There is one machine."""
        return 0


Job = Callable[[Place | None], object]


@contextmanager
def company(num_ranks: int, job: Job) -> Iterator[Place | None]:
    """Start `job` in the ranks 1 to `num_ranks` - 1 and yield the place of rank 0; None where it is alone.

    The job is sent to fresh processes by pickle, so that none shares memory or threads with this one.
    """
    if num_ranks == 1:
        yield None
        return
    port, threads = _free_port(), torch.get_num_threads()
    each = max(1, threads // num_ranks)
    sent = [pickle.dumps(job)]
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_work, args=(sent, Place(rank, port), each), daemon=True) for rank in range(1, num_ranks)
    ]
    torch.set_num_threads(each)
    for process in others:
        process.start()
    sent.clear()
    try:
        yield Place(0, port)
        _wait(others)
    finally:
        for process in others:
            process.kill()  # they write nothing, and answer a gentler signal by waiting for rank 0
        if distributed.is_initialized():
            distributed.destroy_process_group()
        torch.set_num_threads(threads)


def strategy(place: Place | None) -> Strategy | str:
    """Lightning's strategy for one process of a company or one alone."""
    return "auto" if place is None else DDPStrategy(cluster_environment=place, broadcast_buffers=False)


def _work(sent: list[bytes], place: Place, num_threads: int) -> None:
    """The job is taken out of the list, so that nobody holds its bytes, a copy of all data, while it runs."""
    torch.set_num_threads(num_threads)
    pickle.loads(sent.pop())(place)  # noqa: S301 - written by the process that started this one


def _wait(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.join(PATIENCE_S)
        if process.exitcode:
            raise RuntimeError(
                f"a training process ended with exit code {process.exitcode}; its traceback stands above"
            )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        port: int = listener.getsockname()[1]
        return port
