from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np

from training.simulator.lexicon import GENRES
from training.simulator.posters import poster
from training.simulator.stories import FRAMINGS, catalogue_table, make_stories
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import World


def test_names_do_not_repeat(world: World) -> None:
    names = catalogue_table(world)["title"].to_pylist()
    assert len(set(names)) == len(names) == world.titles.num_titles


def test_a_story_is_told_in_several_framings(world: World) -> None:
    for story in make_stories(world.titles, np.random.default_rng(0)):
        assert len(set(story.framings)) == len(FRAMINGS)
        assert story.people
        assert story.tags


def test_tags_tell_of_the_topics(world: World) -> None:
    topic_of = {tag: t for t, genre in enumerate(GENRES) for tag in genre.tags}
    stories = make_stories(world.titles, np.random.default_rng(0))
    share = [world.titles.topics[n, topic_of[tag]] for n, story in enumerate(stories) for tag in story.tags]
    assert np.mean(share) > 3 / len(GENRES)


def test_posters_are_small_drawings_that_differ_by_topic_and_image() -> None:
    drawings = {poster("Salt & Silver", topic, image, 3) for topic in range(len(GENRES)) for image in range(NUM_IMAGES)}
    assert len(drawings) == len(GENRES) * NUM_IMAGES
    for drawing in drawings:
        assert ET.fromstring(drawing).tag.endswith("svg")
        assert len(drawing) < 2000
    assert poster("A", 0, 0, 0, is_bait=True) != poster("A", 0, 0, 0)
