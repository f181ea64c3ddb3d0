"""Counting models that every report holds the towers against."""
