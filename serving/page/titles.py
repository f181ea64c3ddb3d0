"""What the page shows of a title beyond its name: year, length, images and lines; and how strong its maturity label is.

Shapes: R item rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.item_messages import ItemMessage

FILE: Final = "titles.json"
LINE_LENGTH: Final = 180
KIDS_AGE: Final = 8
STRONGEST: Final = 18

_AGES: Final = {
    "all": 0, "u": 0, "g": 0, "tv-y": 0, "tv-g": 0, "tv-y7": 7, "pg": 8, "tv-pg": 8, "12a": 12, "pg-13": 13,
    "tv-14": 14, "r": 17, "tv-ma": 17, "nc-17": 18,
}  # fmt: skip


class TitleTable(msgspec.Struct, frozen=True):
    """`titles.json`: one entry a row [R]; None, '' and [] where nothing is known.

    `artworks` name the images of a title and what they show, `lines` are its descriptions.
    """

    year: list[int | None]
    release_ms: list[int | None]
    kind: list[str]
    minutes: list[int | None]
    artworks: list[list[str]]
    lines: list[list[str]]

    @classmethod
    def unknown(cls, num_rows: int) -> TitleTable:
        """A table that knows nothing."""
        none: list[int | None] = [None] * num_rows
        return cls(none, none, [""] * num_rows, none, [[]] * num_rows, [[]] * num_rows)

    @classmethod
    def load(cls, folder: Path, num_rows: int) -> TitleTable:
        """Read `titles.json`; a table that knows nothing where there is none."""
        path = folder / FILE
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.is_file() else cls.unknown(num_rows)

    def grown(
        self, num_rows: int, put: Mapping[int, ItemMessage], put_ms: Callable[[int], int], of_bundle: TitleTable
    ) -> TitleTable:
        """With rows up to `num_rows`, and what was `put` by hand in place of what the bundle knew."""
        nothing, more = TitleTable.unknown(1), TitleTable.unknown(num_rows - len(self.year))
        columns = {name: [*getattr(self, name), *getattr(more, name)] for name in self.__struct_fields__}
        for row, message in put.items():
            is_new = row >= len(of_bundle.year)
            for name, column in columns.items():
                column[row] = getattr(nothing if is_new else of_bundle, name)[0 if is_new else row]
            columns["year"][row] = None if message.year is None else int(message.year)
            if message.available_from_ms is not None or is_new:
                columns["release_ms"][row] = message.available_from_ms or put_ms(row)
            if message.text:
                columns["lines"][row] = [beginning(message.text)]
        return TitleTable(**columns)

    def save(self, folder: Path) -> None:
        """Write `titles.json`."""
        (folder / FILE).write_bytes(msgspec.json.encode(self))

    def releases(self) -> NDArray[np.float64]:
        """Release times [R] in milliseconds, NaN where unknown."""
        return np.array([np.nan if each is None else each for each in self.release_ms], dtype=np.float64)

    def lengths(self) -> NDArray[np.float64]:
        """Minutes [R], NaN where unknown."""
        return np.array([np.nan if each is None else each for each in self.minutes], dtype=np.float64)


def beginning(text: str) -> str:
    """Whole sentences of a text as far as they fit into a line, else whole words."""
    if len(text) <= LINE_LENGTH:
        return text
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s)", text[:LINE_LENGTH])]
    return text[: ends[-1]] if ends else text[:LINE_LENGTH].rsplit(" ", 1)[0] + " ..."


def age_of(label: str) -> int:
    """Age from which a maturity label allows watching; labels nobody knows, and none at all, count as the strongest."""
    plain = label.strip().lower()
    if plain in _AGES:
        return _AGES[plain]
    digits = re.fullmatch(r"\D{0,4}(\d{1,2})\+?", plain)
    return min(int(digits[1]), STRONGEST) if digits else STRONGEST


def ages(labels: Sequence[str]) -> NDArray[np.int64]:
    """Age [R] of each label [R]."""
    return np.array([age_of(label) for label in labels], dtype=np.int64)


def ladder(labels: Iterable[str]) -> list[str]:
    """Distinct labels from the mildest to the strongest."""
    return sorted({label for label in labels if label}, key=lambda label: (age_of(label), label))
