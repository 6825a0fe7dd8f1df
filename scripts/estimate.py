"""Rule `estimate`: the config and the titles' headers in, what a run of them will take out, and on the terminal."""

from pathlib import Path
from typing import Any

from laddersmith.door import door
from laddersmith.jsonfile import write_json
from laddersmith.search.estimate import estimate, film_of, known_rates
from laddersmith.search.estimate_page import table
from laddersmith.titles import Title


def main(estimated: str, titles: list[dict[str, Any]], cores: int, config: dict) -> None:
    results = Path(estimated).parent
    films = [film_of(Title(**title), config, results) for title in titles]
    found = estimate(config, films, known_rates(results), cores=cores)
    write_json(estimated, found)
    print(table(found), flush=True)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
