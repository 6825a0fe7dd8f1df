"""`python -m laddersmith titles FILES...`."""

import argparse
from pathlib import Path
from typing import Any

from ..config import validate
from ..encode.codecs import CODECS
from ..errors import ConfigError
from ..source import header
from ..titles import Title, titles_table
from .estimate import film_of, known_rates
from .sizing import MINUTES, Sizing, by_length

CONFIG = Path("config/config.yaml")


def main(argv: list[str]) -> int:
    """Print a table of titles for video files, read from their headers: title, path, duration_s, batches, heights.

    Batches are as many as it takes for the longest job of a title to last about so many minutes, by the config's
    encoders, heights and engine and the rates that are measured (docs/estimate.md).
    """
    parser = argparse.ArgumentParser(prog="python -m laddersmith titles", description=main.__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a video file")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--job-minutes", type=_positive, default=MINUTES, metavar="N", help=f"default {MINUTES:g}")
    size.add_argument("--batch-seconds", type=_positive, metavar="N", help="batches of N seconds, whatever they take")
    parser.add_argument("--configfile", type=Path, metavar="FILE", help=f"default {CONFIG}, where it is there")
    given = parser.parse_args(argv)
    if given.batch_seconds:
        print(titles_table(given.files, header, lambda title: by_length(title, given.batch_seconds)), end="")
        return 0
    config = validate(_config(given.configfile), CODECS)
    results = Path("results")
    sizing = Sizing(config, known_rates(results), 60 * given.job_minutes)

    def batches(title: Title) -> int:
        return sizing.batches(film_of(title, config, results))

    print(titles_table(given.files, header, batches), end="")
    return 0


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def _config(path: Path | None) -> dict[str, Any]:
    import yaml

    if path is None and not CONFIG.exists():
        return {}
    path = path or CONFIG
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: is no YAML ({str(error).splitlines()[0]})") from error
    if found is not None and not isinstance(found, dict):
        raise ConfigError(f"{path}: holds no table of keys; see config/README.md")
    return found or {}
