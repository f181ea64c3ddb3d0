"""The lexicon: which slot of a name a tag fills, in which words, and what a title must show to carry it.

Shapes: none; one title at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import yaml

from ranking.title_tags import Tag
from training.errors import UsageError

SLOTS: Final = (
    "region", "award", "adjective", "genre", "based_on", "set_in", "era", "about", "ages", "with",
)  # fmt: skip
"""From left to right in a name."""

MOST_OF_A_SLOT: Final = {"adjective": 2}
"""Slots that may be filled more than once."""

MOST_TAGS: Final = 4

_GLUE: Final = frozenset(
    {"about", "with", "from", "set", "in", "the", "on", "based", "for", "and", "a", "early", "late", "ages"}
    | {"featuring", "titles", "stories"}
)

_KEYS = {"genres", "keywords", "regions", "maturity", "people", "words", "years", "measure", "share", "not"}


@dataclass(frozen=True, eq=False)
class Lexicon:
    """All tags in the order of the grammar, and the noun of names without a genre."""

    tags: tuple[Tag, ...]
    noun: str

    @classmethod
    def load(cls, path: Path | None = None) -> Lexicon:
        """Read a lexicon file; without a path the one that comes with the package. A UsageError names what is wrong."""
        source = files("training.genres") / "lexicon.yaml" if path is None else path
        tree = yaml.safe_load(source.read_text(encoding="utf-8"))
        noun = str(tree.pop("noun", "Titles"))
        if unknown := sorted(set(tree) - set(SLOTS)):
            raise UsageError(f"{source}: unknown slot {unknown[0]!r}; choose {', '.join(SLOTS)}")
        return cls(tuple(_tag(slot, form, each) for slot in SLOTS for form, each in tree.get(slot, {}).items()), noun)

    def with_people(self, names: Iterator[str]) -> Lexicon:
        """With a tag for each of the people."""
        extra = tuple(Tag("with", f"Featuring {name}", {"people": frozenset({name.lower()})}) for name in names)
        return Lexicon(self.tags + extra, self.noun)

    def name(self, tags: tuple[Tag, ...]) -> str:
        """The name of a combination in the order of the slots."""
        before = [tag.form for tag in tags if SLOTS.index(tag.slot) < SLOTS.index("genre")]
        noun = next((tag.form for tag in tags if tag.slot == "genre"), self.noun)
        after = [tag.form for tag in tags if SLOTS.index(tag.slot) > SLOTS.index("genre")]
        return " ".join([*before, noun, *after])


def follows(tags: tuple[Tag, ...]) -> bool:
    """Whether the tags obey the grammar: order of slots, how many of each, no contradictions."""
    places = [SLOTS.index(tag.slot) for tag in tags]
    crowded = any(places.count(SLOTS.index(slot)) > MOST_OF_A_SLOT.get(slot, 1) for slot in {tag.slot for tag in tags})
    forms = {tag.form for tag in tags}
    return (
        1 <= len(tags) <= MOST_TAGS
        and len(forms) == len(tags)
        and places == sorted(places)
        and not crowded
        and not any(tag.excludes & forms for tag in tags)
        and not any(says_the_same(a, b) for a, b in combinations(tags, 2))
    )


def says_the_same(one: Tag, other: Tag) -> bool:
    """Whether two tags repeat a word, as Romantic Romances do, or rest on the same genre."""
    shared = one.labels.get("genres", frozenset()) & other.labels.get("genres", frozenset())
    pairs = ((a, b) for a in _words(one.form) for b in _words(other.form))
    return bool(shared) or any(a.startswith(b[:4]) or b.startswith(a[:4]) for a, b in pairs)


def _words(form: str) -> list[str]:
    return [word for word in re.findall(r"[a-z]+", form.lower()) if word not in _GLUE]


def _tag(slot: str, form: str, entry: Mapping[str, Any]) -> Tag:
    if strange := sorted(set(entry) - _KEYS):
        raise UsageError(f"lexicon, {slot}, {form}: unknown key {strange[0]!r}; choose {', '.join(sorted(_KEYS))}")
    years = entry.get("years")
    return Tag(
        slot=slot,
        form=form,
        labels={
            kind: frozenset(str(label).lower() for label in entry[kind])
            for kind in ("genres", "keywords", "regions", "maturity", "people")
            if kind in entry
        },
        words=_pattern(str(entry["words"])) if "words" in entry else None,
        years=None if years is None else (int(years[0]), int(years[1])),
        measure=entry.get("measure"),
        share=float(entry.get("share", 0.25)),
        excludes=frozenset(entry.get("not", ())),
    )


def _pattern(words: str) -> re.Pattern[str]:
    """Words divided by commas, or by spaces where there is no comma; each from its beginning, a final dot ends it."""
    parts = [part.strip() for part in (words.split(",") if "," in words else words.split())]
    ends = [rf"{re.escape(part[:-1])}\b" if part.endswith(".") else re.escape(part) for part in parts]
    return re.compile(rf"\b(?:{'|'.join(ends)})")
