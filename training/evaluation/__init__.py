"""Metrics, counting baselines and the report."""
