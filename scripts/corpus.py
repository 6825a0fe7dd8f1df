"""Rule `corpus`: the rows of all titles in, one dataset out, as Parquet and as JSON Lines."""

from laddersmith.corpus import join
from laddersmith.door import door
from laddersmith.tables import CORPUS, read


def main(rows: list[str], parquet: str, lines: str) -> None:
    join((read(path, CORPUS) for path in rows), [parquet, lines])


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
