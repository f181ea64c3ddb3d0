"""Meaning: the event schema, features and the two towers that turn histories and items into vectors."""
