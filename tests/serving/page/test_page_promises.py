"""No page breaks a rule, whoever asks: random histories, controls, moments and strategies."""

from __future__ import annotations

import os

import numpy as np
import pytest

from serving.events import Event
from serving.page.controls import Gate, write_controls
from serving.page.homepage import Homepage, PageQuery
from serving.page.messages import Controls, Sizes
from tests.bundles import item_id
from tests.serving.conftest import NOW_MS
from towers.schema import EventType

NUM_PROFILES = int(os.environ.get("MARQUEE_PROFILES", "10000"))
KINDS = (EventType.PLAY, EventType.THUMB_UP, EventType.THUMB_DOWN, EventType.LIST_ADD, EventType.NOT_INTERESTED)
STRATEGIES = ("template", "independent", "stagewise", "whole")


def random_controls(rng: np.random.Generator) -> Controls:
    return Controls(
        maturity="all" if rng.random() < 0.3 else None,
        kids=bool(rng.random() < 0.2),
        blocked_items=[item_id(int(n)) for n in rng.choice(60, rng.integers(0, 25), replace=False)],
        blocked_genres=["Horror"] if rng.random() < 0.3 else [],
        hidden_items=[item_id(int(n)) for n in rng.choice(60, rng.integers(0, 4), replace=False)],
        personalised=bool(rng.random() < 0.9),
    )


def is_forbidden(number: int, controls: Controls) -> bool:
    """Said of the tiny bundle's titles without any of the page's code."""
    is_grown_up, is_horror = number % 2 == 1, number % 4 == 2
    limited = controls.kids or controls.maturity == "all"
    return (
        item_id(number) in controls.blocked_items
        or (limited and is_grown_up)
        or (bool(controls.blocked_genres) and is_horror)
    )


@pytest.mark.slow
def test_no_page_breaks_a_rule(home: Homepage) -> None:
    rng = np.random.default_rng(0)
    for profile in range(NUM_PROFILES):
        user_id, controls = f"p{profile}", random_controls(rng)
        write_controls(home.settings, user_id, controls)
        refused = set()
        for age in range(int(rng.integers(0, 12))):
            number, kind = int(rng.integers(60)), KINDS[int(rng.integers(len(KINDS)))]
            refused |= {number} if kind == EventType.NOT_INTERESTED else set()
            home.recommender.state.record(Event(user_id, item_id(number), NOW_MS - 1000 * (12 - age), kind))
        sizes = Sizes(int(rng.integers(1, 8)), int(rng.integers(3, 9)), int(rng.integers(1, 4)))
        page = home.page(PageQuery(user_id, NOW_MS, {}, profile, STRATEGIES[profile % 4], sizes=sizes))
        items = [item.item_id for row in page.rows for item in row.items]
        items += [] if page.billboard is None else [page.billboard.item.item_id]
        numbers = [int(each.removeprefix("item-")) for each in items]
        assert len(items) == len(set(items))
        assert not any(is_forbidden(number, controls) for number in numbers)
        assert not refused & set(numbers) or not controls.personalised
        assert len(page.rows) <= sizes.rows
        assert all(sizes.min_row_length <= len(row.items) <= sizes.row_length for row in page.rows)
        assert page.stages[-1].removed == 0


@pytest.mark.slow
def test_the_gate_never_lets_a_forbidden_title_through(home: Homepage) -> None:
    """The fast path: what may be retrieved is what the gate lets through, a hundred thousand times."""
    gate: Gate = home.gate
    rng = np.random.default_rng(1)
    rows = home.parts.bundle.spec.vocabulary.rows([item_id(number) for number in range(60)])
    for _ in range(10 * NUM_PROFILES):
        controls = random_controls(rng)
        passing = gate.allowed(controls)[rows]
        forbidden = np.array([is_forbidden(number, controls) for number in range(60)])
        assert np.array_equal(passing, ~forbidden)
