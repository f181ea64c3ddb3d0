"""Geometry: exact and approximate nearest neighbours over item vectors. Knows vectors, not models."""
