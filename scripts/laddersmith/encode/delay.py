"""How many frames an encoder keeps to itself: the part of a stream's delay that is the encoder's own."""

from collections.abc import Iterable
from pathlib import Path

from .. import ffmpeg

FRAME, PACKET = "in", "out"


def delay_frames(given: list[str], frames: Iterable[bytes], target: Path, *, what: str, timeout_s: float) -> int:
    """The most frames that wait in the encoder for later ones: 0 where each packet is out before the next frame is in.

    ffmpeg writes a line for each frame that it gives to the encoder and for each packet that it gets back, in the order
    of these calls; what waits in pipes and queues has no part in it. Frames at the end, which wait for none, do not
    count.

    Parameters
    ----------
    given : the encode's arguments (`run.arguments`). frames : raw, more of them than may wait.
    target : the MP4 to write; the lines are written beside it, and removed.

    Raises
    ------
    ToolError
        If ffmpeg fails or takes longer than `timeout_s`.
    """
    log = target.with_suffix(".calls")
    told = ["-stats_enc_pre:v", str(log), "-stats_enc_pre_fmt:v", FRAME]
    told += ["-stats_enc_post:v", str(log), "-stats_enc_post_fmt:v", PACKET]
    try:
        ffmpeg.run([*given, *told, str(target)], what=what, frames=frames, timeout_s=timeout_s)
        calls = log.read_text().split()
    finally:
        log.unlink(missing_ok=True)
    last = max(place for place, call in enumerate(calls) if call == FRAME)
    waiting, most = 0, 0
    for call in calls[:last]:
        most = max(most, waiting) if call == FRAME else most
        waiting += 1 if call == FRAME else -1
    return most
