"""Rule `package`: a title's renditions and its source's tracks in, a folder that HLS and DASH players open out."""

from pathlib import Path

from laddersmith import tables
from laddersmith.door import door
from laddersmith.errors import PackageError
from laddersmith.jsonfile import read_json
from laddersmith.ladder import savings
from laddersmith.package import package_title
from laddersmith.source import MEMORY_MB, bounded, source_guard


def main(
    source: str,
    facts: str,
    shots: str,
    ladder: str,
    verdicts: list[str],
    renditions: list[str],
    package: str,
    segment_s: float,
    segments: str,
    audio_kbps: float,
    prefer: list[str],
    config: dict,
) -> None:
    folders = {Path(folder).parent for folder in renditions}
    if len(folders) != 1:
        raise PackageError(
            f"the renditions lie in several folders ({', '.join(map(str, sorted(folders)))}); give those of one title"
        )
    chosen = read_json(ladder)
    check_unchanged = source_guard(facts)
    with bounded(MEMORY_MB, config["package"]["timeout_s"], f"{chosen['title']}: packaging"):
        package_title(
            read_json(facts) | {"path": source},
            chosen,
            [read_json(verdict) for verdict in verdicts],
            folders.pop(),
            Path(package),
            segment_s=segment_s,
            segments=segments,
            shots=tables.read(shots, tables.SHOTS)["start"].tolist(),
            audio_kbps=audio_kbps,
            prefer=prefer,
            savings=savings(chosen),
            timeout_s=config["package"]["timeout_s"],
        )
    check_unchanged()


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
