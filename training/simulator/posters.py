"""Posters as small SVG drawings: hue and figure say which topic an image shows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from training.simulator.lexicon import GENRES
from training.simulator.titles import NUM_IMAGES
from training.simulator.world import World, item_ids

WIDTH: Final = 200
HEIGHT: Final = 300
WORD_LENGTH: Final = 18


def poster(title: str, topic: int, image: int, number: int, is_bait: bool = False) -> str:
    """An SVG of 200 x 300: figure by topic, composition by image, variation by the title's number; bait is louder."""
    genre = GENRES[topic]
    light, colour = (62, 95) if is_bait else (round(58 - 28 * genre.dark), 55)
    hue = (genre.hue + 7 * (number % 5)) % 360
    lines = _lines(title)
    text = "".join(
        f'<text x="16" y="{HEIGHT - 24 * (len(lines) - n)}" font-size="19">{escape(line)}</text>'
        for n, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)} ({escape(genre.name)})</title>"
        f'<linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl({hue} {colour}% {light}%)"/>'
        f'<stop offset="1" stop-color="hsl({(hue + 40) % 360} {colour}% 14%)"/></linearGradient>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#g)"/>{_figure(topic, image, number)}'
        f'<g fill="#fff" font-family="Georgia,serif" font-weight="bold">{text}</g></svg>'
    )


def write_posters(world: World, names: list[str], folder: Path) -> None:
    """`ITEM-IMAGE.svg` for every title and image."""
    folder.mkdir(parents=True, exist_ok=True)
    titles = world.titles
    for n, (item, name) in enumerate(zip(item_ids(titles.num_titles), names, strict=True)):
        for image in range(NUM_IMAGES):
            topic, is_bait = int(titles.image_topics[n, image]), bool(titles.image_bait[n, image])
            (folder / f"{item}-{image}.svg").write_text(poster(name, topic, image, n, is_bait))


def _figure(topic: int, image: int, number: int) -> str:
    """A star or polygon with a number of corners that belongs to the topic, over a moon."""
    corners, inner = 3 + topic // 2, 0.45 if topic % 2 else 1.0
    centre_x, centre_y = 60 + 27 * image, 105 + 9 * (number % 6)
    points = []
    for corner in range(2 * corners):
        angle = math.pi * corner / corners + number % 7
        radius = 58 * (inner if corner % 2 else 1.0)
        points.append(f"{centre_x + radius * math.cos(angle):.0f},{centre_y + radius * math.sin(angle):.0f}")
    moon = f'<circle cx="{WIDTH - centre_x}" cy="62" r="{22 + 3 * (number % 4)}" fill="#fff" opacity=".22"/>'
    return f'{moon}<polygon points="{" ".join(points)}" fill="#fff" opacity=".55"/>'


def _lines(title: str) -> list[str]:
    lines = [""]
    for word in title.split():
        if len(lines[-1]) + len(word) > WORD_LENGTH:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
