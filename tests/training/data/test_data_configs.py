"""Each file of conf/data fits the Config class that stands behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from training.data import CONFIGS, FilesConfig, MovieLensConfig


def test_every_file_has_its_class(repository: Path) -> None:
    assert {path.stem for path in (repository / "conf" / "data").glob("*.yaml")} == set(CONFIGS)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_file_overrides_only_what_its_class_has(repository: Path, name: str) -> None:
    path = repository / "conf" / "data" / f"{name}.yaml"
    given = {"events": "log.csv"} if name == "files" else {}
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(CONFIGS[name]), OmegaConf.load(path), given))
    assert path.read_text().startswith("# ")
    assert isinstance(config, (FilesConfig, MovieLensConfig))
    if isinstance(config, MovieLensConfig):
        assert config.name == name.replace("_", "-")
