"""Runs in MLflow: parameters, metrics, figures, files and the published bundle as a registered model version.

The store is a SQLite file unless a URI is given; nothing leaves the machine that the URI does not name.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlparse

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from mlflow import MlflowClient

STORE_NAME: Final = "mlflow.db"
ARTIFACT_FOLDER: Final = "mlartifacts"
CHAMPION: Final = "champion"
"""Alias of the registered version that was published last; MLflow reserves `latest` for itself."""

BUNDLE_TAG: Final = "bundle"
"""Tag of a registered version that tells the bundle's own name."""

KIND: Final = {"mlflow.experimentKind": "custom_model_development"}
"""Tag by which the web pages open on the runs instead of on traces of language models."""

LONGEST_PARAM: Final = 250
BATCH: Final = 100
CONNECT_TIMEOUT_S: Final = 5.0


class Run(Protocol):
    """What a training or evaluation leaves behind for researchers."""

    @property
    def id(self) -> str:
        """Of the tracking store; empty where nothing is tracked."""
        ...

    def params(self, config: object, prefix: str = "") -> None:
        """Record a configuration (dataclass or mapping) under dotted names; long values go to an artefact."""
        ...

    def tags(self, tags: Mapping[str, str]) -> None: ...

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Record figures under paths such as `val/ndcg@10`; MLflow takes no @, so it shows `val/ndcg_at_10`."""
        ...

    def figure(self, figure: Figure, name: str) -> None:
        """Keep a plot as `figures/NAME.png`."""
        ...

    def artifact(self, path: Path, folder: str = "") -> None:
        """Keep a file, or all files of a folder."""
        ...

    def register(self, bundle: Path, alias: str = CHAMPION) -> str:
        """Keep a published bundle as the next version of the model and move the alias there; returns the version."""
        ...


class Tracking:
    """Opens runs of one experiment in one store."""

    @dataclass(frozen=True)
    class Config:
        """uri: tracking store (None: the SQLite file `mlflow.db` in the current folder). enabled: False tracks nothing.

        experiment holds all runs; model is the name that bundles are registered under.
        """

        enabled: bool = True
        uri: str | None = None
        experiment: str = "marquee"
        model: str = "marquee"

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str] | None = None, run_id: str | None = None) -> Iterator[Run]:
        """A new run, or the run `run_id` taken up again; its status tells how the block ended.

        A ValueError names a store that cannot be reached or written, before any work is done.
        """
        if not self.config.enabled:
            yield UntrackedRun()
            return
        uri = self.config.uri or default_uri()
        client = connect(uri)
        with _named_failure(uri):
            run_id = run_id or self._create(client, uri, name, tags or {})
            client.update_run(run_id, status="RUNNING")
        status = "FAILED"
        try:
            yield MlflowRun(client, run_id, self.config.model)
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            client.set_terminated(run_id, status)

    def _create(self, client: MlflowClient, uri: str, name: str, tags: Mapping[str, str]) -> str:
        experiment = client.get_experiment_by_name(self.config.experiment)
        if experiment is None:
            identity = client.create_experiment(self.config.experiment, _artifacts_beside(uri), KIND)
        else:
            identity = experiment.experiment_id
        run_id: str = client.create_run(identity, run_name=name, tags=dict(tags)).info.run_id
        return run_id


class MlflowRun:
    """A run in a store; see `Run`."""

    def __init__(self, client: MlflowClient, run_id: str, model: str) -> None:
        self._client = client
        self._run_id = run_id
        self._model = model

    @property
    def id(self) -> str:
        return self._run_id

    def params(self, config: object, prefix: str = "") -> None:
        from mlflow.entities import Param

        flat = {prefix + key: value for key, value in flatten(config).items()}
        long = {key: value for key, value in flat.items() if len(value) > LONGEST_PARAM}
        short = [Param(key, value) for key, value in flat.items() if key not in long]
        for start in range(0, len(short), BATCH):
            self._client.log_batch(self._run_id, params=short[start : start + BATCH])
        if long:
            self._client.log_dict(self._run_id, long, f"params/{prefix}long.json")

    def tags(self, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            self._client.set_tag(self._run_id, key, value)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        entries = [Metric(stored_name(name), float(value), now_ms, step) for name, value in values.items()]
        for start in range(0, len(entries), BATCH):
            self._client.log_batch(self._run_id, metrics=entries[start : start + BATCH])

    def figure(self, figure: Figure, name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.png"
            figure.savefig(path, dpi=120)
            self.artifact(path, "figures")

    def artifact(self, path: Path, folder: str = "") -> None:
        if path.is_dir():
            self._client.log_artifacts(self._run_id, str(path), folder or path.name)
        else:
            self._client.log_artifact(self._run_id, str(path), folder or None)

    def register(self, bundle: Path, alias: str = CHAMPION) -> str:
        from mlflow.exceptions import MlflowException

        self.artifact(bundle, "bundle")
        try:
            self._client.get_registered_model(self._model)
        except MlflowException:
            self._client.create_registered_model(self._model)
        source = f"runs:/{self._run_id}/bundle"
        made = self._client.create_model_version(self._model, source, self._run_id, tags={BUNDLE_TAG: bundle.name})
        self._client.set_registered_model_alias(self._model, alias, made.version)
        return str(made.version)


class UntrackedRun:
    """Leaves nothing behind; see `Run`."""

    @property
    def id(self) -> str:
        return ""

    def params(self, config: object, prefix: str = "") -> None: ...

    def tags(self, tags: Mapping[str, str]) -> None: ...

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None: ...

    def figure(self, figure: Figure, name: str) -> None: ...

    def artifact(self, path: Path, folder: str = "") -> None: ...

    def register(self, bundle: Path, alias: str = CHAMPION) -> str:
        return ""


def connect(uri: str) -> MlflowClient:
    """Client of the store; the first use of a SQLite file makes its tables, which takes some seconds.

    A ValueError names a store that cannot be reached or written.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    with _named_failure(uri), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLAlchemy warns of what MLflow's own tables use
        _refuse_unreachable(uri)
        from mlflow import MlflowClient

        for library in ("mlflow", "alembic"):
            logging.getLogger(library).setLevel(logging.WARNING)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    return client


