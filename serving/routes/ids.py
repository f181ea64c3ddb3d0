"""Ids in paths: any text, slashes and line breaks too, since what events may name must also be forgotten."""

from __future__ import annotations

from starlette.convertors import Convertor


class AnyText(Convertor[str]):
    """Starlette's own `path` stops at a line break."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value
