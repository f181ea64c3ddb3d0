"""What a viewer wants: drawn once, moved by the moment and by artwork, each of which can be switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.training.simulator.moments import evenings, nights_with_company_on_the_phone
from training.simulator.appeal import image_appeal, takes, utilities
from training.simulator.config import preset
from training.simulator.world import World


def test_noise_is_drawn_once_per_viewer_title_and_session(world: World) -> None:
    sessions, draws = evenings(world), world.draws()
    titles = np.broadcast_to(np.arange(world.titles.num_titles), (len(sessions.viewer), world.titles.num_titles))
    even = np.zeros(titles.shape, dtype=np.float32)
    once = takes(draws, sessions, titles, even)
    again_elsewhere = takes(draws, sessions, titles[:, ::-1], even)[:, ::-1]
    assert np.array_equal(once, again_elsewhere)
    one_title_everywhere = takes(draws, sessions, np.full_like(titles, 7), even)
    assert np.array_equal(one_title_everywhere, np.repeat(once[:, 7:8], titles.shape[1], axis=1))


def test_another_session_draws_anew(world: World) -> None:
    sessions, draws = evenings(world), world.draws()
    titles = np.broadcast_to(np.arange(100), (len(sessions.viewer), 100))
    even = np.zeros(titles.shape, dtype=np.float32)
    later = sessions._replace(number=sessions.number + 1)
    agreement = (takes(draws, sessions, titles, even) == takes(draws, later, titles, even)).mean()
    assert 0.47 < agreement < 0.53


def test_the_moment_moves_what_is_wanted(world: World) -> None:
    plain = utilities(world, evenings(world))
    late = utilities(world, evenings(world, is_late=True)) - plain
    together = utilities(world, evenings(world, is_together=True)) - plain
    darkest, mildest = world.titles.dark.argmax(), world.titles.family.argmax()
    assert np.all(late[:, darkest] < 0)
    assert np.all(together[:, mildest] > 0)


def test_without_context_effects_the_moment_is_nothing() -> None:
    world = World.make(replace(preset("tiny"), context_scale=0.0), 0)
    assert np.array_equal(utilities(world, evenings(world)), utilities(world, nights_with_company_on_the_phone(world)))


def test_without_artwork_effects_images_are_nothing() -> None:
    with_effect, without = (World.make(replace(preset("tiny"), artwork_scale=scale), 0) for scale in (1.0, 0.0))
    items = np.broadcast_to(np.arange(50), (len(with_effect.viewers.rate), 50))
    images = np.full(items.shape, 3)
    assert image_appeal(with_effect, evenings(with_effect), items, images).std() > 0.1
    assert not image_appeal(without, evenings(without), items, images).any()
