"""Rule `package`: a title's renditions and its source's tracks in, a folder that HLS and DASH players open out."""

import json
from pathlib import Path

from laddersmith.door import door
from laddersmith.errors import PackageError
from laddersmith.ladder import savings
from laddersmith.package import package_title


def main(
    source: str,
    facts: str,
    ladder: str,
    verdicts: list[str],
    renditions: list[str],
    package: str,
    segment_s: float,
    audio_kbps: float,
    config: dict,
) -> None:
    folders = {Path(folder).parent for folder in renditions}
    if len(folders) != 1:
        raise PackageError(
            f"the renditions lie in several folders ({', '.join(map(str, sorted(folders)))}); give those of one title"
        )
    chosen = _read(ladder)
    package_title(
        _read(facts) | {"path": source},
        chosen,
        [_read(verdict) for verdict in verdicts],
        folders.pop(),
        Path(package),
        segment_s=segment_s,
        audio_kbps=audio_kbps,
        savings=savings(chosen),
        timeout_s=config["package"]["timeout_s"],
    )


def _read(path: str) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
