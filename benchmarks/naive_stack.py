"""The stack most teams write first, with weights of the same shapes: naive_stack.py ITEMS DIM LAYERS REQUEST CANDIDATE.

FastAPI with pydantic and a sync handler, the user tower in eager torch over all positions, exact retrieval by matrix
product, and a head over [request, candidate, vector] concatenated for every candidate. Prints its port.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import socket

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from torch import Tensor, nn

from towers.user_tower import UserInput, UserTower

NUM_RANKED, LENGTH, HIDDEN = 500, 200, 64


class Ask(BaseModel):
    """The request."""

    history: list[str]
    k: int = 100


class Answer(BaseModel):
    """The response."""

    items: list[str]
    scores: list[float]


class NaiveStack:
    """Request -> items; weights are drawn, since only the time counts."""

    def __init__(self, num_items: int, dim: int, num_layers: int, num_request: int, num_candidate: int) -> None:
        torch.manual_seed(0)
        self.ids = [f"item-{number}" for number in range(num_items)]
        self.rows = {item_id: row for row, item_id in enumerate(self.ids)}
        self.tower = UserTower(UserTower.Config(num_layers=num_layers), dim, LENGTH, (25, 8)).eval()
        self.vectors = torch.nn.functional.normalize(torch.randn(num_items, dim), dim=-1)
        self.request, self.candidates = torch.randn(num_request), torch.randn(num_items, num_candidate)
        width = num_request + num_candidate + dim
        self.head = nn.Sequential(
            nn.Linear(width, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, 1)
        )

    @torch.no_grad()
    def answer(self, ask: Ask) -> Answer:
        """Encode, retrieve, rank."""
        rows = torch.tensor([self.rows[item_id] for item_id in ask.history][-LENGTH:])
        user = self._encode(rows)
        scores = self.vectors @ user
        scores[rows] = -torch.inf
        near = scores.topk(NUM_RANKED).indices
        given = torch.cat([self.request.expand(NUM_RANKED, -1), self.candidates[near], self.vectors[near]], dim=1)
        best = self.head(given).squeeze(1).sort(descending=True)
        items = [self.ids[row] for row in near[best.indices[: ask.k]].tolist()]
        return Answer(items=items, scores=best.values[: ask.k].tolist())

    def _encode(self, rows: Tensor) -> Tensor:
        length = len(rows) + 1
        tokens = torch.cat([torch.zeros(1, self.vectors.shape[1]), self.vectors[rows]])[None]
        codes = torch.ones(1, length, dtype=torch.long)
        ages = torch.arange(length, 0, -1, dtype=torch.float32)[None] * 3600
        states = self.tower.states(UserInput(tokens, codes, codes, ages, torch.tensor([length])))
        user: Tensor = torch.nn.functional.normalize(states[0, -1], dim=-1)
        return user


def main(sizes: list[int]) -> None:
    """Serve until stopped."""
    torch.set_num_threads(1)
    stack = NaiveStack(*sizes)
    app = FastAPI()

    @app.post("/v1/recommend")
    def recommend(ask: Ask) -> Answer:
        return stack.answer(ask)

    with socket.create_server(("127.0.0.1", 0)) as bound:
        print(f"http://127.0.0.1:{bound.getsockname()[1]}/", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([bound])


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
