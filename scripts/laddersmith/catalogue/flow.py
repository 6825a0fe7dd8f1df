"""The jobs of a title, and which waits for which: what a dry run lists, reckoned without Snakemake.

The rules decide what is run; this tells of it beforehand (shards, simulation) and beside it (status). A test holds the
two together: the same jobs, the same edges between rules, the same cores, the same rules on the head node.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import codecs_of, heights_of, search_rounds
from ..titles import Title

# Cores of a job (`threads:` of its rule); 1 where none are named. Rules that run beside Snakemake, on the head node.
THREADS = {"detect_shots": 2, "regions": 2, "score": 8, "verify": 8}
LOCAL = frozenset({"plan", "choose", "ladder", "remember", "tidy", "export", "gate"})


@dataclass(frozen=True)
class Job:
    """One job of a title.

    Attributes
    ----------
    rule : its rule. name : in words: "encode, batch 0, round 1, x264 360p".
    batch, round, codec, height : of its wildcards, those that it has.
    output : the file or folder under `results/` that is there once it is done.
    log : its log under `logs/`.
    needs : places in the list of the title's jobs of those it waits for.
    """

    rule: str
    name: str
    batch: int | None
    round: int | None
    codec: str | None
    height: int | None
    output: str
    log: str
    needs: tuple[int, ...]

    @property
    def threads(self) -> int:
        return THREADS.get(self.rule, 1)

    @property
    def local(self) -> bool:
        return self.rule in LOCAL


def title_jobs(config: Mapping[str, Any], title: Title) -> list[Job]:
    """The title's jobs from its probe to its gate, each after those that it waits for.

    Parameters
    ----------
    config : as `config.validate` returned it.
    """
    return _Flow(config, title).jobs


def count_jobs(config: Mapping[str, Any], title: Title) -> int:
    """How many those are."""
    rounds, codecs = search_rounds(config), len(codecs_of(config, title))
    every_round = title.batches * (codecs * len(heights_of(config, title)) + 1) * (rounds + 1)
    # Once: probe, detect_shots, hull, choose, ladder, package, export, report, gate.
    asked = (config["search"]["known_shots"], config["store"]["keep"] == "ladder", _codecs_with_regions(config, title))
    return every_round + rounds + 2 * codecs + 9 + sum(map(bool, asked))


def _codecs_with_regions(config: Mapping[str, Any], title: Title) -> set[str]:
    """The title's codecs that have a variant with regions of another quality."""
    mine = codecs_of(config, title)
    return {one["codec"] for one in config["variants"].values() if one["roi"] and one["codec"] in mine}


class _Flow:
    def __init__(self, config: Mapping[str, Any], title: Title) -> None:
        self.title, self.jobs = title.title, list[Job]()
        self.codecs, self.heights = codecs_of(config, title), heights_of(config, title)
        self.batches, last = range(title.batches), search_rounds(config)
        target = config["search"]["mode"] != "ladder"

        facts = [self._add("probe", "source.json")]
        cuts = [*facts, self._add("detect_shots", "shots.parquet", needs=facts)]
        self.with_regions = _codecs_with_regions(config, title)
        self.regions = [self._add("regions", "regions.json", needs=cuts)] if self.with_regions else []
        encodes: dict[int, dict[str, list[int]]] = {}
        scores: dict[int, list[int]] = {}
        for number in range(last):
            earlier = [place for r in range(number) for place in scores[r]]
            plan = self._add("plan", f"r{number}/plan.parquet", number=number, needs=[*cuts, *earlier])
            encodes[number], scores[number] = self._round(number, plan, cuts)
        searched = [place for r in range(last) for place in scores[r]]
        hull = self._add("hull", "hull.parquet", needs=[*facts, *searched])
        choice = self._add("choose", f"r{last}/choice.json", needs=[*cuts, hull, *searched])
        encodes[last], scores[last] = self._round(last, choice, cuts)
        scored = [*searched, *scores[last]]
        of_rungs = {
            codec: [place for r in (range(last + 1) if target else [last]) for place in encodes[r][codec]]
            for codec in self.codecs
        }
        chosen = [place for places in of_rungs.values() for place in places]
        ladder = self._add("ladder", "ladder.json", needs=[*facts, choice, hull, *scored, *chosen])
        if config["search"]["known_shots"]:
            self._add("remember", "remembered.json", needs=[*cuts, *scored, ladder])
        renditions, verdicts = [], []
        for codec in self.codecs:
            needs = [ladder, *of_rungs[codec]]
            renditions.append(self._add("assemble", f"renditions/{codec}", codec=codec, needs=needs))
            needs = [*cuts, ladder, renditions[-1], *scored]
            verdicts.append(self._add("verify", f"verify/{codec}.json", codec=codec, needs=needs))
        if config["store"]["keep"] == "ladder":
            self._add("tidy", "tidied.json", needs=[ladder, *renditions])
        package = self._add("package", "package", needs=[*cuts, ladder, *verdicts, *renditions])
        self._add("export", "exports", needs=[*cuts, ladder])
        report = self._add("report", "report.html", needs=[*cuts, hull, ladder, *verdicts, package, *scored])
        self._add("gate", "gate.json", needs=[*verdicts, package, report])

    def _round(self, number: int, plan: int, cuts: list[int]) -> tuple[dict[str, list[int]], list[int]]:
        """Encodes by codec, and scores, of one round."""
        encodes: dict[str, list[int]] = {codec: [] for codec in self.codecs}
        scores = []
        for batch in self.batches:
            mine = []
            for codec in self.codecs:
                for height in self.heights:
                    output = f"b{batch}/r{number}/{codec}/{height}p.parquet"
                    needs = [*cuts, plan, *(self.regions if codec in self.with_regions else [])]
                    place = self._add(
                        "encode", output, batch=batch, number=number, codec=codec, height=height, needs=needs
                    )
                    encodes[codec].append(place)
                    mine.append(place)
            output = f"b{batch}/r{number}/scores.parquet"
            scores.append(self._add("score", output, batch=batch, number=number, needs=[*cuts, *mine]))
        return encodes, scores

    def _add(
        self,
        rule: str,
        output: str,
        *,
        batch: int | None = None,
        number: int | None = None,
        codec: str | None = None,
        height: int | None = None,
        needs: list[int] | None = None,
    ) -> int:
        told = (
            None if batch is None else f"batch {batch}",
            None if number is None else f"round {number}",
            " ".join(_said(codec, height)) or None,
        )
        name = ", ".join([rule, *(part for part in told if part)])
        self.jobs.append(
            Job(
                rule,
                name,
                batch,
                number,
                codec,
                height,
                f"{self.title}/{output}",
                f"{self.title}/{_log(rule, batch, number, codec, height)}",
                tuple(needs or ()),
            )
        )
        return len(self.jobs) - 1


def _said(codec: str | None, height: int | None) -> Iterator[str]:
    if codec is not None:
        yield codec
    if height is not None:
        yield f"{height}p"


def _log(rule: str, batch: int | None, number: int | None, codec: str | None, height: int | None) -> str:
    """The log's place under the title's folder, as the rules name it."""
    folder = "".join(f"{mark}{value}/" for mark, value in (("b", batch), ("r", number)) if value is not None)
    if rule == "encode":
        return f"{folder}{codec}-{height}p.log"
    return f"{folder}{rule}-{codec}.log" if codec else f"{folder}{rule}.log"
