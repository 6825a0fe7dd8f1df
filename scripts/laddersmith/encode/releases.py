"""Which release of an encoder's library an ffmpeg has: asked of the library itself."""

import functools
import re

from .. import ffmpeg
from .codecs import CODECS, SOFTWARE

TIMEOUT_S = 60.0
# How libraries say it in ffmpeg's log. rav1e says nothing, and of hardware the driver decides too.
TOLD = (
    r"264 - (core \d+(?: r\d+\S*(?: [0-9a-f]+)?)?)",
    r"HEVC encoder version (\S+)",
    r"SVT-AV1 Encoder Lib (\S+)",
    r"\[lib(?:aom-av1|vpx-vp9) @ \w+\] (v\d\S*)",
    r"libvvenc version: (\S+)",
)


@functools.cache
def release(codec: str, program: str | None = None) -> str | None:
    """The release of a codec's encoder ("core 165", "v3.15.1"), in its library's own words; None where it tells none.

    Two small frames are encoded for it.

    Parameters
    ----------
    program : a user's own ffmpeg; none is that of the locked environment.

    Raises
    ------
    ToolError
        If ffmpeg or the encoder does not run.
    """
    adapter = CODECS[codec]
    if adapter not in SOFTWARE:
        return None
    frames = ["-f", "lavfi", "-i", "color=size=320x192:rate=25:duration=0.08", "-pix_fmt", adapter.pix_fmts[0]]
    given = ["-v", "verbose", *frames, "-c:v", adapter.encoder, "-flags", "+global_header", "-f", "null", "-"]
    said = ffmpeg.run(given, what=f"the release of {codec}", timeout_s=TIMEOUT_S, program=program).stderr
    return next((found[1] for pattern in TOLD if (found := re.search(pattern, said))), None)
