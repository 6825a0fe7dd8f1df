"""VIF on the GPU: the twin of `vif.py`, which has the definition and the constants.

A pixel of the reference with a variance just below the noise counts quite differently from one just above it, and the
variance is the small difference of two large means. So the means are added up in libvmaf's order and rounded where it
rounds (libvmaf/src/feature/common/convolution_avx.c): each product, each sum, no fused multiply-adds.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float32, int32, uint32
from numpy.typing import NDArray

from .cuda_tools import (
    OnDevice,
    PartialSums,
    Tile,
    check_planes,
    device_array,
    mirrored,
    on_device,
    on_grid,
    rounded_product,
    sample_reader,
    unrolled,
)
from .vif import FILTERS, NOISE, SCALES, SMALLEST

_ZERO, _ONE = np.float32(0), np.float32(1)
_NOISE = np.float32(NOISE)
_INVERSE_NOISE = np.float32(1 / NOISE)
_FLAT = np.float32(NOISE**2 / 255.0**2)
_TINY = np.float32(1e-10)


@on_device
def _of_reference(variance: Any) -> Any:
    """What one pixel of the reference tells, as `vif.py` defines it."""
    return math.log2(_ONE + variance * _INVERSE_NOISE) if variance >= _NOISE else _ONE


@cache
def _reference_moments(scale: int, depth: int | None, tile: Tile) -> Any:
    """Kernel: mean and variance of each reference, kept for its encodes, and the sum of log2(1 + variance / noise).

    Grid (tiles across, tiles down, frames). `moments` is laid out by the threads that will read it: [frames, tiles, 2,
    rows, columns] of tiles and threads, so that every access is coalesced.
    """
    taps, columns, rows, pitch = FILTERS[scale], tile.columns, tile.rows, tile.pitch
    size, reach = taps.size, taps.size // 2
    width_of_tile = columns - 2 * reach
    sample = sample_reader(depth)

    def down(first: int, last: int) -> Any:
        def step(planes: Any, base: Any, top: Any, height: Any, width: Any, mean: Any, square: Any) -> None:
            weights = cuda.const.array_like(taps)
            for k in range(first, last):
                x = sample(planes[uint32(base + mirrored(int32(top + k), height) * width)])
                xx = rounded_product(x, x)
                for i in range(rows):
                    if 0 <= k - i < size:
                        mean[i] += rounded_product(weights[k - i], x)
                        square[i] += rounded_product(weights[k - i], xx)

        return step

    def across(first: int, last: int) -> Any:
        def step(filtered: Any, row: Any, column: Any, mean: Any, square: Any) -> None:
            weights = cuda.const.array_like(taps)
            for k in range(first, last):
                x, xx = filtered[0, row, column + k], filtered[1, row, column + k]
                for i in range(rows):
                    if 0 <= k - i < size:
                        mean[i] += rounded_product(weights[k - i], x)
                        square[i] += rounded_product(weights[k - i], xx)

        return step

    filter_down, filter_across = (
        unrolled(down, rows + 2 * reach, fastmath=False),
        unrolled(across, rows + 2 * reach, fastmath=False),
    )

    def kernel(planes: Any, per_frame: Any, height: Any, width: Any, moments: Any, values: Any, start: Any) -> None:
        filtered = cuda.shared.array((2, rows, pitch), float32)
        mean = cuda.local.array(rows, float32)
        square = cuda.local.array(rows, float32)
        t, frame = int32(cuda.threadIdx.x), int32(cuda.blockIdx.z)
        left, top = int32(cuda.blockIdx.x * width_of_tile), int32(cuda.blockIdx.y * rows)
        tiles = int32(cuda.gridDim.x * cuda.gridDim.y)
        here = int32(cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x)
        for i in range(rows):
            mean[i] = _ZERO
            square[i] = _ZERO
        base = int32(frame * per_frame * height * width + mirrored(int32(left + t - reach), width))
        filter_down(planes, base, int32(top - reach), height, width, mean, square)
        for i in range(rows):
            filtered[0, i, t] = mean[i]
            filtered[1, i, t] = square[i]
            mean[i] = _ZERO
            square[i] = _ZERO
        cuda.syncthreads()
        total = _ZERO
        row, column = t % rows, t // rows * rows
        if column < width_of_tile:
            filter_across(filtered, row, column, mean, square)
            kept = int32((frame * tiles + here) * (2 * rows * columns) + t)
            for i in range(rows):
                variance = max(square[i] - rounded_product(mean[i], mean[i]), _ZERO)
                moments[uint32(kept + i * columns)] = mean[i]
                moments[uint32(kept + (rows + i) * columns)] = variance
                information = _of_reference(variance)
                if column + i < width_of_tile and left + column + i < width and top + row < height:
                    total += information
        values[uint32(start + (frame * per_frame * tiles + here) * columns + t)] = total

    return on_grid(kernel, fastmath=False)


@on_device
def _information(mean: Any, variance: Any, mean_y: Any, square_y: Any, product: Any, gain_limit: Any) -> Any:
    """What one pixel of an encode still tells about the reference's, as `vif.py` defines it."""
    variance_y = max(square_y - rounded_product(mean_y, mean_y), _ZERO)
    covariance = product - rounded_product(mean, mean_y)
    gain = max(covariance / max(variance, _NOISE), _ZERO) if variance_y >= _TINY else _ZERO
    rest = max(variance_y - gain * covariance, _TINY)
    gain = min(gain, gain_limit)
    if variance < _NOISE:
        return _ONE - variance_y * _FLAT
    return math.log2(_ONE + gain * gain * variance / (rest + _NOISE))