def fetch(uri: str, source: str, folder: Path) -> Path:
    """Files of a registered version, copied into the folder; a ValueError names a store that does not give them."""
    with _named_failure(uri):
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(artifact_uri=source, dst_path=str(folder), tracking_uri=uri))


def default_uri() -> str:
    """The SQLite file in the current folder."""
    return f"sqlite:///{Path.cwd() / STORE_NAME}"


def run_name(data: str, preset: str, now: datetime) -> str:
    """What a researcher reads in the list of runs: `ml_1m base 2026-11-22 21:40`."""
    return f"{data} {preset} {now:%Y-%m-%d %H:%M}"


def stored_name(metric: str) -> str:
    """The metric's name as MLflow takes it."""
    return metric.replace("@", "_at_")


def shown_name(stored: str) -> str:
    """The name that the code and the README use."""
    return stored.replace("_at_", "@")


def flatten(config: object, prefix: str = "") -> dict[str, str]:
    """Dotted names and values as text of a dataclass or mapping; nested ones are opened."""
    mapping: Any = asdict(config) if is_dataclass(config) and not isinstance(config, type) else config
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{type(config).__name__} is no configuration; give a dataclass or a mapping")  # noqa: TRY004
    flat: dict[str, str] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping) or (is_dataclass(value) and not isinstance(value, type)):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, list | tuple) else str(value)
    return flat


def _artifacts_beside(uri: str) -> str | None:
    """Folder for files beside a SQLite store; other stores know their own place."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / ARTIFACT_FOLDER).as_uri()


def _refuse_unreachable(uri: str) -> None:
    """Fail within seconds where MLflow would try a dead server again for minutes, and make the SQLite file's folder."""
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    place = urlparse(uri)
    if place.scheme in {"http", "https"} and place.hostname:
        port = place.port or (443 if place.scheme == "https" else 80)
        socket.create_connection((place.hostname, port), timeout=CONNECT_TIMEOUT_S).close()


@contextmanager
def _named_failure(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise ValueError(
            f"tracking store {uri} cannot be used ({reason}); give another tracking.uri or tracking.enabled=false"
        ) from error
