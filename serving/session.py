"""Opens ONNX models for a server that answers one request a core."""

from __future__ import annotations

from pathlib import Path

import onnxruntime


def open_session(path: Path, num_threads: int = 1) -> onnxruntime.InferenceSession:
    """CPU session of `num_threads` that sleeps while it waits; spinning would take the core from the next request."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
