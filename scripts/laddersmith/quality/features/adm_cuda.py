"""ADM on the GPU: the twin of `adm.py`; `adm_csf.py` has the constants of both."""

from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float32, int32, uint32
from numpy.typing import NDArray

from .adm import SMALLEST
from .adm_csf import COS2_ONE_DEGREE, HIGH, LOW, MASKING, NOISE, SCALES, band_size, pooled, sensitivity
from .cuda_tools import (
    OnDevice,
    PartialSums,
    Tile,
    check_planes,
    device_array,
    on_device,
    on_grid,
    sample_reader,
    unrolled,
)

_ZERO, _ONE = np.float32(0), np.float32(1)
_MASKING = np.float32(MASKING)
_COS2 = np.float32(COS2_ONE_DEGREE)
_FIRST = np.int32(0)
_BANDS = 3  # horizontal, vertical, diagonal


@on_device
def _reflected(index: Any, size: Any) -> Any:
    """`index` reflected about sample 0, and about the far edge, where the last sample comes twice; then some sample."""
    inside = int32(abs(index))
    beyond = int32(2 * size - 1 - inside)
    return int32(max(int32(min(inside, beyond)), _FIRST))


@cache
def _wavelet(depth: int | None, tile: Tile) -> Any:
    """Kernel: one step of Daubechies' wavelet, each thread one column and tile.rows / 2 rows of all four bands.

    Grid (tiles across, tiles down, planes). `low` is [planes, rows, columns] of the bands, `details` [planes, 3, rows,
    columns]: what is high down and low across, low down and high across, high both ways.
    """
    columns, rows = tile.columns, tile.rows // 2
    low_pass, high_pass = np.array(LOW, np.float32), np.array(HIGH, np.float32)
    l0, l1, l2, l3 = low_pass
    h0, h1, h2, h3 = high_pass
    sample = sample_reader(depth)

    def down(first: int, last: int) -> Any:
        def step(
            planes: Any, base: Any, top: Any, height: Any, width: Any, c0: Any, c1: Any, c2: Any, c3: Any, bands: Any
        ) -> None:
            down_low, down_high = cuda.const.array_like(low_pass), cuda.const.array_like(high_pass)
            for k in range(first, last):
                row = int32(base + _reflected(int32(top + k), height) * width)
                s0, s1 = sample(planes[uint32(row + c0)]), sample(planes[uint32(row + c1)])
                s2, s3 = sample(planes[uint32(row + c2)]), sample(planes[uint32(row + c3)])
                low = l0 * s0 + l1 * s1 + l2 * s2 + l3 * s3
                high = h0 * s0 + h1 * s1 + h2 * s2 + h3 * s3
                for i in range(rows):
                    if 0 <= k - 2 * i < 4:
                        bands[0, i] += down_low[k - 2 * i] * low
                        bands[1, i] += down_high[k - 2 * i] * low
                        bands[2, i] += down_low[k - 2 * i] * high
                        bands[3, i] += down_high[k - 2 * i] * high

        return step

    filter_rows = unrolled(down, 2 * rows + 2)

    @on_grid
    def kernel(planes: Any, height: Any, width: Any, low: Any, details: Any) -> None:
        bands = cuda.local.array((4, rows), float32)
        for i in range(rows):
            bands[0, i] = _ZERO
            bands[1, i] = _ZERO
            bands[2, i] = _ZERO
            bands[3, i] = _ZERO
        plane = int32(cuda.blockIdx.z)
        column = int32(cuda.blockIdx.x * columns + cuda.threadIdx.x)
        top = int32(cuda.blockIdx.y * rows)
        c0, c1 = _reflected(int32(2 * column - 1), width), _reflected(int32(2 * column), width)
        c2, c3 = _reflected(int32(2 * column + 1), width), _reflected(int32(2 * column + 2), width)
        base = int32(plane * height * width)
        filter_rows(planes, base, int32(2 * top - 1), height, width, c0, c1, c2, c3, bands)
        half_height, half_width = int32((height + 1) // 2), int32((width + 1) // 2)
        size = int32(half_height * half_width)
        if column < half_width:
            for i in range(rows):
                if top + i < half_height:
                    here = int32((top + i) * half_width + column)
                    low[uint32(plane * size + here)] = bands[0, i]
                    details[uint32(plane * 3 * size + here)] = bands[1, i]
                    details[uint32((plane * 3 + 1) * size + here)] = bands[2, i]
                    details[uint32((plane * 3 + 2) * size + here)] = bands[3, i]

    return kernel


@on_device
def _towards(encode: Any, bound: Any) -> Any:
    """`encode` limited to what lies between 0 and `bound`."""
    return max(min(encode, max(bound, _ZERO)), min(bound, _ZERO))


@on_device
def _excess(kept: Any, threshold: Any) -> Any:
    """The cube of what is above the masking threshold."""
    above = max(abs(kept) - threshold, _ZERO)
    return above * above * above


@cache
def _masked(tile: Tile) -> Any:
    """Kernel: the sums of cubes of the restored detail above the masking threshold, band by band.

    Grid (tiles across, tiles down, planes); each thread has one column and tile.rows rows of the pooled part of the
    bands, and one row above and below them: those, and the first and last column of a tile, only mask. Scored against
    itself (plane 0 of each frame) the reference has no impairment, so that its sums are the denominators.
    """
    columns, rows = tile.columns, tile.rows
    looked_at = rows + 2

    def down(first: int, last: int) -> Any:
        def step(
            details: Any,
            of_x: Any,
            of_y: Any,
            size: Any,
            top: Any,
            height: Any,
            width: Any,
            straight: Any,
            diagonal: Any,
            gain_limit: Any,
            kept: Any,
            impairment: Any,
        ) -> None:
            for k in range(first, last):
                row = int32(_reflected(int32(top + k), height) * width)
                x, y = int32(of_x + row), int32(of_y + row)
                xh, yh = details[uint32(x)], details[uint32(y)]
                xv, yv = details[uint32(x + size)], details[uint32(y + size)]
                xd, yd = details[uint32(x + 2 * size)], details[uint32(y + 2 * size)]
                dot = xh * yh + xv * yv
                same = dot >= _ZERO and dot * dot >= _COS2 * ((xh * xh + xv * xv) * (yh * yh + yv * yv))
                gain = gain_limit if same else _ONE
                rh = _towards(yh, _towards(yh, xh) * gain)
                rv = _towards(yv, _towards(yv, xv) * gain)
                rd = _towards(yd, _towards(yd, xd) * gain)
                impairment[k] = straight * (abs(yh - rh) + abs(yv - rv)) + diagonal * abs(yd - rd)
                if 0 < k <= rows:
                    kept[0, k - 1] = straight * rh
                    kept[1, k - 1] = straight * rv
                    kept[2, k - 1] = diagonal * rd

        return step

    decouple = unrolled(down, looked_at)

    @on_grid
    def kernel(
        details: Any,
        per_frame: Any,
        height: Any,
        width: Any,
        top: Any,
        left: Any,
        straight: Any,
        diagonal: Any,
        gain_limit: Any,
        values: Any,
        start: Any,
    ) -> None:
        neighbours = cuda.shared.array((rows, columns), float32)
        kept = cuda.local.array((_BANDS, rows), float32)
        impairment = cuda.local.array(looked_at, float32)
        t, plane = int32(cuda.threadIdx.x), int32(cuda.blockIdx.z)
        frame = int32(uint32(plane) // uint32(per_frame))
        column = int32(left + cuda.blockIdx.x * (columns - 2) + t - 1)
        first = int32(top + cuda.blockIdx.y * rows)
        inside, size = _reflected(column, width), int32(height * width)
        of_x, of_y = int32(frame * per_frame * 3 * size + inside), int32(plane * 3 * size + inside)
        above = int32(first - 1)
        decouple(details, of_x, of_y, size, above, height, width, straight, diagonal, gain_limit, kept, impairment)
        for i in range(rows):
            neighbours[i, t] = impairment[i] + impairment[i + 1] + impairment[i + 2]
        cuda.syncthreads()
        horizontal, vertical, across = _ZERO, _ZERO, _ZERO
        if 0 < t < columns - 1 and column < width - left:
            for i in range(rows):
                if first + i < height - top:
                    around = neighbours[i, t - 1] + neighbours[i, t] + neighbours[i, t + 1]
                    threshold = (around + impairment[i + 1]) * _MASKING
                    horizontal += _excess(kept[0, i], threshold)
                    vertical += _excess(kept[1, i], threshold)
                    across += _excess(kept[2, i], threshold)
        count = int32(cuda.gridDim.x * cuda.gridDim.y * columns)
        here = int32((cuda.blockIdx.y * cuda.gridDim.x + cuda.blockIdx.x) * columns + t)
        values[uint32(start + plane * 3 * count + here)] = horizontal
        values[uint32(start + (plane * 3 + 1) * count + here)] = vertical
        values[uint32(start + (plane * 3 + 2) * count + here)] = across

    return kernel


class AdmCuda(OnDevice):
    """ADM of up to `frames` frames, each with `encodes` encodes, in one go; frames and results stay on the device.

    Parameters and errors are those of `VifCuda`.
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
        super().__init__("ADM", width, height, depth, encodes, frames, tile, SMALLEST)
        self.gain_limit = np.float32(gain_limit)
        self._sizes = [(band_size(height, scale), band_size(width, scale)) for scale in range(SCALES)]
        self._pooled = [(pooled(h), pooled(w)) for h, w in self._sizes]
        self._grids = [self._grid(scale) for scale in range(SCALES)]
        planes = frames * (1 + encodes)
        self._low = [device_array((planes * h * w,), np.float32) for h, w in self._sizes[:2]]
        height, width = self._sizes[0]
        self._details = device_array((planes * _BANDS * height * width,), np.float32)
        counts = [across * down * tile.columns for across, down in self._grids]
        self._sums = PartialSums(planes * _BANDS, counts, tile)

    def _grid(self, scale: int) -> tuple[int, int]:
        (top, bottom), (left, right) = self._pooled[scale]
        return -(-(right - left) // (self.tile.columns - 2)), -(-(bottom - top) // self.tile.rows)

    def sums(self, planes: Any, stream: Any = 0) -> Any:
        """float64 device array [4, planes x 3]: by scale, sums of cubes by plane and band; plane 0 is the reference."""
        frames = check_planes(planes, self.shape, self.depth)
        count, columns = frames * self.shape[1], self.tile.columns
        current: Any = planes.ravel()
        depth: int | None = self.depth
        height, width = self.shape[2:]
        for scale, (rows, across) in enumerate(self._sizes):
            low = self._low[scale % 2]
            grid = (-(-across // columns), -(-rows // (self.tile.rows // 2)), count)
            kernel = _wavelet(depth, self.tile)[grid, columns, stream]
            kernel(current, np.int32(height), np.int32(width), low, self._details)
            self._mask(scale, count, stream)
            current, depth, height, width = low, None, rows, across
        return self._sums.total(stream)

    def _mask(self, scale: int, count: int, stream: Any) -> None:
        (top, _), (left, _) = self._pooled[scale]
        straight, diagonal = sensitivity(scale)
        kernel = _masked(self.tile)[(*self._grids[scale], count), self.tile.columns, stream]
        kernel(
            self._details,
            *(np.int32(number) for number in (self.shape[1], *self._sizes[scale], top, left)),
            *(np.float32(number) for number in (straight, diagonal, self.gain_limit)),
            self._sums.values,
            np.int32(self._sums.starts[scale]),
        )

    def features(self, sums: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
        """float64 [frames, encodes, 5], adm2 and adm_scale0..3, of what `sums` gave."""
        cubes = sums.reshape(SCALES, -1, self.shape[1], _BANDS)[:, :frames]
        samples = [(bottom - top) * (right - left) for (top, bottom), (left, right) in self._pooled]
        floor = np.cbrt(np.array(samples) * NOISE).reshape(SCALES, 1, 1, 1)
        strength = (np.cbrt(cubes) + floor).sum(axis=-1)
        by_scale = strength[:, :, 1:] / strength[:, :, :1]
        total = strength.sum(axis=0)
        return np.moveaxis(np.concatenate([(total[:, 1:] / total[:, :1])[None], by_scale]), 0, -1)
