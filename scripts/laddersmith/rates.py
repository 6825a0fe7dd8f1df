"""What the config may ask of a variant's `rate`: checked before anything is encoded."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Protocol

QUALITY = "quality"


class Knob(Protocol):
    """What is asked of a codec's knob: the one spelling of a value, or a ValueError."""

    def canonical(self, value: str) -> str: ...


class Codec(Protocol):
    """What is asked of an adapter in `laddersmith.encode.codecs`."""

    @property
    def rates(self) -> tuple[str, ...]: ...
    def knob_for(self, rate: str) -> Knob: ...
    def caps_fault(self, rate: str) -> str: ...


def rate_faults(config: Mapping[str, Any], codecs: Mapping[str, Codec]) -> Iterator[str]:
    """A sentence for each variant that asks for a rate that its codec has not, or lacks what the rate needs."""
    for name, variant in config["variants"].items():
        where, rate, codec = f"variants.{name}", variant["rate"], codecs.get(variant["codec"])
        if codec is None:
            continue  # told elsewhere
        if rate not in codec.rates:
            yield f"{where}.rate is {rate}, which {variant['codec']} has not; the choices are {', '.join(codec.rates)}"
            continue
        if variant["maxrate_kbps"] is not None and (fault := codec.caps_fault(rate)):
            yield f"{where}: {variant['codec']} {fault}"
        yield from _values(where, variant)
        for place, kbps in enumerate(variant["kbps"] or ()):
            try:
                codec.knob_for(rate).canonical(str(kbps))
            except ValueError as error:
                yield f"{where}.kbps[{place}]: {error}"


def _values(where: str, variant: Mapping[str, Any]) -> Iterator[str]:
    """Exactly one of `crfs` and `kbps` goes with a rate."""
    rate, cap = variant["rate"], variant["maxrate_kbps"]
    if rate == QUALITY:
        if variant["kbps"] is not None:
            told = "kbps names bitrates to keep, and rate is quality"
            yield f"{where}: {told}; set rate: average or two_pass, or leave kbps out"
        return
    if variant["crfs"] is not None:
        yield f"{where}: crfs names qualities, and rate is {rate}, which keeps bitrates; give kbps in the place of crfs"
    if variant["kbps"] is None:
        yield f"{where}: rate is {rate}, and no bitrate is named; give a list of them, kbps: [400, 800, 1600, 3200] say"
    elif cap is not None and max(variant["kbps"]) > cap:
        yield (
            f"{where}.maxrate_kbps is {cap}, less than {max(variant['kbps'])} of kbps; a cap lies at or above the "
            "bitrates that are kept under it"
        )


def rate_search_faults(config: Mapping[str, Any], codecs: Mapping[str, Codec]) -> Iterator[str]:
    """What a search cannot do with variants that keep a bitrate."""
    kept = [name for name, variant in config["variants"].items() if variant["rate"] != QUALITY]
    if kept and config["search"]["strategy"] == "adaptive":
        yield (
            "search.strategy is adaptive, which knows beforehand what a CRF brings, and nothing of bitrates that are "
            f"kept, and variants.{kept[0]}.rate is {config['variants'][kept[0]]['rate']}: set search.strategy: grid or "
            "refine"
        )


def without_bitrates(variants: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The variants whose knob is a quality."""
    return {name: settings for name, settings in variants.items() if settings.get("rate", QUALITY) == QUALITY}


def searched_steps(config: Mapping[str, Any], codecs: Mapping[str, Any]) -> Iterator[str]:
    """A step of CRF that an encoder does not heed. A bitrate has no such step."""
    step = config["search"]["crf_step"]
    used = (variant["codec"] for variant in without_bitrates(config["variants"]).values())
    for name in dict.fromkeys(used):
        if name in codecs and Decimal(str(step)) % codecs[name].knob.step:
            yield f"search.crf_step is {step}, not a multiple of {codecs[name].knob.step}, the finest step of {name}"
