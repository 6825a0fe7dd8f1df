"""What a run will take, said before it: encodes, CPU and GPU time, wall time, bytes; by measured rates alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..config import codecs_of, heights_of, rules_of, search_rounds
from ..encode import boxes
from ..encode.codecs import QUALITY, knob_of
from ..errors import ConfigError, SourceError
from ..provenance import versions
from ..quality import judged_by
from ..source import header, load_media
from ..titles import Title, in_storage
from .estimate_page import HOUR, PARTS, Film, Taken, added, facts, in_units, notes, row
from .expected import FIXED, SEARCH, Wanted, fixed_planned, points_planned, rungs_wanted
from .rate_fits import NOTHING, Encoder, Line, Range, encoder, exactly, line
from .rates import ENCODER, SHIPPED, Rates, own_rates, read_rates

SCHEMA = "laddersmith/estimate/1"
SHOT_S = 4.0  # assumed mean length of a shot, where nothing says better
THREADS = 8  # of a job that scores or verifies (rules/quality.smk)
READERS = ("probe", "detect_shots")  # rest: rules that decode every picture of the title
FINISHERS = ("plan", "hull", "choose", "ladder", "assemble", "package", "export", "report", "gate")
MEASURE = (
    "measure it with `snakemake --profile profiles/local bench_rates`, which takes your config's encoders and engine"
)


@dataclass
class Book:
    """The rates, the best first, with notes of which were used for what and which are missing."""

    sources: Sequence[Rates]
    used: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    _found: dict[str, Any] = field(default_factory=dict)

    def encoder(self, codec: str, preset: str, pix_fmt: str, rate: str) -> Encoder | None:
        kept = "" if rate == QUALITY else f", rate {rate}"
        what = f"encoding by {codec}, preset {preset}, {pix_fmt}{kept}"
        return self._best(what, lambda rates: encoder(rates, codec, preset, pix_fmt, rate))

    def line(self, rule: str, what: str | None, name: str, *, enough_s: float | None = None) -> Line | None:
        return self._best(name, lambda rates: line(rates, rule, what, enough_s=enough_s))

    def bytes_per_score(self) -> float | None:
        name = "frame scores' bytes"
        return self._best(name, lambda rates: None if math.isnan(rates.bytes_per_score) else rates.bytes_per_score)

    def _best(self, name: str, fit: Callable[[Rates], Any]) -> Any:
        if name not in self._found:
            self._found[name] = None
            for rates in self.sources:
                found = fit(rates)
                if found is not None:
                    self._found[name] = found
                    self.used[name] = rates.name
                    break
            else:
                self.missing[name] = f"no rate is known for {name}; {MEASURE}"
        return self._found[name]


def film_of(title: Title, config: Mapping[str, Any], results: Path) -> Film:
    """What a title's headers say, or its `source.json` and `shots.parquet` where there are such.

    Raises
    ------
    SourceError
        If the file is no video or its headers do not say how long it is.
    """
    try:
        media = load_media(results / title.title / "source.json")
        frames, rate, width, height = media.frames, media.frame_rate, media.width, media.height
    except SourceError:
        if in_storage(title.path):
            raise SourceError(
                f"{title.title}: {title.path} is not fetched for an estimate; name a copy of it on this machine"
            ) from None
        duration_s, rate, width, height = header(title.path)
        frames = max(1, round(duration_s * rate))
    duration_s = float(frames / rate)
    display = title.display or config["display"]
    across, down = (width, height) if display == "source" else (int(side) for side in display.split("x"))
    try:
        shots, counted = int(pq.read_metadata(results / title.title / "shots.parquet").num_rows), True
    except (OSError, pa.ArrowException):
        each = config["shots"]["fixed_length_s"] if config["shots"]["detector"] == "fixed" else SHOT_S
        shots, counted = max(1, round(duration_s / each)), False
    return Film(title, frames, duration_s, width, height, float(across * down), shots, counted)


def known_rates(results: Path) -> list[Rates]:
    """What is measured, the best first: work finished under `results`, `bench_rates` run here, and what is shipped.

    Raises
    ------
    TableError
        If a file of rates is damaged.
    """
    here = results / "bench" / "rates.json"
    return [
        own_rates(results.parent, "work finished here"),
        *([read_rates(here, f"{here}")] if here.exists() else []),
        read_rates(SHIPPED, "docs/benchmarks/rates.json"),
    ]


def estimate(config: Mapping[str, Any], films: Sequence[Film], rates: Sequence[Rates], *, cores: int) -> dict[str, Any]:
    """The content of `results/estimate.json` (config/schemas/estimate.json).

    Parameters
    ----------
    config : as `config.validate` returned it.
    rates : the best first; each part goes by the first that tells of it.
    cores : of one machine, or jobs of one core that a cluster runs at a time.

    Raises
    ------
    ConfigError
        If it is not known how many encodes the strategy takes, or there are no cores.
    """
    if cores < 1:
        raise ConfigError(f"estimate: {cores} cores run nothing; give --cores 1 or more")
    book = Book(rates)
    taken = [_taken(config, film, book, cores) for film in films]
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "strategy": config["search"]["strategy"],
        "engine": config["quality"]["engine"],
        "cores": cores,
        "titles": [row(film, each) for film, each in zip(films, taken, strict=True)],
        "total": facts(taken) | {"wall_hours": in_units(_wall(taken, cores), HOUR)},
        "rates": [{"part": part, "from": source} for part, source in sorted(book.used.items())],
        "missing": list(book.missing.values()),
        "notes": notes(films, SHOT_S),
    }


def _taken(config: Mapping[str, Any], film: Film, book: Book, cores: int) -> Taken:
    title, batches = film.title, film.title.batches
    codecs, heights, rounds = codecs_of(config, title), heights_of(config, title), search_rounds(config)
    variants, wanted, areas, places = wanted_of(config, film)

    jobs, bits = encoder_seconds(wanted, areas, variants, film, book)
    feed = book.line("encode", None, "feeding the encoders", enough_s=0.0)
    pixels = sum((one.count * areas[one.height] for one in wanted), NOTHING) * film.frames
    job_count = batches * len(codecs) * len(heights) * (rounds + 1)
    encode = (
        added([*jobs.values(), None if feed is None else feed.seconds(job_count, pixels)]) if jobs is not None else None
    )

    engine, model = config["quality"]["engine"], config["quality"]["model"]
    verifier = judged_by(engine, model, config["verify"])[0]
    judge = book.line("verify", verifier, f"verifying by libvmaf, {verifier}")
    scorer = judge if engine == "libvmaf" else scorer_of(book, engine)
    scored = sum((one.count for one in wanted), NOTHING) * film.frames
    score = None if scorer is None else scorer.seconds(batches * (rounds + 1), scored * film.display)
    rungs = float(sum(rungs_wanted(config, list(places), codec) for codec in codecs))
    verified = exactly(rungs * film.frames * film.display)
    verify = None if judge is None else judge.seconds(len(codecs), verified)
    rest = _rest(film, book, rounds, len(codecs))
    gpu = scored * (film.display * scorer.wall_per_pixel) if engine == "cuda" and scorer else None

    per_score = book.bytes_per_score()
    searched = sum(one.count.expected for one in wanted if one.part == SEARCH)
    return Taken(
        {p: sum((one.count * film.encodes(p) for one in wanted if one.part == p), NOTHING) for p in PARTS},
        encode,
        score,
        verify,
        rest,
        gpu,
        _chain(jobs, score, verify, rest, gpu, batches=batches, codecs=len(codecs), wide=min(THREADS, cores)),
        None if bits is None else sum(bits.values(), NOTHING) * (1 / 8),
        None if per_score is None else scored * per_score,
        # A rung is taken for the mean of the points searched; its bytes are in renditions/ and in package/.
        None if bits is None else bits[SEARCH] * (2 * rungs / searched / 8),
    )


def longest_job_s(config: Mapping[str, Any], film: Film, book: Book) -> float | None:
    """Seconds that the longest of a title's encoding and scoring jobs is expected to last, were it one batch.

    An encode job has the one core of its rule, a scoring job THREADS; the rounds of search are taken to share its
    points evenly. The fixed ladder is left out: its encodes are of the whole title, and the first batch makes them,
    however many there are. None where a rate is not known: `book.missing` then says which.
    """
    rounds = search_rounds(config)
    variants, planned, areas, _ = wanted_of(config, film)
    wanted = [one for one in planned if one.part != FIXED]
    jobs, _ = encoder_seconds(wanted, areas, variants, film, book)
    engine, model = config["quality"]["engine"], config["quality"]["model"]
    name = judged_by(engine, model, config["verify"])[0]
    judge = book.line("verify", name, f"verifying by libvmaf, {name}") if engine == "libvmaf" else None
    scorer = judge if engine == "libvmaf" else scorer_of(book, engine)
    if jobs is None or scorer is None:
        return None
    found = [seconds.expected / (rounds if searching else 1) for (searching, _, _), seconds in jobs.items()]
    for searching in (True, False):
        scored = sum((one.count for one in wanted if (one.part == SEARCH) == searching), NOTHING)
        pixels = scored * (film.frames * film.display / (rounds if searching else 1))
        if engine == "cuda":
            found.append(pixels.expected * scorer.wall_per_pixel)
        else:
            found.append(scorer.seconds(1, pixels).expected / THREADS)
    return max(found)


def wanted_of(
    config: Mapping[str, Any], film: Film
) -> tuple[dict[str, Any], list[Wanted], dict[int, float], dict[int, tuple[int, int]]]:
    """A title's variants, its encodes, the pixels of each height's picture, and the boxes at which rungs may stand."""
    codecs, heights = codecs_of(config, film.title), heights_of(config, film.title)
    variants = {name: settings for name, settings in config["variants"].items() if settings["codec"] in codecs}
    limits = [(own["min_height"], own["max_height"]) for own in (rules_of(config["ladder"], codec) for codec in codecs)]
    every = boxes(film.width, film.height, heights)
    kept = [height for height in heights if any(low <= height <= high for low, high in limits)]
    places = boxes(film.width, film.height, kept)
    wanted = points_planned(config, list(places), variants) + fixed_planned(config, list(every), variants)
    areas = {height: float(width * down) for height, (width, down) in (every | places).items()}
    return variants, wanted, areas, places


def encoder_seconds(
    wanted: Sequence[Wanted], areas: Mapping[int, float], variants: Mapping[str, Any], film: Film, book: Book
) -> tuple[dict[tuple[bool, str, int], Range] | None, dict[str, Range] | None]:
    """CPU seconds of the encoders by (whether in the search, codec, height), and bits by part; None without rates."""
    jobs: dict[tuple[bool, str, int], Range] = {}
    bits = dict.fromkeys(PARTS, NOTHING)
    for one in wanted:
        # The fixed ladder is of a quality, whatever its codec's first variant keeps.
        own = {"rate": QUALITY} | variants[one.variant] | ({"rate": QUALITY} if one.part == FIXED else {})
        fit = book.encoder(*(own[key] for key in ENCODER))
        if fit is None:
            return None, None
        place = knob_of(own["codec"], own["rate"]).place(one.crf)
        most = math.inf if one.kbps is None else one.kbps * 1000 * film.duration_s
        written = fit.bits_of(areas[one.height], film.frames, place, most)
        seconds = fit.seconds(areas[one.height], film.frames, film.encodes(one.part), written)
        key = (one.part == SEARCH, variants[one.variant]["codec"], one.height)
        jobs[key] = jobs.get(key, NOTHING) + seconds * one.count
        bits[one.part] = bits[one.part] + written * one.count
    return jobs, bits


def scorer_of(book: Book, engine: str) -> Line | None:
    if engine != "cuda":
        return book.line("score", engine, f"scoring by {engine}")
    name = "scoring by cuda"
    found = book.line("score", engine, name, enough_s=0.0)
    if found is None:
        book.missing[name] = f"no rate measured on a GPU yet; {MEASURE}, on a machine with a GPU"
    return found


def _rest(film: Film, book: Book, rounds: int, codecs: int) -> Range | None:
    """CPU seconds of every other rule.

    What decodes the source goes with its pixels. What the finishing rules take on short titles is mostly the start of
    programs: as much is expected again, and at the most as much for every pixel.
    """
    pf = float(film.frames * film.width * film.height)
    parts: list[Range | None] = []
    for rule in (*READERS, *FINISHERS):
        fit = book.line(rule, None, f"rule {rule}", enough_s=0.0)
        often = {"plan": rounds, "assemble": codecs}.get(rule, 1)
        if fit is None:
            parts.append(None)
        elif rule in READERS:
            parts.append(fit.seconds(1, exactly(pf)))
        else:
            most = max(fit.each_s, fit.per_pixel.expected * pf)
            parts.append((exactly(fit.start_s) + Range(0.0, fit.each_s, most)) * often)
    return added(parts)


def _chain(
    jobs: Mapping[tuple[bool, str, int], Range] | None,
    score: Range | None,
    verify: Range | None,
    rest: Range | None,
    gpu: Range | None,
    *,
    batches: int,
    codecs: int,
    wide: int,
) -> Range | None:
    """Seconds of the longest chain of a title's jobs, each on as many cores as it takes, `wide` at the most."""
    if jobs is None or score is None or verify is None or rest is None:
        return None
    chain = rest + verify * (1 / (wide * codecs)) + (gpu or score * (1 / wide)) * (1 / batches)
    for searching in (True, False):
        of_round = [seconds for key, seconds in jobs.items() if key[0] == searching]
        chain = chain + max(of_round, key=lambda seconds: seconds.expected, default=NOTHING) * (1 / batches)
    return chain


def _wall(taken: Sequence[Taken], cores: int) -> Range | None:
    """Wall seconds on `cores` cores, nothing else running.

    No schedule is faster than the work spread evenly or than the longest chain; one that never leaves a core idle while
    a job waits takes at most their sum (R. L. Graham, Bounds on multiprocessing timing anomalies, SIAM J. Appl. Math.
    17, 1969). The greater of the two is expected, their sum is the most.
    """
    work, chains = added([each.work for each in taken]), [each.chain for each in taken]
    longest = [chain for chain in chains if chain is not None]
    if work is None or len(longest) < len(chains):
        return None
    low, expected, high = (max(getattr(c, end) for c in longest) for end in ("low", "expected", "high"))
    spread = work * (1 / cores)
    return Range(max(spread.low, low), max(spread.expected, expected), spread.high + high)
