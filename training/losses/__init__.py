"""Retrieval losses, each built from small steps."""
