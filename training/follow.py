"""Follows an alias of MLflow's model registry: the bundle it names is fetched, tried and published.

The server watches the pointer file of the `out` folder, so it needs no tracker: whoever moves the alias changes what is
served, and moving it back does so too.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.bundle import BUNDLES, BundleError, locate
from serving.publish import adopt, reinstate
from training.tracking import BUNDLE_TAG, Tracking, connect, default_uri, fetch

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


@dataclass
class Follower:
    """Publishes into `out` what the alias names and keeps `keep` bundles; a version that is no sound one is tried once.

    tried: the version that was looked at last.
    """

    out: Path
    alias: str
    keep: int
    tracking: Tracking.Config
    tried: str = ""

    def look(self) -> Path | None:
        """The newly published bundle; None when the alias names the version that was tried last.

        A BundleError tells what is wrong with the version, another ValueError why the registry cannot be asked.
        """
        version = self._version()
        if version.version == self.tried:
            return None
        name = str(version.tags.get(BUNDLE_TAG, ""))
        try:
            return self._again(version, name) if self._has(name) else self._fetched(version)
        except BundleError as error:
            raise BundleError(f"version {version.version} of {self.tracking.model}: {error}") from error

    def _again(self, version: ModelVersion, name: str) -> Path | None:
        """A bundle that is here already."""
        self.tried = version.version
        return None if self._is_current(name) else reinstate(self.out, name)

    def _fetched(self, version: ModelVersion) -> Path:
        with tempfile.TemporaryDirectory() as folder:
            source = fetch(self._uri, str(version.source), Path(folder))
            self.tried = version.version
            return adopt(self.out, source, keep=self.keep)

    @property
    def _uri(self) -> str:
        return self.tracking.uri or default_uri()

    def _version(self) -> ModelVersion:
        from mlflow.exceptions import MlflowException

        model, alias = self.tracking.model, self.alias
        client = connect(self._uri)
        try:
            return client.get_model_version_by_alias(model, alias)
        except MlflowException as error:
            raise ValueError(
                f"no version of {model} is called {alias} in {self._uri} ({str(error).splitlines()[0]}); "
                "training moves `champion`, MLflow's page of the model any alias"
            ) from error

    def _has(self, name: str) -> bool:
        return name not in {"", ".", ".."} and Path(name).name == name and (self.out / BUNDLES / name).is_dir()

    def _is_current(self, name: str) -> bool:
        try:
            return locate(self.out).name == name
        except BundleError:
            return False
