"""The stack most teams write first, on the weights and counts of a synthetic bundle: naive_stack.py OUT full|bare.

FastAPI with pydantic and a sync handler, the user tower in eager torch over all positions, exact retrieval by matrix
product, features in plain numpy, and a head over [request, candidate, vector] concatenated for every candidate. `bare`
asks the towers alone and is given drawn features for nothing: less than the question. Prints its port.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import socket
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import Tensor

from benchmarks.naive_features import Ask, Counts, candidate_features, propose, request_features
from benchmarks.synthetic_bundle import WEIGHTS, Drawn
from ranking.model import RankingHead
from ranking.request_features import one_hot
from serving.assembly import fresh_signals
from serving.bundle import Bundle
from serving.scorer import RankerCard
from towers.ensemble import side_by_side
from towers.user_tower import UserInput

NUM_RANKED = 500


class Question(BaseModel):
    """The request."""

    history: list[str]
    k: int = 100


class Answer(BaseModel):
    """The response."""

    items: list[str]
    scores: list[float]
    titles: list[str]


class NaiveHead:
    """The ranking head over one concatenated row a candidate."""

    def __init__(self, head: RankingHead) -> None:
        first = head.first
        self.head = head
        self.first = torch.cat([first.request.weight, first.candidate.weight, first.vector.weight], dim=1)

    def logits(self, request: Tensor, candidates: Tensor, vectors: Tensor) -> Tensor:
        """Logits [K] of request [U], candidates [K, F] and vectors [K, D]."""
        head, first = self.head, self.head.first
        scaled = head.candidate_scaler(candidates)
        every = head.request_scaler(request).expand(len(candidates), -1)
        hidden = F.linear(torch.cat([every, scaled, vectors], dim=1), self.first, first.request.bias)
        hidden = hidden + first.request_factor(every) * first.vector_factor(vectors)
        mixed = F.linear(head.experts[0](F.silu(hidden)), head.heads)
        logits: Tensor = (candidates[:, :1] * head.scale + head.direct(scaled) + mixed).squeeze(1)
        return logits


class NaiveStack:
    """Request -> items."""

    def __init__(self, out: Path, *, is_bare: bool) -> None:
        bundle = Bundle.load(out)
        drawn = Drawn.load(out / WEIGHTS, bundle)
        self.is_bare = is_bare
        self.spec, self.towers = bundle.spec, [pair.user for pair in drawn.towers.pairs]
        self.ids = ["", "", *bundle.spec.vocabulary.ids(bundle.spec.vocabulary.item_rows)]
        self.titles = bundle.catalogue.titles(np.arange(len(self.ids)))
        self.rows = {item_id: row for row, item_id in enumerate(self.ids)}
        self.tokens = torch.from_numpy(bundle.item_tokens.copy())
        self.vectors = torch.from_numpy(bundle.item_vectors.copy())
        self.card, self.head = RankerCard.load(bundle.folder), NaiveHead(drawn.head)
        self.counts = Counts(fresh_signals(bundle), bundle.transitions, bundle.popularity, self.vectors.numpy())
        self.drawn = torch.randn(len(self.ids), len(self.card.candidates)), torch.randn(len(self.card.request))

    @torch.no_grad()
    def answer(self, question: Question) -> Answer:
        """Encode, retrieve, rank."""
        now_ms = time.time_ns() // 1_000_000
        rows = np.array([self.rows[item_id] for item_id in question.history])
        ts_ms = now_ms - 1000 * np.arange(len(rows), 0, -1)
        context = self.spec.context_codes(np.array([now_ms]), [{}])[0]
        user = self._encode(rows, ts_ms, now_ms, context)
        if self.is_bare:
            near, logits = self._bare(user, rows)
        else:
            near, logits = self._ranked(Ask(rows, ts_ms, now_ms, user.numpy()), context)
        best = logits.sort(descending=True)
        chosen = near[best.indices[: question.k]].tolist()
        return Answer(
            items=[self.ids[row] for row in chosen],
            scores=best.values[: question.k].tolist(),
            titles=[self.titles[row] for row in chosen],
        )

    def _encode(
        self, rows: NDArray[np.int64], ts_ms: NDArray[np.int64], now_ms: int, context: NDArray[np.int64]
    ) -> Tensor:
        length = len(rows) + 1
        ages = torch.from_numpy(np.append(now_ms - ts_ms[0], now_ms - ts_ms) / 1000).float()[None]
        codes = torch.cat([torch.zeros(1, dtype=torch.long), torch.ones(len(rows), dtype=torch.long)])[None]
        tokens = self.tokens[torch.from_numpy(np.append(0, rows))][None]
        users, now = [], torch.from_numpy(context)
        for tower, own in zip(self.towers, tokens.chunk(len(self.towers), dim=-1), strict=True):
            given = UserInput(own, codes, torch.zeros_like(codes), ages, torch.tensor([length]))
            users.append(tower.answer(tower.states(given)[0, -1], now))
        return side_by_side(users)

    def _ranked(self, ask: Ask, context: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        wanted = self.card.sources
        proposed = propose(self.counts, ask, wanted)
        columns = candidate_features(self.counts, ask, proposed, wanted)
        candidates = np.stack([columns[name] for name in self.card.candidates], axis=1)
        values = np.array(list(request_features(self.counts, ask).values()))
        request = np.concatenate([values, one_hot(context, self.spec.context_sizes)])
        near = torch.from_numpy(proposed.rows)
        given = torch.from_numpy(request).float(), torch.from_numpy(candidates).float(), self.vectors[near]
        return near, self.head.logits(*given)

    def _bare(self, user: Tensor, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        scores = self.vectors @ user
        scores[torch.from_numpy(rows)] = -torch.inf
        near = scores.topk(NUM_RANKED).indices
        candidates, request = self.drawn
        return near, self.head.logits(request, candidates[near], self.vectors[near])


def main(out: Path, *, is_bare: bool) -> None:
    """Serve until stopped."""
    torch.set_num_threads(1)
    stack = NaiveStack(out, is_bare=is_bare)
    app = FastAPI()

    @app.post("/v1/recommend")
    def recommend(question: Question) -> Answer:
        return stack.answer(question)

    with socket.create_server(("127.0.0.1", 0)) as bound:
        print(f"http://127.0.0.1:{bound.getsockname()[1]}/", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([bound])


if __name__ == "__main__":
    main(Path(sys.argv[1]), is_bare=sys.argv[2] == "bare")