@cache
def _encode_moments(scale: int, depth: int | None, tile: Tile) -> Any:
    """Kernel: the sum of the information that each encode kept. Grid (tiles across, tiles down, frames x encodes)."""
    taps, columns, rows, pitch = FILTERS[scale], tile.columns, tile.rows, tile.pitch
    size, reach = taps.size, taps.size // 2
    width_of_tile = columns - 2 * reach
    sample = sample_reader(depth)

    def down(first: int, last: int) -> Any:
        def step(
            planes: Any, of_x: Any, of_y: Any, top: Any, height: Any, width: Any, mean: Any, square: Any, product: Any
        ) -> None:
            weights = cuda.const.array_like(taps)
            for k in range(first, last):
                offset = int32(mirrored(int32(top + k), height) * width)
                x, y = sample(planes[uint32(of_x + offset)]), sample(planes[uint32(of_y + offset)])
                yy, xy = rounded_product(y, y), rounded_product(x, y)
                for i in range(rows):
                    if 0 <= k - i < size:
                        mean[i] += rounded_product(weights[k - i], y)
                        square[i] += rounded_product(weights[k - i], yy)
                        product[i] += rounded_product(weights[k - i], xy)

        return step

    def across(first: int, last: int) -> Any:
        def step(filtered: Any, row: Any, column: Any, mean: Any, square: Any, product: Any) -> None:
            weights = cuda.const.array_like(taps)
            for k in range(first, last):
                y, yy, xy = filtered[0, row, column + k], filtered[1, row, column + k], filtered[2, row, column + k]
                for i in range(rows):
                    if 0 <= k - i < size:
                        mean[i] += rounded_product(weights[k - i], y)
                        square[i] += rounded_product(weights[k - i], yy)
                        product[i] += rounded_product(weights[k - i], xy)

        return step

    filter_down, filter_across = (
        unrolled(down, rows + 2 * reach, fastmath=False),
        unrolled(across, rows + 2 * reach, fastmath=False),
    )

    def kernel(
        planes: Any, per_frame: Any, height: Any, width: Any, moments: Any, gain_limit: Any, values: Any, start: Any
    ) -> None:
        filtered = cuda.shared.array((3, rows, pitch), float32)
        mean = cuda.local.array(rows, float32)
        square = cuda.local.array(rows, float32)
        product = cuda.local.array(rows, float32)
        t = int32(cuda.threadIdx.x)
        frame = int32(uint32(cuda.blockIdx.z) // uint32(per_frame - 1))
        plane = int32(cuda.blockIdx.z + frame + 1)
        left, top = int32(cuda.blockIdx.x * width_of_tile), int32(cuda.blockIdx.y * rows)
        tiles = int32(cuda.gridDim.x * cuda.gridDim.y)
        here = int32(cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x)
        for i in range(rows):
            mean[i] = _ZERO
            square[i] = _ZERO
            product[i] = _ZERO
        inside = mirrored(int32(left + t - reach), width)
        of_x = int32(frame * per_frame * height * width + inside)
        of_y = int32(plane * height * width + inside)
        filter_down(planes, of_x, of_y, int32(top - reach), height, width, mean, square, product)
        for i in range(rows):
            filtered[0, i, t] = mean[i]
            filtered[1, i, t] = square[i]
            filtered[2, i, t] = product[i]
            mean[i] = _ZERO
            square[i] = _ZERO
            product[i] = _ZERO
        cuda.syncthreads()
        total = _ZERO
        row, column = t % rows, t // rows * rows
        if column < width_of_tile:
            filter_across(filtered, row, column, mean, square, product)
            kept = int32((frame * tiles + here) * (2 * rows * columns) + t)
            for i in range(rows):
                mean_x = moments[uint32(kept + i * columns)]
                variance_x = moments[uint32(kept + (rows + i) * columns)]
                information = _information(mean_x, variance_x, mean[i], square[i], product[i], gain_limit)
                if column + i < width_of_tile and left + column + i < width and top + row < height:
                    total += information
        values[uint32(start + (plane * tiles + here) * columns + t)] = total

    return on_grid(kernel, fastmath=False)


@cache
def _halve(scale: int, depth: int | None, tile: Tile) -> Any:
    """Kernel: every second sample of the planes of `scale` - 1, filtered with the taps of `scale`, both ways.

    Grid (tiles across, tiles down, planes).
    """
    taps, columns, rows, pitch = FILTERS[scale], tile.columns, tile.rows, tile.pitch
    size, reach = taps.size, taps.size // 2
    width_of_tile, per_thread = (columns - 2 * reach) // 2, rows // 2
    sample = sample_reader(depth)

    def down(first: int, last: int) -> Any:
        def step(planes: Any, base: Any, top: Any, height: Any, width: Any, mean: Any) -> None:
            weights = cuda.const.array_like(taps)
            for k in range(first, last):
                x = sample(planes[uint32(base + mirrored(int32(top + k), height) * width)])
                for i in range(rows):
                    if 0 <= k - 2 * i < size:
                        mean[i] += rounded_product(weights[k - 2 * i], x)

        return step

    def across(first: int, last: int) -> Any:
        def step(filtered: Any, row: Any, column: Any, mean: Any) -> None:
            weights = cuda.const.array_like(taps)
            for k in range(first, last):
                x = filtered[row, column + k]
                for i in range(per_thread):
                    if 0 <= k - 2 * i < size:
                        mean[i] += rounded_product(weights[k - 2 * i], x)

        return step

    filter_down = unrolled(down, 2 * rows - 1 + 2 * reach, fastmath=False)
    filter_across = unrolled(across, 2 * per_thread - 1 + 2 * reach, fastmath=False)

    def kernel(planes: Any, height: Any, width: Any, halved: Any) -> None:
        filtered = cuda.shared.array((rows, pitch), float32)
        mean = cuda.local.array(rows, float32)
        t, plane = int32(cuda.threadIdx.x), int32(cuda.blockIdx.z)
        left, top = int32(cuda.blockIdx.x * width_of_tile), int32(cuda.blockIdx.y * rows)
        for i in range(rows):
            mean[i] = _ZERO
        base = int32(plane * height * width + mirrored(int32(2 * left + t - reach), width))
        filter_down(planes, base, int32(2 * top - reach), height, width, mean)
        for i in range(rows):
            filtered[i, t] = mean[i]
            mean[i] = _ZERO
        cuda.syncthreads()
        row, column = t % rows, t // rows * per_thread
        if column < width_of_tile:
            filter_across(filtered, row, 2 * column, mean)
            half_height, half_width = height // 2, width // 2
            first = int32((plane * half_height + top + row) * half_width + left + column)
            for i in range(per_thread):
                if column + i < width_of_tile and left + column + i < half_width and top + row < half_height:
                    halved[uint32(first + i)] = mean[i]

    return on_grid(kernel, fastmath=False)


class VifCuda(OnDevice):
    """VIF of up to `frames` frames, each with `encodes` encodes, in one go; frames and results stay on the device.

    Parameters
    ----------
    width, height, depth : of the luma planes, in samples and bits.
    encodes, frames : planes are [frames or fewer, 1 + encodes, height, width] of uint8 (8 bits) or uint16.
    gain_limit : 100.0, or 1.0 for the NEG models.

    Raises
    ------
    ScoreError
        If frames are smaller than VIF can measure, or of another depth than 8, 10, 12 or 16 bits.
    """

    def __init__(
        self,
        width: int,
        height: int,
        depth: int,
        encodes: int,
        gain_limit: float = 100.0,
        *,
        frames: int = 1,
        tile: Tile = Tile(),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__("VIF", width, height, depth, encodes, frames, tile, SMALLEST)
        self.gain_limit = np.float32(gain_limit)
        self._sizes = [(height >> scale, width >> scale) for scale in range(SCALES)]
        self._grids = [self._grid(scale) for scale in range(SCALES)]
        planes = frames * (1 + encodes)
        self._halved = [device_array((planes * h * w,), np.float32) for h, w in self._sizes[1:]]
        most = max(across * down for across, down in self._grids)
        self._moments = device_array((frames * most * 2 * tile.rows * tile.columns,), np.float32)
        self._sums = PartialSums(planes, [across * down * tile.columns for across, down in self._grids], tile)

    def _grid(self, scale: int) -> tuple[int, int]:
        height, width = self._sizes[scale]
        across = self.tile.columns - 2 * (FILTERS[scale].size // 2)
        return -(-width // across), -(-height // self.tile.rows)

    def sums(self, planes: Any, stream: Any = 0) -> Any:
        """float64 device array [4, planes]: by scale, denominators (references) and numerators (encodes) of all."""
        frames = check_planes(planes, self.shape, self.depth)
        per_frame, tile = self.shape[1], self.tile
        current: Any = planes.ravel()
        depth: int | None = self.depth
        for scale, ((height, width), grid) in enumerate(zip(self._sizes, self._grids, strict=True)):
            if scale:
                self._shrink(scale, current, depth, frames * per_frame, stream)
                current, depth = self._halved[scale - 1], None
            size = np.int32(per_frame), np.int32(height), np.int32(width)
            start = np.int32(self._sums.starts[scale])
            kernel = _reference_moments(scale, depth, tile)[(*grid, frames), tile.columns, stream]
            kernel(current, *size, self._moments, self._sums.values, start)
            kernel = _encode_moments(scale, depth, tile)[(*grid, frames * (per_frame - 1)), tile.columns, stream]
            kernel(current, *size, self._moments, self.gain_limit, self._sums.values, start)
        return self._sums.total(stream)

    def _shrink(self, scale: int, planes: Any, depth: int | None, count: int, stream: Any) -> None:
        height, width = self._sizes[scale - 1]
        across = (self.tile.columns - 2 * (FILTERS[scale].size // 2)) // 2
        grid = (-(-(width // 2) // across), -(-(height // 2) // self.tile.rows), count)
        kernel = _halve(scale, depth, self.tile)[grid, self.tile.columns, stream]
        kernel(planes, np.int32(height), np.int32(width), self._halved[scale - 1])

    def features(self, sums: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
        """float64 [frames, encodes, 4], vif_scale0..3, of what `sums` gave."""
        by_plane = sums.reshape(SCALES, -1, self.shape[1])[:, :frames]
        return np.moveaxis(by_plane[:, :, 1:] / by_plane[:, :, :1], 0, -1)
