"""Readers: original layouts and any Parquet, CSV or JSONL become one checked event table."""
