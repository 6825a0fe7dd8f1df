"""Pixel formats: which are read as they are, and what the others become."""

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from .frames import pack, plain, plane_rows

READABLE = {f"yuv{sampling}p{depth}" for sampling in ("420", "422", "444") for depth in ("", "10le", "12le")}


def bit_depth(pix_fmt: str) -> int:
    """Bits of the widest component."""
    return max(component.bits for component in av.VideoFormat(pix_fmt, 16, 16).components)


def is_rgb(pix_fmt: str) -> bool:
    layout = av.VideoFormat(pix_fmt, 16, 16)
    return layout.is_rgb or layout.has_palette or pix_fmt.startswith("mono")


def readable(pix_fmt: str) -> str:
    """The planar YUV format that holds what `pix_fmt` holds.

    Packed, semi-planar, big-endian and alpha formats keep sampling and depth (alpha is dropped, grey gets neutral
    chroma at 4:2:0, 4:1:1 and the like become 4:4:4); depths that no encoder takes go up to 10 or 12 bits, 14 and 16
    down to 12. RGB and palettes become 4:4:4.
    """
    if plain(pix_fmt) in READABLE:
        return plain(pix_fmt)
    layout = av.VideoFormat(pix_fmt, 16, 16)
    bits = bit_depth(pix_fmt)
    depth = "" if bits <= 8 else "10le" if bits <= 10 else "12le"
    if is_rgb(pix_fmt):
        return f"yuv444p{depth}"
    if len(layout.components) < 3:
        return f"yuv420p{depth}"
    chroma = layout.components[1]
    sampling = {(8, 8): "420", (8, 16): "422"}.get((chroma.width, chroma.height), "444")
    return f"yuv{sampling}p{depth}"


class Planar:
    """Turns frames of one format into packed planes of `readable` of it; RGB becomes limited-range BT.709."""

    def __init__(self, pix_fmt: str):
        self.source, self.target = pix_fmt, readable(pix_fmt)
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> bytes:
        if plain(self.source) == self.target:
            return pack(frame)
        if is_rgb(self.source):
            frame = self._reformatter.reformat(
                frame, format=self.target, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            return pack(frame)
        if len(frame.format.components) < 3:
            return self._grey(frame)
        return pack(self._reformatter.reformat(frame, format=self.target, interpolation="BICUBIC"))

    def _grey(self, frame: av.VideoFrame) -> bytes:
        """Luma sample for sample (a scaler would change its range) and neutral chroma."""
        bits = bit_depth(self.source)
        width, height = frame.width, frame.height
        chroma = 2 * -(-width // 2) * -(-height // 2)
        if bits <= 8:
            rows = plane_rows(frame.planes[0], np.uint8)[:height]
            step = 2 if self.source == "ya8" else 1
            return rows[:, : width * step : step].tobytes() + bytes([128]) * chroma
        kind = ">u2" if self.source.endswith("be") else "<u2"
        rows = plane_rows(frame.planes[0], kind)[:height]
        step = 2 if self.source.startswith("ya") else 1
        target_bits = bit_depth(self.target)
        samples = rows[:, : width * step : step].astype(np.uint32)
        samples = samples * 2 ** max(0, target_bits - bits) // 2 ** max(0, bits - target_bits)
        return samples.astype("<u2").tobytes() + np.full(chroma, 1 << (target_bits - 1), "<u2").tobytes()
