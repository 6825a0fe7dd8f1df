"""How long each job of a title is expected to last, by measured rates: what the simulation plays."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..config import search_rounds
from ..errors import ConfigError
from ..quality import judged_by
from ..search.estimate import Book, encoder_seconds, scorer_of, wanted_of
from ..search.estimate_page import Film
from ..search.expected import FIXED, SEARCH, Wanted, rungs_wanted
from ..search.rate_fits import Line, Range
from ..search.rates import Rates
from .engine import Task
from .flow import Job, title_jobs

READERS = ("probe", "detect_shots")  # their work goes with the source's pixels; that of the others is what was measured


@dataclass(frozen=True)
class Timed:
    """A title's jobs, and seconds that each lasts on its cores, all of them busy; the start of a job is not counted."""

    jobs: Sequence[Job]
    seconds: Sequence[float]

    def tasks(self, factor: float = 1.0) -> list[Task]:
        """The same for a title that is so much harder: encoding takes longer, all else does not."""
        return [
            Task(seconds * (factor if job.rule == "encode" else 1.0), job.threads, job.local, job.needs)
            for job, seconds in zip(self.jobs, self.seconds, strict=True)
        ]


def timed(config: Mapping[str, Any], film: Film, rates: Sequence[Rates]) -> Timed:
    """The jobs of a title, and what each is expected to take.

    Encodes of the search fall into its rounds as planned: `grid` has one; of others the first has the points that are
    sure, later ones share what is expected beyond. Batches are taken to be alike; the fixed ladder is encoded by the
    first. A job of several cores is taken to keep all of them busy. A rule that only some configs have, and of which no
    rate is known, is taken for the median of the others that neither encode nor score.

    Raises
    ------
    ConfigError
        If a rate is not known that it takes.
    """
    book = Book(rates)
    jobs = title_jobs(config, film.title)
    variants, wanted, areas, places = wanted_of(config, film)
    rounds, batches = search_rounds(config), film.title.batches
    shared = [one for one in wanted if one.part != FIXED]
    encoders, _ = encoder_seconds(shared, areas, variants, film, book)
    fixed, _ = encoder_seconds([one for one in wanted if one.part == FIXED], areas, variants, film, book)
    feed = book.line("encode", None, "feeding the encoders", enough_s=0.0)
    engine, model = config["quality"]["engine"], config["quality"]["model"]
    judge_name = judged_by(engine, model, config["verify"])[0]
    judge = book.line("verify", judge_name, f"verifying by libvmaf, {judge_name}")
    scorer = judge if engine == "libvmaf" else scorer_of(book, engine)
    others = {
        rule: book.line(rule, None, f"rule {rule}", enough_s=0.0)
        for rule in sorted({job.rule for job in jobs} - {"encode", "score", "verify"})
    }
    known = {rule: line for rule, line in others.items() if line is not None}
    if encoders is None or fixed is None or feed is None or judge is None or scorer is None or not known:
        raise ConfigError(f"jobs cannot be timed: {'; '.join(book.missing.values())}")
    codecs = {name: settings["codec"] for name, settings in variants.items()}
    work = _Work(film, rounds, batches, areas, encoders, fixed, feed, scorer, shared, wanted, codecs, engine)
    rungs = rungs_wanted(config, list(places))
    seconds = []
    for job in jobs:
        if job.rule == "encode":
            seconds.append(work.encode(job))
        elif job.rule == "score":
            seconds.append(work.score(job))
        elif job.rule == "verify":
            seconds.append(judge.per_pixel.expected * rungs * film.frames * film.display / job.threads)
        elif job.rule in READERS and job.rule in known:
            seconds.append(known[job.rule].per_pixel.expected * film.frames * film.width * film.height / job.threads)
        else:
            each = sorted(line.each_s for line in known.values())
            seconds.append((known[job.rule].each_s if job.rule in known else each[len(each) // 2]) / job.threads)
    return Timed(jobs, [float(each) for each in seconds])


@dataclass(frozen=True)
class _Work:
    film: Film
    rounds: int
    batches: int
    areas: Mapping[int, float]
    encoders: Mapping[tuple[bool, str, int], Range]
    fixed: Mapping[tuple[bool, str, int], Range]
    feed: Line
    scorer: Line
    shared: Sequence[Wanted]
    wanted: Sequence[Wanted]
    codecs: Mapping[str, str]
    engine: str

    def share(self, number: int) -> float:
        """Of the points of the search, those of a round."""
        if self.rounds == 1:
            return 1.0
        low, expected = (
            sum(getattr(one.count, end) for one in self.shared if one.part == SEARCH) for end in ("low", "expected")
        )
        first = low / expected
        return first if number == 0 else (1 - first) / (self.rounds - 1)

    def points(self, number: int, place: tuple[str, int] | None, *, fixed: bool) -> float:
        """Points of a round, each a whole title: of one codec and height or all, of the fixed ladder or the others."""
        last = number == self.rounds
        if fixed and not last:
            return 0.0
        parts = (FIXED,) if fixed else (SEARCH,) if not last else tuple({one.part for one in self.shared} - {SEARCH})
        found = sum(
            one.count.expected
            for one in self.wanted
            if one.part in parts and place in (None, (self.codecs[one.variant], one.height))
        )
        return found * (1.0 if last else self.share(number))

    def encode(self, job: Job) -> float:
        assert job.round is not None and job.codec is not None and job.height is not None
        last = job.round == self.rounds
        key = (not last, job.codec, job.height)
        mine = self.encoders[key].expected if key in self.encoders else 0.0
        mine *= (1.0 if last else self.share(job.round)) / self.batches
        first = (
            self.fixed[False, job.codec, job.height].expected if last and job.batch == 0 and key in self.fixed else 0
        )
        place = job.codec, job.height
        pixels = self.points(job.round, place, fixed=False) / self.batches
        if job.batch == 0:
            pixels += self.points(job.round, place, fixed=True)
        return mine + first + self.feed.per_pixel.expected * pixels * self.film.frames * self.areas.get(job.height, 0.0)

    def score(self, job: Job) -> float:
        assert job.round is not None
        points = self.points(job.round, None, fixed=False) / self.batches
        if job.batch == 0:
            points += self.points(job.round, None, fixed=True)
        pixels = points * self.film.frames * self.film.display
        if self.engine == "cuda":
            return self.scorer.wall_per_pixel * pixels
        return self.scorer.per_pixel.expected * pixels / job.threads


def factors(count: int, spread: float, seed: int = 0) -> list[float]:
    """How much harder each of so many titles is than the usual one: log-normal, their mean 1, `spread` the logarithm's
    standard deviation."""
    draw = random.Random(seed)
    return [math.exp(draw.gauss(0.0, spread) - spread**2 / 2) if spread else 1.0 for _ in range(count)]
