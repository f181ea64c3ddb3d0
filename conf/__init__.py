"""YAML only; the file makes the folder a package that Hydra finds once installed."""
