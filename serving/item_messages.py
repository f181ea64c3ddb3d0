"""Bodies of PUT and DELETE /v1/items."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from serving.messages import Id, Labels
from towers.content import Content

Text = Annotated[str, Meta(max_length=20_000)]
Moment = Annotated[int, Meta(ge=0, le=2**53)]


class ItemMessage(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All that is known of an item; replaces what was known. Outside its window it is never answered."""

    title: Text = ""
    genres: Labels = []
    maturity: Id = ""
    people: Labels = []
    text: Annotated[Text, Meta(description="Plot, keywords: whatever tells what it is about.")] = ""
    year: Annotated[float, Meta(ge=0, le=10_000)] | None = None
    available_from_ms: Annotated[Moment | None, Meta(description="Milliseconds since 1970; default at once.")] = None
    available_until_ms: Annotated[Moment | None, Meta(description="The first moment without it; default never.")] = None

    def content(self) -> Content:
        """What the item tower reads."""
        return Content(self.title, tuple(self.genres), tuple(self.people), self.text, self.maturity, self.year)


class ItemStored(Struct, frozen=True):
    """Durable now. `has_vector`: the towers can propose it; else it waits for plays or the next training."""

    item_id: str
    is_deleted: bool
    has_vector: bool
    model_version: str
