"""The config and the titles of a working folder, read as Snakemake reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import read_titles, validate
from ..encode.codecs import CODECS
from ..errors import ConfigError
from ..titles import Title

CONFIG = "config/config.yaml"


@dataclass(frozen=True)
class Settings:
    """A working folder: its config with every default, and its titles.

    `given` : the config as the files say it, before defaults are filled in.
    """

    folder: Path
    config: Mapping[str, Any]
    given: Mapping[str, Any]
    titles: Mapping[str, Title]


def read_settings(folder: Path, files: Sequence[Path] = (), *, check_files: bool = True) -> Settings:
    """`config/config.yaml` of the folder, where it has one, and over it `files`, as `--configfile` lays them over it.

    Parameters
    ----------
    files : further files of settings, the last one's word counts.
    check_files : whether a title whose source cannot be read is a fault.

    Raises
    ------
    ConfigError
        If a file cannot be read, a setting is not allowed, or the table of titles has a fault.
    """
    given = given_config(folder, files)
    config = validate(given, CODECS)
    return Settings(folder, config, given, read_titles(config, root=folder, check_files=check_files))


def given_config(folder: Path, files: Sequence[Path] = ()) -> dict[str, Any]:
    """What the files say, before defaults are filled in and anything is checked. Errors as `read_settings`."""
    given: dict[str, Any] = {}
    own = folder / CONFIG
    for file in [*([own] if own.exists() else []), *files]:
        _lay_over(given, _read(file))
    return given


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name the config with --config") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: is no YAML ({str(error).splitlines()[0]})") from error
    if found is not None and not isinstance(found, dict):
        raise ConfigError(f"{path}: holds no table of keys; see config/README.md")
    return found or {}


def _lay_over(base: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Tables key by key, everything else whole (`snakemake.utils.update_config`)."""
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _lay_over(base[key], value)
        else:
            base[key] = dict(value) if isinstance(value, Mapping) else value
