"""What a caller can get wrong about one field of a request."""

from __future__ import annotations


class RequestError(ValueError):
    """The field's value cannot be used; the message names it and the remedy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
