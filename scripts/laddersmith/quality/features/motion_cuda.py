"""Motion on the GPU: the twin of `motion.py`, which has the definition and the constants."""

from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float32, int32, uint32
from numpy.typing import NDArray

from .cuda_tools import OnDevice, PartialSums, Tile, check_planes, mirrored, on_grid, unrolled
from .motion import BLUR, SMALLEST

TAPS = np.array([*BLUR[:3], *BLUR[1::-1]], np.float32)
_ZERO = np.float32(0)


@cache
def _blurred_difference(tile: Tile) -> Any:
    """Kernel: the sum of |blur of (reference - the one before)|; the blur is linear. Grid (across, down, frames)."""
    taps, columns, rows, pitch = TAPS, tile.columns, tile.rows, tile.pitch
    size, reach = taps.size, taps.size // 2
    width_of_tile = columns - 2 * reach

    def down(first: int, last: int) -> Any:
        def step(
            planes: Any, base: Any, before: Any, other: Any, top: Any, height: Any, width: Any, blurred: Any
        ) -> None:
            weights = cuda.const.array_like(taps)
            for k in range(first, last):
                offset = int32(mirrored(int32(top + k), height) * width)
                x = float32(int32(planes[uint32(base + offset)]) - int32(before[uint32(other + offset)]))
                for i in range(rows):
                    if 0 <= k - i < size:
                        blurred[i] += weights[k - i] * x

        return step

    def across(first: int, last: int) -> Any:
        def step(filtered: Any, row: Any, column: Any, blurred: Any) -> None:
            weights = cuda.const.array_like(taps)
            for k in range(first, last):
                x = filtered[row, column + k]
                for i in range(rows):
                    if 0 <= k - i < size:
                        blurred[i] += weights[k - i] * x

        return step

    filter_down, filter_across = unrolled(down, rows + 2 * reach), unrolled(across, rows + 2 * reach)

    @on_grid
    def kernel(planes: Any, per_frame: Any, previous: Any, height: Any, width: Any, values: Any) -> None:
        filtered = cuda.shared.array((rows, pitch), float32)
        blurred = cuda.local.array(rows, float32)
        t, frame = int32(cuda.threadIdx.x), int32(cuda.blockIdx.z)
        left, top = int32(cuda.blockIdx.x * width_of_tile), int32(cuda.blockIdx.y * rows)
        for i in range(rows):
            blurred[i] = _ZERO
        inside = mirrored(int32(left + t - reach), width)
        base = int32(frame * per_frame * height * width + inside)
        above = int32(top - reach)
        if frame > 0:
            other = int32((frame - 1) * per_frame * height * width + inside)
            filter_down(planes, base, planes, other, above, height, width, blurred)
        else:
            filter_down(planes, base, previous, inside, above, height, width, blurred)
        for i in range(rows):
            filtered[i, t] = blurred[i]
            blurred[i] = _ZERO
        cuda.syncthreads()
        total = _ZERO
        row, column = t % rows, t // rows * rows
        if column < width_of_tile:
            filter_across(filtered, row, column, blurred)
            for i in range(rows):
                if column + i < width_of_tile and left + column + i < width and top + row < height:
                    total += abs(blurred[i])
        tiles = int32(cuda.gridDim.x * cuda.gridDim.y)
        here = int32(cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x)
        values[uint32((frame * tiles + here) * columns + t)] = total

    return kernel


class MotionCuda(OnDevice):
    """Motion of up to `frames` successive references; frames and results stay on the device.

    Parameters and errors are those of `VifCuda`.
    """

    def __init__(
        self,
        width: int,
        height: int,
        depth: int,
        encodes: int,
        *,
        frames: int = 1,
        tile: Tile = Tile(),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__("motion", width, height, depth, encodes, frames, tile, SMALLEST)
        self._grid = (-(-width // (tile.columns - 2 * (TAPS.size // 2))), -(-height // tile.rows))
        self._sums = PartialSums(frames, [self._grid[0] * self._grid[1] * tile.columns], tile)

    def sums(self, planes: Any, previous: Any, stream: Any = 0) -> Any:
        """float64 device array [1, frames]: sums of absolute differences, in steps of the samples.

        `previous` is the reference before the first frame, a device array [height, width]; where there is none, the
        first frame's own.
        """
        frames = check_planes(planes, self.shape, self.depth)
        _, per_frame, height, width = self.shape
        kernel = _blurred_difference(self.tile)[(*self._grid, frames), self.tile.columns, stream]
        size = np.int32(height), np.int32(width)
        kernel(planes.ravel(), np.int32(per_frame), previous.ravel(), *size, self._sums.values)
        return self._sums.total(stream)

    def features(self, sums: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
        """float64 [frames], motion, of what `sums` gave."""
        return sums[0, :frames] / (self.shape[2] * self.shape[3] * 2.0 ** (self.depth - 8))
