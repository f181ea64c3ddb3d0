"""Logs as JSON lines. Viewers' ids stand in no log: requests are named by their route, not by their address."""

from __future__ import annotations

import logging
import time
from typing import Final

import msgspec

FIELDS: Final = ("route", "status", "ms", "request_id", "model_version", "step", "items", "propensities")
"""What log calls may add with `extra`."""


class JsonLines(logging.Formatter):
    """One object a record: time (UTC), level, logger, message, the fields, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "ts": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()
