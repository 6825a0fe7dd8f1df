"""The process in which `fuzz` examines mutants: a question a line on its input, an answer a line on its output."""

import json
import logging
import resource
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import LaddersmithError
from ..quality.engine import Distorted
from ..quality.numba_engine import Numba
from ..quality.reference import title_reference
from ..shots import Settings, find_shots
from ..source import Media, bounded, frames, probe
from .fuzz import MEMORY_MB, PROCESS_S, STAGE_S

MODEL = "vmaf_v0.6.1"
LONGEST = 400  # characters of a sentence


def main() -> None:
    """Say when the kernels are compiled, then answer until the input ends."""
    logging.basicConfig(level=logging.ERROR)
    engine = Numba(kernel_cache=Path(sys.argv[1]))
    engine.load()
    print("ready", flush=True)
    for line in sys.stdin:
        answer = answered(json.loads(line), engine)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(answer | {"peak_mb": round(peak_mb, 1)}), flush=True)


def answered(question: dict[str, str], engine: Numba) -> dict[str, Any]:
    """The stage that a mutant reached, how it ended there, and what was told."""
    path = Path(question["path"])
    stage = ["probe" if question["as"] == "source" else "encode"]
    try:
        with bounded(MEMORY_MB, PROCESS_S - 10, f"{path.name}: {stage[0]}"):
            if question["as"] == "source":
                as_source(path, engine, stage)
            else:
                as_encode(path, Path(question["clip"]), engine)
    except LaddersmithError as error:
        fault = told_badly(str(error), path.name)
        told = f"{fault}: {error}" if fault else str(error)
        return {"stage": stage[0], "end": "unforeseen" if fault else "refused", "told": told}
    except Exception:
        lines = traceback.format_exc().strip().splitlines()
        return {"stage": stage[0], "end": "unforeseen", "told": f"{lines[-1]} <- {lines[-3].strip()}"}
    return {"stage": stage[0], "end": "passed", "told": ""}


def as_source(path: Path, engine: Numba, stage: list[str]) -> None:
    """What the flow does with a title: probe, cut, read as an encoder does, and score (here against itself)."""
    mezzanine = path.with_name("mutant-mezzanine.mov")
    facts = probe(path, title="mutant", normalise=True, crop_bars=False, mezzanine=mezzanine, timeout_s=STAGE_S)
    media = Media.from_json(facts["media"])
    stage[0] = "shots"
    find_shots(media, Settings(threads=1))
    stage[0] = "decode"
    for _ in frames(media, width=96, height=54, pix_fmt="yuv420p", threads=1):
        pass
    stage[0] = "score"
    itself = Distorted(path.name, Path(media.path), media.width, media.height, media.pix_fmt)
    reference = title_reference(media, (media.width, media.height), what=path.name)
    list(engine.score(reference, [itself], model=MODEL, threads=1, timeout_s=STAGE_S))


def as_encode(path: Path, clip: Path, engine: Numba) -> None:
    """A damaged encode against its sound title."""
    media = sound(clip)
    reference = title_reference(media, (media.width, media.height), what="sound title")
    distorted = Distorted(path.name, path, media.width, media.height, media.pix_fmt)
    list(engine.score(reference, [distorted], model=MODEL, threads=1, timeout_s=STAGE_S))


@cache
def sound(clip: Path) -> Media:
    """The clip itself, probed once."""
    nowhere = clip.with_name("none.mov")
    facts = probe(clip, title="sound", normalise=False, crop_bars=False, mezzanine=nowhere, timeout_s=STAGE_S)
    return Media.from_json(facts["media"])


def told_badly(said: str, name: str) -> str:
    """What is wrong with a sentence: it must name the file, be short, and be followed by a command's words alone."""
    first, *rest = said.splitlines() or [""]
    if name.partition(".")[0] not in first and "sound title" not in first:
        return "does not say which file"
    if len(first) > LONGEST:
        return f"is {len(first)} characters long"
    if any(not line.startswith("  ") for line in rest):
        return "is more than a sentence"
    return ""


if __name__ == "__main__":
    main()
