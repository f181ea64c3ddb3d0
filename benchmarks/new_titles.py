"""What a title put while serving costs the next page, by size of the catalogue: tables grown, or made anew.

    python benchmarks/new_titles.py [number of titles ...]

CPU time of one thread, median of five titles put one after the other; a made-up catalogue of eighteen genres.
"""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

import numpy as np

from serving.catalogue import Catalogue, CatalogueTable
from serving.item_messages import ItemMessage
from serving.items import ItemTable
from serving.page.controls import Gate
from serving.page.imagery import Imagery
from serving.page.titles import TitleTable
from towers.vocabulary import Vocabulary

GENRES = [f"Genre {n}" for n in range(18)]
LABELS = ["all", "PG", "PG-13", "R"]
PUT = ItemMessage(title="New", genres=["Genre 3", "Genre 20"], maturity="PG", text="A new film.")
"""With a genre that no title had."""


class Tables(NamedTuple):
    """What a page reads of all titles."""

    catalogue: Catalogue
    titles: TitleTable
    gate: Gate
    imagery: Imagery


def main() -> None:
    """A line for each size."""
    for size in [int(word) for word in sys.argv[1:]] or [27_000, 100_000, 1_000_000]:
        items = ItemTable(Vocabulary.fit([f"t{n}" for n in range(size)]), np.zeros((size + 2, 1), dtype=np.float32))
        first = made(catalogue_of(size + 2), TitleTable.unknown(size + 2), items)
        anew, grown, tables = list[float](), list[float](), first
        for n in range(5):
            row = items.ensure(f"new-{n}")
            start = time.process_time()
            tables = with_title(tables, row, items, first.titles)
            grown.append(1000 * (time.process_time() - start))
            start = time.process_time()
            made(tables.catalogue.grown(items.num_rows, {}), tables.titles, items)
            anew.append(1000 * (time.process_time() - start))
        print(f"{size:>9} titles: grown {np.median(grown):.2f} ms, made anew {np.median(anew):.0f} ms", flush=True)


def catalogue_of(num_rows: int) -> CatalogueTable:
    """Two genres and a label each."""
    drawn = np.random.default_rng(0).integers(0, len(GENRES), (num_rows, 2)).tolist()
    genres = [[GENRES[one], GENRES[other]] if one != other else [GENRES[one]] for one, other in drawn]
    return CatalogueTable(["A title"] * num_rows, genres, [LABELS[one % 4] for one, _ in drawn])


def made(catalogue: Catalogue | CatalogueTable, titles: TitleTable, items: ItemTable) -> Tables:
    """From the beginning."""
    catalogue = Catalogue(catalogue._table if isinstance(catalogue, Catalogue) else catalogue)
    titles.releases()
    return Tables(catalogue, titles, Gate(catalogue, items), Imagery(catalogue.genre_labels, titles.artworks))


def with_title(tables: Tables, row: int, items: ItemTable, of_bundle: TitleTable) -> Tables:
    """With one title more."""
    put = {row: PUT}
    catalogue = tables.catalogue.grown(items.num_rows, put)
    titles = tables.titles.grown(items.num_rows, put, lambda _: 0, of_bundle)
    return Tables(
        catalogue, titles, tables.gate.grown(catalogue, [row]), tables.imagery.grown(catalogue.genre_labels, [row])
    )


if __name__ == "__main__":
    main()
