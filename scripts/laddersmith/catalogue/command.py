"""`python -m laddersmith catalogue [FOLDER] -- ARGUMENTS OF SNAKEMAKE...`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..errors import RunError
from ..jsonfile import read_json, write_json, write_text
from ..report import summarise, summary_facts
from ..report.failures import Failure, failures
from ..report.summary import AFTER_PACKAGE
from .run import TARGETS, Order, run_catalogue
from .settings import Settings, read_settings
from .shards import JOBS_PER_SHARD, PROJECT, Shard, cut

# What a catalogue says to Snakemake itself.
TAKEN = ("--config", "-C", "--configfile", "--configfiles", "--snakefile", "-s", "--directory", "-d", "--profile")
SHOWN = 20  # failed titles on the terminal; the summary has all


def main(argv: list[str]) -> int:
    """Run a whole table of titles in shards that one Snakemake can plan, and make a summary over all of them.

    A title that fails stops no other, and a shard stops no other. Begun again it goes on where it stood; shards that
    are done, and whose titles, sources and settings are as they were, are passed over. `python -m laddersmith status`
    tells how far it is.
    """
    parser = argparse.ArgumentParser(
        prog="python -m laddersmith catalogue",
        description=main.__doc__,
        epilog="What follows `--` is handed to every Snakemake: -- --jobs 500 --retries 2",
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="default: this one")
    parser.add_argument("--config", action="append", type=Path, default=[], metavar="FILE", help="settings of your own")
    parser.add_argument("--profile", default="profiles/local", metavar="FOLDER", help="default: profiles/local")
    parser.add_argument("--jobs-per-shard", type=_count, default=JOBS_PER_SHARD, metavar="N", help="default: 20000")
    parser.add_argument("--at-once", type=_count, default=1, metavar="N", help="shards that run at a time; default: 1")
    parser.add_argument("--target", choices=TARGETS, default="titles", help="default: titles, from probe to gate")
    parser.add_argument("--again", action="store_true", help="look at shards that are done, too")
    parser.add_argument("--shards", action="store_true", help="show the shards and run nothing")
    own, further = _parted(argv)
    given = parser.parse_args(own)
    for word in further:
        if word.partition("=")[0] in TAKEN:
            parser.error(
                f"{word} stands after `--`, where a catalogue says that itself; see --config, --profile, FOLDER"
            )
    settings = read_settings(given.folder, given.config)
    shards = cut(settings.config, settings.titles.values(), jobs_per_shard=given.jobs_per_shard)
    if given.shards:
        print("\n".join(_line(shard) for shard in shards))
        return 0
    order = Order(given.target, given.config, ["--profile", _profile(given.profile), *further])
    records = run_catalogue(
        settings,
        shards,
        order,
        jobs_per_shard=given.jobs_per_shard,
        at_once=given.at_once,
        again=given.again,
        say=lambda line: print(line, flush=True),
    )
    failed = _summary(settings)
    left = [record for record in records if record.state != "done"]
    for one in failed[:SHOWN]:
        print(f"  {one.title}, {one.rule}: {one.sentence}")
    if left:
        raise RunError(_told(records, len(failed), len(settings.titles)))
    print(f"{len(settings.titles)} titles are done; see {given.folder / 'results' / 'summary.html'}")
    return 0


def _parted(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The command's own words, and those after `--`."""
    place = list(argv).index("--") if "--" in argv else len(argv)
    return list(argv[:place]), list(argv[place + 1 :])


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _profile(name: str) -> str:
    """A folder of that name here or in the project; else a name for Snakemake to look up."""
    for folder in (Path(name), PROJECT / name):
        if folder.is_dir():
            return str(folder.resolve())
    return name


def _line(shard: Shard) -> str:
    first, last = shard.titles[0].title, shard.titles[-1].title
    return f"{shard.name}  {len(shard.titles):6} titles  {shard.jobs:7} jobs  {first} to {last}"


def _told(records: Sequence, failed: int, titles: int) -> str:
    counts = {state: sum(record.state == state for record in records) for state in ("failed", "stopped", "waiting")}
    parts = [f"{count} {state}" for state, count in counts.items() if count]
    broken = [record.log for record in records if record.state == "failed"]
    where = f" ({broken[0]}{' and others' if len(broken) > 1 else ''})" if broken else ""
    return (
        f"of {len(records)} shards {' and '.join(parts)}{where}; {failed} of {titles} titles failed: mend what the "
        "sentences above tell, and run the same command again"
    )


def _summary(settings: Settings) -> list[Failure]:
    """Write the summary over all titles of which there is a package; the failed ones."""
    folder = settings.folder
    failed = failures(folder, settings.titles)
    packages = {title: folder / "results" / title / "package" / "ladder.json" for title in settings.titles}
    broken = {title for title, one in failed.items() if one.rule not in AFTER_PACKAGE}
    ladders = [read_json(path) for title, path in packages.items() if title not in broken and path.is_file()]
    unfinished = [title for title, path in packages.items() if title not in failed and not path.is_file()]
    found = list(failed.values())
    write_json(folder / "results" / "summary.json", summary_facts(ladders, found, unfinished))
    write_text(folder / "results" / "summary.html", summarise(ladders, found, unfinished))
    return found
