"""`marquee genres`: the micro-genres of a bundle or a data set, with sizes and examples."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ranking.micro_genres import MicroGenres
from serving.bundle import Bundle
from towers.vocabulary import Vocabulary
from training.data import load
from training.data.dataset import Dataset
from training.errors import UsageError
from training.genres.facts import human_tags
from training.genres.fit import Fitted, coverage, fit_genres
from training.genres.fit import GenresConfig as FitConfig
from training.genres.report import recalls, tags_found, together

NUM_EXAMPLES = 3


@dataclass(frozen=True)
class GenresConfig:
    """From `bundle`, or fitted anew on `data` with `fit` (a lexicon, keywords, tags). `find` keeps names that hold the
    words; `most` names are listed, `order` is size, name or tags (few first). `report` of `data` says what they are
    worth instead; with `fit.tags` also whether tags held out are found again.
    """

    bundle: str | None = None
    data: Any = None
    fit: FitConfig = field(default_factory=FitConfig)
    find: str = ""
    order: str = "size"
    most: int = 50
    report: bool = False


def genres(config: GenresConfig) -> None:
    """Print one micro-genre a line: size, name, examples; or the report."""
    if config.report:
        _print_report(config)
        return
    found, titles = _of_bundle(config.bundle) if config.bundle is not None else _of_data(config)
    places = [g for g in range(found.num_genres) if config.find.lower() in found.names[g].lower()]
    sizes = np.diff(found.offsets)
    keys: dict[str, Callable[[int], Any]] = {
        "size": lambda g: -sizes[g],
        "name": lambda g: found.names[g],
        "tags": lambda g: len(found.tags[g]),
    }
    if config.order not in keys:
        raise UsageError(f"order is {config.order!r}; choose size, name or tags")
    places.sort(key=keys[config.order])
    for g in places[: config.most]:
        examples = ", ".join(titles[row] for row in found.titles(g)[:NUM_EXAMPLES].tolist())
        print(f"{sizes[g]:5d}  {found.names[g]}: {examples}")
    print(
        f"{len(places):,} of {found.num_genres:,} micro-genres; {coverage(found):.1%} of the titles stand in 3 or more"
    )


def _of_bundle(path: str) -> tuple[MicroGenres, Sequence[str]]:
    bundle = Bundle.load(Path(path).expanduser())
    found = MicroGenres.load(bundle.folder)
    if found is None:
        raise UsageError(f"bundle {path} has no micro-genres; train it again")
    return found, bundle.catalogue.titles(np.arange(found.num_rows))


def _of_data(config: GenresConfig) -> tuple[MicroGenres, Sequence[str]]:
    _, fitted = _fitted(config)
    return fitted.genres, ["", "", *(each.title for each in fitted.facts)]


def _print_report(config: GenresConfig) -> None:
    dataset, fitted = _fitted(config)
    found, recall = together(dataset, fitted), recalls(dataset, fitted)
    print(f"{fitted.genres.num_genres:,} micro-genres; {coverage(fitted.genres):.1%} of the titles stand in 3 or more")
    print(f"coherence: all z={found.together:.1f}, the median name {found.median:.1f}, {found.share:.0%} reach 5")
    print(
        f"next title in the first ten of five rows, {recall.viewers} viewers: "
        f"micro-genres {recall.micro:.3f}, genres {recall.plain:.3f}, any names {recall.chance:.3f}"
    )
    if config.fit.tags is not None:
        tags = tags_found(dataset, human_tags(Path(config.fit.tags).expanduser()))
        print(f"{tags.tags} tags held out: AUC {tags.among_all:.3f} of all titles, {tags.among_tagged:.3f} of tagged")


def _fitted(config: GenresConfig) -> tuple[Dataset, Fitted]:
    if config.data is None:
        raise UsageError("nothing to look at; give bundle=FOLDER or data=OPTION")
    with tempfile.TemporaryDirectory() as name:
        dataset = load(config.data, Path(name))
    return dataset, fit_genres(config.fit, dataset, Vocabulary.fit(dataset.events["item_id"].unique()))
