"""Rule `probe`: a source in, what it is out, with a mezzanine beside it where it needs one."""

from pathlib import Path

from laddersmith.door import door
from laddersmith.jsonfile import write_json
from laddersmith.source import MEMORY_MB, bounded, note_stamp, probe

# A decode that is past its time says so itself; only one that is stuck in native code meets this further limit.
GRACE_S = 60


def main(source: str, facts: str, mezzanine: str, normalise: bool, crop_bars: bool, config: dict, title: str) -> None:
    Path(mezzanine).mkdir(parents=True, exist_ok=True)
    timeout_s = config["probe"]["timeout_s"]
    check_unchanged = note_stamp(source, Path(mezzanine))
    with bounded(MEMORY_MB, timeout_s + GRACE_S, f"{title}: probing {source}"):
        found = probe(
            source,
            title=title,
            normalise=normalise,
            crop_bars=crop_bars,
            mezzanine=Path(mezzanine) / "mezzanine.mov",
            timeout_s=timeout_s,
        )
    check_unchanged()
    write_json(facts, found)


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
