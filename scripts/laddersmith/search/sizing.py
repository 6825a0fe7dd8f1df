"""How many batches a title is spread over, so that its jobs last about as long as one wants them to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError
from ..titles import Title
from .estimate import Book, longest_job_s
from .estimate_page import Film
from .rates import Rates

MINUTES = 10.0  # a job on SLURM costs some 20 s beside its work: a thirtieth of this (docs/slurm.md)
MOST = 10_000  # batches of a title (config/schemas/titles.json)


@dataclass
class Sizing:
    """Batches by measured rates.

    Attributes
    ----------
    config : as `config.validate` returned it. rates : the best first (`estimate.known_rates`).
    job_s : seconds that the longest of a title's jobs is to last.
    """

    config: Mapping[str, Any]
    rates: Sequence[Rates]
    job_s: float
    book: Book = field(init=False)

    def __post_init__(self) -> None:
        self.book = Book(self.rates)

    def batches(self, film: Film) -> int:
        """At least one; at most one for each shot, since a batch holds whole shots.

        Raises
        ------
        ConfigError
            If no rate is known for one of the config's encoders or its engine.
        """
        longest = longest_job_s(self.config, film, self.book)
        if longest is None:
            lacking = "; ".join(self.book.missing.values())
            raise ConfigError(f"batches cannot be sized: {lacking}; or size them by length alone, with --batch-seconds")
        return min(max(1, round(longest / self.job_s)), film.shots, MOST)


def by_length(title: Title, batch_s: float) -> int:
    """Batches of about so many seconds of video."""
    return min(max(1, round((title.duration_s or 0) / batch_s)), MOST)
