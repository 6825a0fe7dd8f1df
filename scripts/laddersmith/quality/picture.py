"""The pixel format in which a reference and an encode meet, and whether they may be compared at all."""

import re
from dataclasses import replace

from ..errors import ScoreError
from ..source.media import Colour
from .engine import Reference

DEPTHS = {8: "", 10: "10le", 12: "12le", 16: "16le"}  # bits per sample that libvmaf reads: the pixel format's ending
_NAME = re.compile(r"yuvj?(420|422|444)p(\d+)?(?:le)?")


def subsampling_and_depth(pix_fmt: str) -> tuple[str, int]:
    """("420", 8) of "yuv420p", ("422", 10) of "yuv422p10le".

    Raises
    ------
    ScoreError
        If the format is not planar 4:2:0, 4:2:2 or 4:4:4 YUV.
    """
    match = _NAME.fullmatch(pix_fmt)
    if not match:
        raise ScoreError(
            f"pixel format {pix_fmt} cannot be scored: only planar 4:2:0, 4:2:2 and 4:4:4 YUV can; "
            "convert the file, or set probe.normalise: true"
        )
    return match[1], int(match[2] or 8)


def packed_format(pix_fmt: str) -> str:
    """The format's name without the full-range `j`: the same bytes, the range being told apart from them."""
    return pix_fmt.replace("yuvj", "yuv")


def scoring_format(reference: str, distorted: str) -> str:
    """The reference's subsampling at the greater of the two bit depths, rounded up to one that libvmaf reads."""
    subsampling, depth = subsampling_and_depth(reference)
    depth = max(depth, subsampling_and_depth(distorted)[1])
    return f"yuv{subsampling}p{DEPTHS[min(d for d in DEPTHS if d >= depth)]}"


def same_colour(reference: Reference) -> str:
    """The filter that gives both sides one description, the reference's, so that ffmpeg converts nothing between them.

    It changes no pixel; that the two sides agree is checked elsewhere.
    """
    subsampling, _ = subsampling_and_depth(reference.pix_fmt)
    colour = settled(reference.colour, subsampling)
    return (
        f"setparams=range={colour.range}:colorspace={colour.matrix}:color_primaries={colour.primaries}"
        f":color_trc={colour.transfer}:chroma_location={colour.chroma_location}"
    )


def settled(colour: Colour, subsampling: str) -> Colour:
    """The colour that a decoder takes where the stream is silent: limited range, and left siting in 4:2:0.

    Matrix, primaries and transfer have no such default; "unknown" stays, and agrees with "unknown" alone.
    """
    where = {"unspecified": "left", "unknown": "left"}.get(colour.chroma_location, colour.chroma_location)
    return replace(
        colour,
        range="tv" if colour.range == "unknown" else colour.range,
        chroma_location=where if subsampling == "420" else "unspecified",
    )


def check_colour(reference: Colour, distorted: Colour, subsampling: str, what: str) -> None:
    """Refuse a pair whose colours are described differently.

    Raises
    ------
    ScoreError
        Naming each field that differs, with both values.
    """
    ours, theirs = settled(reference, subsampling), settled(distorted, subsampling)
    fields = ("range", "matrix", "primaries", "transfer", "chroma_location")
    wrong = [
        f"{f} {getattr(theirs, f)} (reference: {getattr(ours, f)})"
        for f in fields
        if getattr(ours, f) != getattr(theirs, f)
    ]
    if wrong:
        raise ScoreError(f"{what}: decodes with {', '.join(wrong)}; encode it with the reference's colour tags")
