"""Endings of a command that the command line reports in words instead of a traceback."""

from __future__ import annotations


class UsageError(ValueError):
    """The command line or a configuration file asks for something that does not exist; the message names the remedy."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C after the work was left in order; the message says how to go on."""
