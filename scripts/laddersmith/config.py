"""The configuration: defaults, checks, and what the rules ask of it.

Every dry run imports this, so it stays light: the standard library, and jsonschema once something is checked.
`python -m laddersmith.config` writes config/config.yaml and config/README.md anew from the schemas.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from . import registry
from .errors import ConfigError
from .rates import QUALITY, rate_faults, rate_search_faults, searched_steps
from .roi import roi_faults
from .schema import faults, filled, load, nearest
from .titles import Title, read_titles

__all__ = [
    "Title",
    "all_variants",
    "codecs_of",
    "engine_for",
    "heights_of",
    "read_titles",
    "rules_of",
    "search_rounds",
    "validate",
]

# Least, most and usual threshold of the detectors of cuts that have one.
THRESHOLDS = {"transnetv2": (0.05, 0.95, 0.5), "adaptive": (1, 255, 3), "content": (5, 255, 27)}
USUAL_ROUNDS = {"adaptive": 3, "refine": 2}
# Latency of a variant whose frames are coded as they come. A viewer joins at a keyframe, and Apple's authoring
# specification for HLS wants one every two seconds.
LOW, LOW_KEYFRAME_S = "low", 2
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
    def rates(self) -> tuple[str, ...]: ...
    def knob_for(self, rate: str) -> Knob: ...
    def caps_fault(self, rate: str) -> str: ...
    @property
    def threaded(self) -> bool: ...
    def regions_fault(self, preset: str, low_latency: bool, offsets: int) -> str: ...
    @property
    def low_latency(self) -> Any: ...
    def presets_for(self, latency: str) -> tuple[str, ...]: ...


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
    if "variants" not in broken:
        for variant in full["variants"].values():
            if variant["latency"] == LOW and variant["bufsize_kbps"] is None:
                variant["bufsize_kbps"] = variant["maxrate_kbps"]  # a buffer of one second
    for sections, check in CHECKS:
        if not broken & set(sections):
            lines += check(full, codecs)
    if lines:
        raise ConfigError("\n".join(f"config: {line}" for line in lines))
    for variant in full["variants"].values():
        if variant["crfs"] is None and variant["rate"] == QUALITY:
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
    buffer of one second at the cap; it gives all of the picture the same quality.
    """
    variants = dict(config["variants"])
    first: dict[str, str] = {}
    for name, variant in config["variants"].items():
        first.setdefault(variant["codec"], name)
    for codec, rungs in config["fixed_ladder"]["rungs"].items():
        for kbps in sorted({rung["kbps"] for rung in rungs} if codec in first else ()):
            capped = {"crfs": [config["fixed_ladder"]["crf"][codec]], "maxrate_kbps": kbps, "bufsize_kbps": kbps}
            capped |= {"rate": QUALITY, "kbps": None, "roi": None}
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
        presets = codec.presets_for(variant["latency"])
        if variant["preset"] not in presets:
            mode = " at latency low" if presets != codec.presets else ""
            yield f"{where}.preset is {variant['preset']!r}{mode}; {_choices(variant['preset'], presets)}"
        if variant["latency"] == LOW:
            yield from _low_latency(config, variant, codecs, where)
        if variant["pix_fmt"] not in codec.pix_fmts:
            yield f"{where}.pix_fmt is {variant['pix_fmt']!r}; {_choices(variant['pix_fmt'], codec.pix_fmts)}"
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


def _low_latency(config: dict[str, Any], variant: dict[str, Any], codecs: Codecs, where: str) -> Iterator[str]:
    """What a variant of low latency needs: an encoder that has it, a cap, and a keyframe soon."""
    able = [name for name, codec in codecs.items() if not isinstance(codec.low_latency, str)]
    mode = codecs[variant["codec"]].low_latency
    if isinstance(mode, str):
        yield f"{where}.latency is low, which {variant['codec']} has not, for {mode}; {', '.join(able)} have it"
        return
    if variant["rate"] != "quality":
        yield f"{where}.latency is low, and rate {variant['rate']}; low latency goes by a quality: leave rate out"
    for place, crf in enumerate(variant["crfs"] or () if mode.knob else ()):
        yield from _crf_fault(mode, crf, f"{where}.crfs[{place}], at latency low")
    if variant["maxrate_kbps"] is None:
        yield (
            f"{where}.latency is low, and without a cap one frame may take the link for seconds: set maxrate_kbps to "
            "what the link takes"
        )


