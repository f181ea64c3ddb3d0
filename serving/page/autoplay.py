"""Whether previews and next episodes start by themselves: the viewer's switches first, then the device and habits.

A start that is not wanted costs one press, and so does a wanted one that does not come. So the next episode starts by
itself for those who more often than not go on. Now and then the other way is tried, and the chance of it is told.
"""

from __future__ import annotations

from typing import Final

from ranking.artwork import even_draws
from ranking.habits import Habits
from serving.page.messages import Autoplay, Controls
from serving.page.presentation import Look, draw_key

EVEN: Final = 0.5
TRIED: Final = 0.005
"""Chance of the decision that habits speak against."""

STILL_DEVICES: Final = ("phone",)

SWITCHED_OFF: Final = "You switched autoplay off"
PREVIEWS_OFF: Final = "You switched previews off"
NEXT_OFF: Final = "You let the next episode wait"
SAVES_DATA: Final = "Previews stay still on a phone to save data"
GOES_ON: Final = "You mostly go on to the next episode"
STOPS: Final = "You mostly stop after one episode"
TRIES: Final = "We try now and then whether this suits you better"
UNKNOWN: Final = "Previews and next episodes start by themselves; you can switch both off"


def decide(controls: Controls, habits: Habits, look: Look) -> Autoplay:
    """The decision for a viewer's page, with its reason."""
    previews = not look.still
    if not controls.autoplay_next_episode:
        return Autoplay(previews, False, NEXT_OFF if controls.autoplay_previews else SWITCHED_OFF)
    chance = chance_of_next(habits)
    follows = float(even_draws(draw_key(look, "next episode"))[0]) < chance
    reasons = [look.still] if look.still else []
    if habits.num_of("next_episode"):
        reasons.append(TRIES if follows != (chance > EVEN) else GOES_ON if follows else STOPS)
    return Autoplay(previews, follows, ". ".join(reasons) or UNKNOWN, round(chance if follows else 1 - chance, 4))


def by_switches(controls: Controls, device: str) -> Autoplay:
    """The decision where habits are not asked."""
    still = why_still(controls, device)
    if not controls.autoplay_next_episode:
        return Autoplay(not still, False, NEXT_OFF if controls.autoplay_previews else SWITCHED_OFF)
    return Autoplay(not still, True, still or UNKNOWN)


def why_still(controls: Controls, device: str) -> str:
    """Why no preview starts by itself; '' where they may."""
    if not controls.autoplay_previews:
        return PREVIEWS_OFF
    return SAVES_DATA if device in STILL_DEVICES else ""


def chance_of_next(habits: Habits) -> float:
    """With which chance the next episode starts by itself; 1 where nothing is known of the viewer."""
    if not habits.num_of("next_episode"):
        return 1.0
    return 1 - TRIED if habits.share_of("next_episode") > EVEN else TRIED
