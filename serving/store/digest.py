"""A viewer's pseudonym: what may stand in logs of changes after the viewer's data is gone."""

from __future__ import annotations

from hashlib import blake2b


def digest(user_id: str) -> str:
    """32 hexadecimal digits."""
    return blake2b(user_id.encode("utf-8", "surrogatepass"), digest_size=16, person=b"marquee viewer").hexdigest()
