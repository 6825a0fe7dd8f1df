"""Pictures on which the kernels of the GPU are held against those of the CPU."""

import numpy as np
from numpy.typing import NDArray


def pictures(width: int, height: int, depth: int, encodes: int, frames: int) -> NDArray[np.unsignedinteger]:
    """Moving texture with a flat part, and encodes of it: softer, stronger, noisier.

    [frames, 1 + encodes, height, width], uint8 at 8 bits, else uint16.
    """
    rng, peak = np.random.default_rng(width * height + depth), 2**depth - 1
    noise = rng.random((height + 8, width + 8))
    smooth = sum(np.roll(noise, (down, across), (0, 1)) for down in range(3) for across in range(3)) / 9
    planes = np.empty((frames, 1 + encodes, height, width))
    for frame in range(frames):
        planes[frame, 0] = smooth[frame : frame + height, 2 * frame : 2 * frame + width]
        planes[frame, 0, : height // 4] = 0.7
        for encode in range(encodes):
            dirt = rng.normal(0, 0.03 * encode, (height, width))
            planes[frame, 1 + encode] = 0.45 + (planes[frame, 0] - 0.45) * (0.8 + 0.3 * encode) + dirt
    return (planes.clip(0, 1) * peak).round().astype(np.uint8 if depth == 8 else np.uint16)
