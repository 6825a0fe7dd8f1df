"""Which encoders can be used here: asked before any job, and told in one sentence where one cannot."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .. import ffmpeg
from ..errors import EncodeError
from ..source.media import Colour
from .codecs import CODECS, Codec, Settings
from .run import arguments, encode

# A picture that every encoder takes, also those of hardware with a least size.
WIDTH, HEIGHT = 320, 192
TIMEOUT_S = 60.0
FRAMES = 2

# What drivers and libraries say, and what it means for a user. The first that is found in ffmpeg's stderr is told.
REASONS = (
    (r"Cannot load (libcuda|nvcuda)", "there is no NVIDIA driver here"),
    (r"Cannot load (libnvidia-encode|nvEncodeAPI)", "the NVIDIA driver here comes without its encoding library"),
    (r"Required: (\S+) Found: (\S+)", r"the NVIDIA driver here is too old (NVENC API \2; this ffmpeg needs \1)"),
    (r"no CUDA-capable device|CUDA_ERROR_NO_DEVICE", "there is no NVIDIA GPU here"),
    (r"unsupported device", "the NVIDIA GPU here has no encoder"),
    (r"No capable devices found|Codec not supported", "no NVIDIA GPU here has this encoder"),
    (
        r"MFX session|MFX_ERR|VAAPI connection",
        "there is no Intel GPU here, or its driver (oneVPL, media-driver) is missing",
    ),
    (r"amfrt\S* failed to open", "there is no AMD GPU here, or its AMF runtime is missing"),
    (r"AMF failed|Failed to create +hardware device context \(AMF\)", "there is no AMD GPU with this encoder here"),
    (r"cannot create compression session|-q:v qscale not available", "this Mac's chip has no such encoder"),
)
# How a context is named in front of a message: "[libx264 @ 0x55d8e588c8c0] ".
CONTEXT = re.compile(r"^(\[[^\]]*@[^\]]*\] *)+")


def encoders_here(program: str | None, codecs: Iterable[str], *, devices: bool = True) -> dict[str, str]:
    """Why each of the codecs cannot be used here, in one sentence without its codec; "" for those that can.

    Each is tried in one encode of two small frames. Without `devices` no encode is run: for where the jobs run on other
    machines, whose hardware and drivers are not known here.

    Parameters
    ----------
    program : a user's own ffmpeg; none is that of the locked environment.
    codecs : names out of `laddersmith.encode.codecs.CODECS`.

    Raises
    ------
    ToolError
        If ffmpeg itself does not run.
    """
    built = ffmpeg.encoders(program)
    found = {}
    for name in dict.fromkeys(codecs):
        codec = CODECS[name]
        if codec.encoder not in built:
            found[name] = (
                f"this ffmpeg ({ffmpeg.version(program)}) was built without {codec.encoder}; use one that has it "
                f"(`ffmpeg` in the config), or another codec"
            )
        else:
            found[name] = _tried(codec, program) if devices else ""
    return found


def refusals(program: str | None, codecs: Iterable[str], *, devices: bool = True) -> list[str]:
    """The sentences of `encoders_here` on the codecs that cannot be used, with their names; errors as there."""
    return [f"{name}: {why}" for name, why in encoders_here(program, codecs, devices=devices).items() if why]


def _tried(codec: Codec, program: str | None) -> str:
    """The reason why an encode of two frames fails; "" if it does not."""
    first = codec.knob.default_crfs[0]
    settings = Settings(codec.presets[-1], codec.pix_fmts[0], first, keyint=FRAMES, threads=1, frame_rate="25/1")
    samples = WIDTH * HEIGHT * 3 // 2 * (2 if codec.pix_fmts[0].endswith("10le") else 1)
    given = arguments(codec, settings, Colour(), WIDTH, HEIGHT)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "tried.mp4"
        try:
            encode(given, [bytes(samples)] * FRAMES, target, what="", timeout_s=TIMEOUT_S, program=program)
        except EncodeError as error:
            return _reason(str(error))
    return ""


def _reason(text: str) -> str:
    """A known cause in ffmpeg's words, or the first of them."""
    for pattern, reason in REASONS:
        if told := re.search(pattern, text):
            return told.expand(reason)
    said = [line.partition("| ")[2] for line in text.splitlines() if line.startswith("  | ")]
    if "was stopped after" in text:
        return f"it did not encode {FRAMES} frames in {TIMEOUT_S:g} s"
    return f"ffmpeg cannot run it ({CONTEXT.sub('', said[0]) if said else text.splitlines()[0]})"
