"""What a list costs beside its scores: the settings of what happens after the score."""

from __future__ import annotations

from dataclasses import dataclass

MIN_POOL = 100
POOL_SHARE = 3
"""Candidates looked at for each place of the list."""


@dataclass(frozen=True)
class Arrangement:
    """What the order costs: all 0 leaves the best first. The best candidate's score counts 1, the last one's 0.

    diversity: price of the similarity to the most similar title above (MMR: Carbonell and Goldstein 1998).
    taste_match: price of the distance between the viewer's mix of tastes and the list's (Steck, Calibrated
    recommendations, 2018). max_per_person: titles with any one person in front of others, 0: any number.
    exploration: place p of the arranged list is drawn with chances like p^(-1 / exploration); 0 draws nothing, and at
    .25 every thirteenth list begins with another title than the best.
    """

    diversity: float = 0.0
    taste_match: float = 0.0
    max_per_person: int = 0
    exploration: float = 0.0

    def __post_init__(self) -> None:
        for name, price in (("diversity", self.diversity), ("taste_match", self.taste_match)):
            if not 0 <= price <= 10:
                raise ValueError(f"{name} is {price}; give a price from 0 to 10")
        if not 0 <= self.exploration <= 1:
            raise ValueError(f"exploration is {self.exploration}; give a number from 0 to 1")
        if self.max_per_person < 0:
            raise ValueError(f"max_per_person is {self.max_per_person}; give 1 or more, or 0 for any number")

    @property
    def reorders(self) -> bool:
        """Whether the order of the scores may change before anything is drawn."""
        return self.diversity > 0 or self.taste_match > 0 or self.max_per_person > 0

    def pool_size(self, k: int) -> int:
        """How many of the best candidates are looked at for a list of k."""
        return max(MIN_POOL, POOL_SHARE * k)


BEST_FIRST = Arrangement()
