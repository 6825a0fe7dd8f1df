"""Rule `title_presets`: a title and its shots in, what the presets of its codecs cost and gain out."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from laddersmith.compare.document import html, markdown
from laddersmith.compare.pages import presets_page
from laddersmith.compare.presets import Wishes, fine_crfs, presets_facts, try_presets
from laddersmith.compare.trials import Trials, sample_shots
from laddersmith.devices import sharing
from laddersmith.door import door
from laddersmith.encode import CODECS, boxes
from laddersmith.encode.regions import sets_of
from laddersmith.jsonfile import read_json, write_json, write_text
from laddersmith.search import decimal_crf
from laddersmith.source import display_size, load_media
from laddersmith.store import Store
from laddersmith.tables import SHOTS, read


def main(
    facts: str,
    shots: str,
    regions: list[str],
    found: str,
    text: str,
    page: str,
    title: str,
    tried: dict,
    settings: dict[str, Any],
    heights: list[int],
    crf_step: float,
    keyframe_s: float,
    display: str,
    model: str,
    engine: str,
    neighbours: bool,
    pooling: str,
    config: dict,
    threads: int,
) -> None:
    media = load_media(facts)
    sample = sample_shots(read(shots, SHOTS), settings["shots"])
    height = settings["height"] or max(boxes(media.width, media.height, heights))
    store = config["store"]["path"]
    cache_mb = config["encode"]["frame_cache_mb"]
    encoding = {"keyframe_s": keyframe_s, "timeout_s": config["encode"]["timeout_s"], "frame_cache_mb": cache_mb}
    sets = sets_of(read_json(regions[0])) if regions else None
    scoring = {
        "display": display_size(media, display),
        "model": model,
        "engine": engine,
        "neighbours": neighbours,
        "timeout_s": config["quality"]["timeout_s"],
        "frame_cache_mb": cache_mb,
        "kernel_cache": Path(config["quality"]["kernel_cache"] or Path(store) / "kernels"),
        "gpu": sharing(config["gpu"]),
    }
    rows = []
    with TemporaryDirectory(dir=Path(found).parent, prefix=".presets-") as folder:
        for codec, asked in tried.items():
            trials = Trials(
                media=media,
                shots=sample,
                title=title,
                settings=asked["settings"],
                height=height,
                store=Store(store),
                folder=Path(folder) / codec,
                pooling=pooling,
                threads=threads,
                encoding=encoding | {"program": config["ffmpeg"], "regions": sets},
                scoring=scoring,
            )
            crfs = sorted(map(decimal_crf, asked["settings"]["crfs"]), key=float)
            rows.append(
                try_presets(
                    trials,
                    presets=asked["presets"],
                    crfs=crfs,
                    fine_crfs=fine_crfs(crfs, crf_step, CODECS[codec].knob.direction),
                    wishes=Wishes(**{key: value for key, value in settings.items() if key not in ("shots", "height")}),
                )
            )
    told = presets_facts(rows, title=title, shots=sample, media=media, height=height, model=model, pooling=pooling)
    write_json(found, told)
    document = presets_page(told)
    write_text(text, markdown(document))
    write_text(page, html(document))


if __name__ == "__main__":
    door(main, snakemake)  # noqa: F821
