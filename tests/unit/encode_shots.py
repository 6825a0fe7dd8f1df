"""What the tests of encoding and stitching share: a title made by hand, its shots, and decoding back."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pandas as pd
from laddersmith import tables
from laddersmith.encode import CODECS, Settings
from laddersmith.encode.codecs import SOFTWARE
from laddersmith.encode.run import arguments, encode
from laddersmith.source.frames import pack
from laddersmith.source.media import Colour, Media

WIDTH, HEIGHT = 160, 68
BT709 = Colour("tv", "bt709", "bt709", "bt709", "left")
QUICK = {
    "x264": "veryfast",
    "x265": "veryfast",
    "svtav1": "8",
    "libaom": "6",
    "rav1e": "10",
    "vp9": "5",
    "vvenc": "faster",
}
NAMES = [codec.name for codec in SOFTWARE]  # those that every machine can run
# What a cap can be depends on the codec: VVenC refuses one below what it takes for feasible.
CAPS_KBPS = {"vvenc": 400.0}


def title(path: Path, width: int, height: int, frames: int) -> Media:
    """A clip of 25 frames a second as `probe` would tell of it."""
    return Media(str(path), width, height, "yuv420p", 8, Fraction(25), frames, BT709)


def settings(codec: str, **changes: object) -> Settings:
    """Quick settings with a keyframe every 5 frames; `changes` to them."""
    usual = Settings(QUICK[codec], CODECS[codec].pix_fmts[0], CODECS[codec].knob.default_crfs[2], 5, 1, "25/1")
    return replace(usual, **changes)  # type: ignore[arg-type]


def encode_shot(codec: str, asked: Settings, frames: Iterable[bytes], target: Path) -> Path:
    """Encode frames of WIDTH x HEIGHT by the library's own command."""
    given = arguments(CODECS[codec], asked, BT709, WIDTH, HEIGHT)
    encode(given, frames, target, what="a test", timeout_s=60)
    return target


def decoded(path: Path) -> tuple[list[Fraction], list[bytes]]:
    """Presentation times in seconds, and pictures."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [(frame.pts * stream.time_base, pack(frame)) for frame in container.decode(stream)]
    return [time for time, _ in frames], [picture for _, picture in frames]


def shot_table(*ranges: tuple[int, int]) -> pd.DataFrame:
    """A table of shots, numbered from 0; each one's hash stands for its frames."""
    rows = [
        {"shot": i, "start": start, "end": end, "start_s": start / 25, "end_s": end / 25, "transition": "cut"}
        | {"detector": "by hand", "spatial_complexity": 0.0, "temporal_complexity": 0.0}
        | {"frames_sha256": f"frames {start} {end}", "context_sha256": f"context {start} {end}"}
        for i, (start, end) in enumerate(ranges)
    ]
    return tables.conform(pd.DataFrame(rows), tables.SHOTS)


def plan_table(codec: str, shots: Iterable[int], crfs: Iterable[str], **changes: object) -> pd.DataFrame:
    """A plan of one variant, called v, at 64p."""
    usual = {
        "codec": codec,
        "variant": "v",
        "preset": QUICK[codec],
        "pix_fmt": CODECS[codec].pix_fmts[0],
        "height": 64,
        "width": 96,
    }
    usual |= {"maxrate_kbps": None, "bufsize_kbps": None, "reason": "a test"}
    crfs = list(crfs)
    rows = [usual | {"shot": shot, "crf": crf} | changes for shot in shots for crf in crfs]
    return tables.conform(pd.DataFrame(rows), tables.PLAN)