def _low_latency_steps(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    low = [name for name, variant in config["variants"].items() if variant["latency"] == LOW]
    step = config["encode"]["keyframe_s"]
    if low and step > LOW_KEYFRAME_S:
        yield (
            f"encode.keyframe_s is {step}, but variants.{low[0]}.latency is low: a viewer joins at a keyframe, so set "
            f"it to {LOW_KEYFRAME_S} or less"
        )


def _low_latency_search(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    low = [name for name, variant in config["variants"].items() if variant["latency"] == LOW]
    if low and config["search"]["strategy"] == "adaptive":
        yield (
            f"search.strategy is adaptive, which knows rate and quality beforehand from encodes that look ahead, and "
            f"variants.{low[0]}.latency is low: set search.strategy: grid or refine"
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


def rules_of(ladder: Mapping[str, Any], codec: str) -> dict[str, Any]:
    """The section `ladder` as it holds for a codec: with what `ladder.codecs` says of it."""
    shared = {key: value for key, value in ladder.items() if key != "codecs"}
    return shared | ladder["codecs"].get(codec, {})


def _ladders(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Callable[[str], str]]]:
    """Whose ladder, its rules, and how a key is spelled: of the section itself, and of each of `ladder.codecs`."""
    ladder = config["ladder"]
    yield "", rules_of(ladder, ""), lambda key: f"ladder.{key}"
    for codec, own in ladder["codecs"].items():
        spelled = partial(_spelled, codec, own)
        yield f"{codec}: ", rules_of(ladder, codec), spelled


def _spelled(codec: str, own: Mapping[str, Any], key: str) -> str:
    return f"ladder.codecs.{codec}.{key}" if key in own else f"ladder.{key}"


def _ladder(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    for whose, ladder, spelled in _ladders(config):
        for low, high in LIMITS:
            if ladder[low] > ladder[high]:
                both = f"{spelled(low)} is {ladder[low]}, above {spelled(high)}, {ladder[high]}"
                yield f"{whose}{both}; no rung could be within both"


def _ladder_codecs(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    used = [variant["codec"] for variant in config["variants"].values()]
    for key, named in (("ladder.codecs", config["ladder"]["codecs"]), ("package.prefer", config["package"]["prefer"])):
        for codec in named:
            if codec not in codecs:
                yield f"{key}: there is no codec {codec!r}; {_choices(codec, codecs)}"
            elif codec not in used:
                yield f"{key} names {codec}, which no variant has; the variants have {', '.join(dict.fromkeys(used))}"


def _ladder_heights(config: dict[str, Any], codecs: Codecs) -> Iterator[str]:
    for whose, ladder, spelled in _ladders(config):
        low, high = ladder["min_height"], ladder["max_height"]
        if low <= high and not any(low <= height <= high for height in config["heights"]):
            limits = f"{spelled('min_height')} {low} and {spelled('max_height')} {high}"
            yield f"{whose}none of heights {config['heights']} lies within {limits}"


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
    (("variants", "encode"), _low_latency_steps),
    (("variants", "search"), _low_latency_search),
    (("variants",), rate_faults),
    (("search", "variants"), searched_steps),
    (("search", "variants"), rate_search_faults),
    (("search", "ladder"), _search),
    (("search", "ladder"), _target),
    (("search",), _looks),
    (("fixed_ladder", "heights"), _fixed_ladder),
    (("ladder",), _ladder),
    (("ladder", "package", "variants"), _ladder_codecs),
    (("ladder", "heights"), _ladder_heights),
    (("package", "encode"), _segments),
    (("shots",), _shots),
    (("display",), _display),
    (("quality",), _engine),
    (("compare", "variants"), _compare),
    (("roi", "variants"), roi_faults),
)

if __name__ == "__main__":
    from .reference import write

    write()
