"""The configuration: defaults, checks, and what the rules ask of it.

Every dry run imports this, so it stays light: the standard library, and jsonschema once something is checked.
`python -m laddersmith.config` writes config/config.yaml and config/README.md anew from the schemas.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Protocol

from . import registry
from .errors import ConfigError
from .schema import faults, filled, load, nearest
from .titles import Title, read_titles

__all__ = ["Title", "all_variants", "codecs_of", "engine_for", "heights_of", "read_titles", "search_rounds", "validate"]

# Least, most and usual threshold of the detectors of cuts that have one.
THRESHOLDS = {"transnetv2": (0.05, 0.95, 0.5), "adaptive": (1, 255, 3), "content": (5, 255, 27)}
USUAL_ROUNDS = {"adaptive": 3, "refine": 2}
LIMITS = (("min_quality", "max_quality"), ("min_kbps", "max_kbps"), ("min_height", "max_height"))


class Knob(Protocol):
    """What is asked of a codec's quality setting: its step, and the one spelling of a value or a ValueError."""

    @property
    def step(self) -> Decimal: ...
    @property
    def default_crfs(self) -> tuple[str, ...]: ...
    def canonical(self, crf: str) -> str: ...


class Codec(Protocol):
    """What is asked of an adapter in `laddersmith.encode.codecs`."""

    @property
    def knob(self) -> Knob: ...
    @property
    def presets(self) -> tuple[str, ...]: ...
    @property
    def pix_fmts(self) -> tuple[str, ...]: ...
    @property
    def caps(self) -> Callable[[Any], list[str]] | None: ...
    @property
    def threaded(self) -> bool: ...


Codecs = Mapping[str, Codec]


def validate(config: Mapping[str, Any], codecs: Codecs) -> dict[str, Any]:
    """The configuration with every default filled in, and the engine "auto" replaced by the one that will score.

    Numbers come out in one form (2 for 2.0, a preset always text), so that settings that mean the same compare equal.

    Parameters
    ----------
    config : as read from YAML and the command line; left unchanged.
    codecs : the encoders that there are (`laddersmith.encode.codecs.CODECS`).

    Raises
    ------
    ConfigError
        With one line for each fault: unknown keys, wrong kinds, values out of range, contradictions.
    """
    schema = load("config")
    full = filled(schema, dict(config))
    found = faults(schema, full)
    broken = {place.partition(".")[0].partition("[")[0] for place, _ in found}
    lines = [line for _, line in found]
    for sections, check in CHECKS:
        if not broken & set(sections):
            lines += check(full, codecs)
    if lines:
        raise ConfigError("\n".join(f"config: {line}" for line in lines))
    for variant in full["variants"].values():
        if variant["crfs"] is None:
            variant["crfs"] = [_number(crf) for crf in codecs[variant["codec"]].knob.default_crfs]
    full["quality"]["engine"] = engine_for(full["quality"]["engine"], full["quality"]["model"])
    full["fixed_ladder"]["rungs"] = _trimmed(full["fixed_ladder"]["rungs"], full["heights"])
    return full


def codecs_of(config: Mapping[str, Any], title: Title) -> tuple[str, ...]:
    """The title's codecs, in the order of the variants that use them."""
    used = dict.fromkeys(variant["codec"] for variant in config["variants"].values())
    return tuple(codec for codec in used if title.codecs is None or codec in title.codecs)


def heights_of(config: Mapping[str, Any], title: Title) -> tuple[int, ...]:
    """The heights of the title's boxes, from high to low."""
    return tuple(sorted(title.heights or config["heights"], reverse=True))


