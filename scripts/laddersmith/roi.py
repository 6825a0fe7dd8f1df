"""The config's section `roi`, named sets of regions, and the variants that ask for one: what holds of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from .schema import nearest

KINDS = ("boxes", "mask", "saliency")
ROUNDING = 1e-9  # of sums of shares


def kind_of(asked: Mapping[str, Any]) -> str:
    """What a checked set is made from, one of KINDS."""
    return next(kind for kind in KINDS if asked[kind] is not None)


def sets_asked(sets: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The checked sets that these variants ask for, by name, without the paths of masks: a path decides nothing."""
    asked = {settings["roi"]: sets[settings["roi"]] for settings in variants.values() if settings["roi"]}
    return {
        name: settings
        | {"mask": settings["mask"] and {key: value for key, value in settings["mask"].items() if key != "file"}}
        for name, settings in asked.items()
    }


def mask_files(sets: Mapping[str, Any], asked: Mapping[str, Any], title: str) -> list[str]:
    """A title's masks, in the order of the sets `asked` that have one."""
    return [
        sets[name]["mask"]["file"].replace("{title}", title) for name, settings in asked.items() if settings["mask"]
    ]


def codecs_asking(variants: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The codecs of the variants that ask for regions."""
    return {settings["codec"] for settings in variants.values() if settings["roi"]}


def roi_faults(config: Mapping[str, Any], codecs: Mapping[str, Any]) -> Iterator[str]:
    """What contradicts itself in the sections `roi` and `variants`, a sentence each."""
    for name, asked in config["roi"].items():
        yield from _set_faults(asked, f"roi.{name}")
    for name, variant in config["variants"].items():
        if variant["roi"] is None:
            continue
        where = f"variants.{name}.roi"
        if variant["roi"] not in config["roi"]:
            choices = f"the choices are {', '.join(config['roi']) or 'none'}{nearest(variant['roi'], config['roi'])}"
            yield f"{where} is {variant['roi']!r}, which is no set of the section roi; {choices}"
            continue
        codec, offsets = codecs.get(variant["codec"]), _offsets(config["roi"][variant["roi"]])
        if codec and (fault := codec.regions_fault(variant["preset"], variant["latency"] == "low", offsets)):
            yield f"{where}: {variant['codec']} {fault}"


def _offsets(asked: Mapping[str, Any]) -> int:
    """How many different offsets a set has, that of the background among them where it is not 0."""
    background = {asked["background"]} - {0}
    if asked["boxes"] is not None:
        return len({box["offset"] for box in asked["boxes"]} | background)
    return sum(asked[kind]["levels"] for kind in KINDS if asked[kind] is not None) + len(background)


def _set_faults(asked: Mapping[str, Any], where: str) -> Iterator[str]:
    given = [kind for kind in KINDS if asked[kind] is not None]
    if len(given) != 1:
        yield f"{where} has {' and '.join(given) or 'no regions'}; give one of boxes, mask and saliency"
        return
    boxes = asked["boxes"] or []
    for place, box in enumerate(boxes):
        if fault := _box_fault(box):
            yield f"{where}.boxes[{place}]: {fault}"
        over = next((before for before in range(place) if _covers(boxes[before], box)), None)
        if over is not None:
            told = f"lies wholly in boxes[{over}], and the first in the list decides; put the smaller one first"
            yield f"{where}.boxes[{place}] {told}"
    offsets = {part["offset"] for part in boxes or [asked[given[0]]]}
    if offsets == {asked["background"]}:
        yield f"{where}: every offset is {asked['background']:g}, the background's too; no region would differ from it"


def _box_fault(box: Mapping[str, float]) -> str:
    if not (box["width"] and box["height"]):
        return "has no area; give it a width and a height above 0"
    right, lower = box["x"] + box["width"], box["y"] + box["height"]
    if max(right, lower) <= 1 + ROUNDING:
        return ""
    return f"ends at {right:g} across and {lower:g} down, outside the picture; x + width and y + height are at most 1"


def _covers(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether nothing of the other box is outside this one."""
    return all(
        one[start] <= other[start] and one[start] + one[side] >= other[start] + other[side] - ROUNDING
        for start, side in (("x", "width"), ("y", "height"))
    )
