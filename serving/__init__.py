"""Answers: bundle, pipeline and HTTP server. Loads no torch, Lightning, MLflow or Hydra."""