def all_variants(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The configured variants, and one capped variant per codec and bitrate of the fixed ladder.

    A capped one ("x264@365k") has the settings of its codec's first variant, the fixed ladder's CRF, and a decoder's
    buffer of one second at the cap.
    """
    variants = dict(config["variants"])
    first: dict[str, str] = {}
    for name, variant in config["variants"].items():
        first.setdefault(variant["codec"], name)
    for codec, rungs in config["fixed_ladder"]["rungs"].items():
        for kbps in sorted({rung["kbps"] for rung in rungs} if codec in first else ()):
            capped = {"crfs": [config["fixed_ladder"]["crf"][codec]], "maxrate_kbps": kbps, "bufsize_kbps": kbps}
            variants[f"{first[codec]}@{kbps}k"] = config["variants"][first[codec]] | capped
    return variants


def engine_for(engine: str, model: str) -> str:
    """`engine`, or for "auto" the one that scores `model`: numba where the model is under model/, libvmaf otherwise."""
    if engine != "auto":
        return engine
    return "numba" if model in registry.names("vmaf") else "libvmaf"


def search_rounds(config: Mapping[str, Any]) -> int:
    """Rounds of search; the last round, which measures what was chosen, is not counted."""
    strategy = config["search"]["strategy"]
    return 1 if strategy == "grid" else int(config["search"]["max_rounds"] or USUAL_ROUNDS[strategy])


def _variants(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    folded: dict[str, str] = {}
    for name, variant in config["variants"].items():
        where = f"variants.{name}"
        if name.lower() in folded:
            yield f"{where}: {folded[name.lower()]} differs from it only in case, and so would its files on some disks"
        folded[name.lower()] = name
        if (variant["maxrate_kbps"] is None) != (variant["bufsize_kbps"] is None):
            yield f"{where}: maxrate_kbps and bufsize_kbps are given together or not at all"
        codec = codecs.get(variant["codec"])
        if codec is None:
            yield f"{where}.codec is {variant['codec']!r}; {_choices(variant['codec'], codecs)}"
            continue
        if variant["preset"] not in codec.presets:
            yield f"{where}.preset is {variant['preset']!r}; {_choices(variant['preset'], codec.presets)}"
        if variant["pix_fmt"] not in codec.pix_fmts:
            yield f"{where}.pix_fmt is {variant['pix_fmt']!r}; {_choices(variant['pix_fmt'], codec.pix_fmts)}"
        if variant["maxrate_kbps"] is not None and codec.caps is None:
            told = f"{variant['codec']} cannot cap the rate beside a quality; leave out maxrate_kbps and bufsize_kbps"
            yield f"{where}: {told}"
        if variant["threads"] != 1 and not codec.threaded:
            yield f"{where}.threads is {variant['threads']}, but {variant['codec']} has none of its own; set it to 1"
        for place, crf in enumerate(variant["crfs"] or ()):
            yield from _crf_fault(codec, crf, f"{where}.crfs[{place}]")
    formats: dict[str, tuple[str, str]] = {}
    for name, variant in config["variants"].items():
        other, pix_fmt = formats.setdefault(variant["codec"], (name, variant["pix_fmt"]))
        if pix_fmt != variant["pix_fmt"]:
            yield (
                f"variants.{name}.pix_fmt is {variant['pix_fmt']}, but {other} has {pix_fmt}; players cannot switch "
                f"between them, so give all variants of {variant['codec']} one pix_fmt"
            )


def _search(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    if config["search"]["strategy"] == "adaptive" and config["ladder"]["allocation"] == "single":
        yield (
            "search.strategy is adaptive, which measures every shot at CRFs of its own, and ladder.allocation is "
            "single: set search.strategy: refine, or ladder.allocation: per_shot"
        )


def _looks(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    search = config["search"]
    for key, off, spelled in (("score_every", 1, "1"), ("window_s", None, "null")):
        if search[key] != off and search["strategy"] != "adaptive":
            yield (
                f"search.{key} is {search[key]}, but search.strategy {search['strategy']} measures every point in "
                f"full: set search.strategy: adaptive, or search.{key}: {spelled}"
            )


def _target(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    mode = config["search"]["mode"]
    if mode != "ladder" and config["ladder"]["allocation"] == "single":
        yield (
            f"search.mode is {mode}, which gives every shot a CRF of its own, and ladder.allocation is single: set "
            "ladder.allocation: per_shot"
        )


def _crf_fault(codec: Codec, crf: float, where: str) -> Iterator[str]:
    try:
        codec.knob.canonical(str(crf))
    except ValueError as error:
        yield f"{where}: {error}"


def _crf_step(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    step = config["search"]["crf_step"]
    for name in dict.fromkeys(variant["codec"] for variant in config["variants"].values()):
        if name in codecs and Decimal(str(step)) % codecs[name].knob.step:
            yield f"search.crf_step is {step}, not a multiple of {codecs[name].knob.step}, the finest step of {name}"


def _fixed_ladder(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    fixed = config["fixed_ladder"]
    for key in ("crf", "rungs"):
        for codec in set(fixed[key]) - set(codecs):
            yield f"fixed_ladder.{key}.{codec}: no such codec; {_choices(codec, codecs)}"
    for codec, crf in fixed["crf"].items():
        if codec in codecs:
            yield from _crf_fault(codecs[codec], crf, f"fixed_ladder.crf.{codec}")
    for codec, rungs in _own(fixed["rungs"]).items():
        if rungs and codec in codecs and codecs[codec].caps is None:
            yield f"fixed_ladder.rungs.{codec}: {codec} cannot cap the rate beside a quality; compare it with none"
        if codec in codecs and codec not in fixed["crf"]:
            yield f"fixed_ladder.crf lacks {codec}, for which fixed_ladder.rungs has rungs"
        for place, rung in enumerate(rungs):
            where = f"fixed_ladder.rungs.{codec}[{place}]"
            if rung["height"] not in config["heights"]:
                missing = f"{rung['height']}, which is not among heights {config['heights']}"
                yield f"{where}.height is {missing}; add it there, or drop the rung"
            if rung in rungs[:place]:
                yield f"{where}: {rung['height']}p at {rung['kbps']} kbps stands there twice"


def _number(crf: str) -> int | float:
    return int(crf) if crf.isdigit() else float(crf)


def _own(rungs: dict[str, Any]) -> dict[str, Any]:
    """The fixed ladders that are not the defaults."""
    defaults = load("config")["properties"]["fixed_ladder"]["properties"]["rungs"]["default"]
    return {codec: listed for codec, listed in rungs.items() if listed != defaults.get(codec)}


def _trimmed(rungs: dict[str, Any], heights: list[int]) -> dict[str, Any]:
    """The fixed ladders without the rungs at other heights (only defaults have such), and without those left empty."""
    fitting = {codec: [rung for rung in listed if rung["height"] in heights] for codec, listed in rungs.items()}
    return {codec: listed for codec, listed in fitting.items() if listed}


def _ladder(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    ladder = config["ladder"]
    for low, high in LIMITS:
        if ladder[low] > ladder[high]:
            yield f"ladder.{low} is {ladder[low]}, above ladder.{high}, {ladder[high]}; no rung could be within both"


def _ladder_heights(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    low, high = config["ladder"]["min_height"], config["ladder"]["max_height"]
    if low <= high and not any(low <= height <= high for height in config["heights"]):
        yield f"none of heights {config['heights']} lies within ladder.min_height {low} and ladder.max_height {high}"


def _segments(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    segment, keyframe = (
        Decimal(str(config[room][key])) for room, key in (("package", "segment_s"), ("encode", "keyframe_s"))
    )
    if config["package"]["segments"] == "shots" and segment != keyframe:
        yield (
            f"package.segment_s is {segment}, but encode.keyframe_s {keyframe}; with package.segments shots every "
            "keyframe begins a segment: set both to the longest segment you want"
        )
    elif segment % keyframe:
        below = max(segment // keyframe, Decimal(1)) * keyframe
        yield (
            f"package.segment_s is {segment}, not a multiple of encode.keyframe_s, {keyframe}; segments start at "
            f"keyframes: set it to {below} or {below + keyframe}, say"
        )


def _shots(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    shots = config["shots"]
    name, threshold = shots["detector"], shots["threshold"]
    if threshold is not None and name not in THRESHOLDS:
        yield f"shots.threshold is {threshold}, and the detector {name} has none; leave the line out"
    elif threshold is not None:
        least, most, usual = THRESHOLDS[name]
        if not least <= threshold <= most:
            span = f"the range for the detector {name} is {least} to {most} ({usual} is usual)"
            yield f"shots.threshold is {threshold}; {span}"
    if name == "file" and not shots["cuts_file"]:
        yield "shots.detector is file, and shots.cuts_file names none; set it to a list of cuts"
    longest, shortest = shots["max_length_s"], shots["min_length_s"]
    if longest is not None and longest < 2 * shortest:
        yield (
            f"shots.max_length_s is {longest}, less than twice shots.min_length_s, {shortest}; the halves of a shot "
            "just too long would be too short"
        )


def _display(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    sides = config["display"].split("x")
    if config["display"] != "source" and any(int(side) % 2 for side in sides):
        yield f"display is {config['display']}; both sides must be even"


def _engine(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    engine, model = config["quality"]["engine"], config["quality"]["model"]
    own = registry.names("vmaf")
    if engine in ("numba", "cuda") and model not in own:
        yield (
            f"quality.engine is {engine}, which does not have quality.model {model}; libvmaf has it: set "
            f"quality.engine: auto or libvmaf, or one of {', '.join(own)}"
        )


def _compare(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    anchor, presets = config["compare"]["anchor"], config["compare"]["presets"]
    if anchor and anchor not in config["variants"]:
        yield f"compare.anchor is {anchor!r}, which is no variant; {_choices(anchor, config['variants'])}"
    for name, tried in presets["tried"].items():
        where = f"compare.presets.tried.{name}"
        if name not in codecs:
            yield f"{where}: no such codec; {_choices(name, codecs)}"
            continue
        for place, preset in enumerate(tried):
            if preset not in codecs[name].presets:
                yield f"{where}[{place}] is {preset!r}; {_choices(preset, codecs[name].presets)}"


def _choices(name: object, choices: Any) -> str:
    return f"the choices are {', '.join(choices)}{nearest(name, choices)}"


# A check runs when the schema finds no fault in the sections that it reads.
CHECKS: tuple[tuple[tuple[str, ...], Callable[[dict[str, Any], Codecs], Iterator[str]]], ...] = (
    (("variants",), _variants),
    (("search", "variants"), _crf_step),
    (("search", "ladder"), _search),
    (("search", "ladder"), _target),
    (("search",), _looks),
    (("fixed_ladder", "heights"), _fixed_ladder),
    (("ladder",), _ladder),
    (("ladder", "heights"), _ladder_heights),
    (("package", "encode"), _segments),
    (("shots",), _shots),
    (("display",), _display),
    (("quality",), _engine),
    (("compare", "variants"), _compare),
)

if __name__ == "__main__":
    from .reference import write

    write()
