"""Rule `probe`: a source in, what it is out, with a mezzanine beside it where it needs one."""

import json
import os
from pathlib import Path

from laddersmith.door import door
from laddersmith.ffmpeg import temporary_beside
from laddersmith.source import bounded, probe

# Sixteen 8K pictures of 10-bit 4:2:2 in the decoder, as many again in its threads, and the encoder of the mezzanine.
MEMORY_MB = 6000
# A decode that is past its time says so itself; only one that is stuck in native code meets this further limit.
GRACE_S = 60


def main(
    source: str, facts: str, mezzanine: str, normalise: bool, crop_bars: bool, timeout_s: float, title: str
) -> None:
    Path(mezzanine).mkdir(parents=True, exist_ok=True)
    with bounded(MEMORY_MB, timeout_s + GRACE_S, f"{title}: probing {source}"):
        found = probe(
            source,
            title=title,
            normalise=normalise,
            crop_bars=crop_bars,
            mezzanine=Path(mezzanine) / "mezzanine.mov",
            timeout_s=timeout_s,
        )
    partial = temporary_beside(facts)
    partial.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    os.replace(partial, facts)


if __name__ == "__main__":
    door(main, snakemake)  # type: ignore[name-defined]
