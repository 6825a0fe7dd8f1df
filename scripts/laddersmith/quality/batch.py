"""A score over many encodes at once: the reference is read once, and decoding, scaling and kernels overlap.

Workers share one rule. A frame of which all encodes are there is scored, the earliest first; otherwise the stream that
is furthest behind decodes its next frame, as long as that frame has a place. What a frame gives depends on its
pictures alone, so the number of workers changes no bit of any result.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ScoreError
from .decode import Encode, Planes, picture_bytes, plane_shapes, sample_type
from .decode_log import check_counts
from .engine import Distorted, Reference
from .picture import scoring_format

AHEAD = 2
"""Frames in flight are the workers and this many more, so that frames are decoded while others are scored.

A frame in flight is the luma of every encode, width x height x (1 byte at 8 bits, 2 above) each, and the reference's
three planes: 19.7 MB for eight encodes at 1920x1080 in 8 bits 4:2:0, 158 MB at 3840x2160 in 10 bits.
"""
DECODER_PICTURES = 8
"""Pictures of its own size that a decoder is taken to hold, for reference and reordering; the encoders' defaults need 4
to 7."""
FEATURES = ("adm2", *(f"adm_scale{s}" for s in range(4)), *(f"vif_scale{s}" for s in range(4)))
PLANES = ("psnr_y", "psnr_cb", "psnr_cr")


class Kernels(Protocol):
    """What is computed of one frame; each worker has its own, with the memory that it works in."""

    def features(self, reference: NDArray[Any], distorted: NDArray[Any]) -> NDArray[np.float64]:
        """`FEATURES` [encodes, 9] of luma [height, width] and [encodes, height, width]."""

    def motion(self, previous: NDArray[Any], current: NDArray[Any]) -> float:
        """Motion from one luma of the reference to the next."""

    def squared_error(self, reference: NDArray[Any], distorted: NDArray[Any]) -> int:
        """Sum of squared differences of two planes."""


@dataclass
class Measured:
    """What the frames of a batch gave.

    Attributes
    ----------
    features : float64 [encodes, frames scored, 9], columns as `FEATURES`.
    motion : float64 [before + length + after]; that of the first frame is 0, and NaN where no scored frame asks for it.
    squared_error : int64 [encodes, frames scored, 3], of the planes Y, Cb, Cr.
    samples : of each plane.
    cpu_s : seconds of CPU time by kind of work: "reference", "decode", "kernels".
    """

    features: NDArray[np.float64]
    motion: NDArray[np.float64]
    squared_error: NDArray[np.int64]
    samples: tuple[int, ...]
    cpu_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("reference", "decode", "kernels"), 0.0))


def bytes_held(reference: Reference, distorted: Sequence[Distorted], threads: int) -> int:
    """Bytes of the pictures that a batch of one scoring format holds: in flight, in the scalers, in the decoders."""
    [pix_fmt] = {scoring_format(reference.pix_fmt, one.pix_fmt) for one in distorted}
    display = picture_bytes(pix_fmt, reference.width, reference.height)
    luma, flight = display[0], max(1, threads) + AHEAD
    decoders = sum(DECODER_PICTURES * sum(picture_bytes(one.pix_fmt, one.width, one.height)) for one in distorted)
    return flight * len(distorted) * luma + (flight + 1 + 2 * len(distorted)) * sum(display) + decoders


class Batch:
    """One reference against encodes that all meet it in one scoring format."""

    def __init__(
        self,
        reference: Reference,
        distorted: Sequence[Distorted],
        kernels: Callable[[], Kernels],
        *,
        threads: int,
        deadline: float,
        frame_step: int = 1,
        scored: Callable[[], None],
        empty: Callable[[tuple[int, ...], Any], NDArray[Any]] = np.empty,
    ) -> None:
        """Prepare; `run` does it.

        Parameters
        ----------
        kernels : makes a worker's kernels, in that worker's thread.
        threads : workers. deadline : on the clock `time.monotonic`.
        frame_step : every how many frames one is scored; the others are decoded, to find the next and to be counted.
        scored : called after each frame of which all encodes are scored, by one worker at a time.
        empty : makes the arrays of decoded luma, of a shape and a type; a GPU reads some memory faster than other.
        """
        [pix_fmt] = {scoring_format(reference.pix_fmt, one.pix_fmt) for one in distorted}
        self._reference, self._distorted = reference, distorted
        self._kernels, self._threads, self._deadline, self._scored = kernels, max(1, threads), deadline, scored
        kind = sample_type(pix_fmt)
        self._step, count = frame_step, len(reference.scored(frame_step))
        self._total = reference.before + reference.length + reference.after
        self._flight = self._threads + AHEAD
        self._encodes = [Encode(one, reference, pix_fmt) for one in distorted]
        self._iterator: Iterator[bytes] = iter(())
        self._to_format = Planes(reference, pix_fmt)
        shapes = plane_shapes(pix_fmt, reference.width, reference.height)
        # One place more than frames in flight: scoring the earliest needs the reference before it.
        self._references = [
            [empty(shapes[0], kind), *(np.empty(shape, kind) for shape in shapes[1:])] for _ in range(self._flight + 1)
        ]
        self._lumas = empty((self._flight, len(distorted), *shapes[0]), kind)
        self._chroma = [[np.empty(shape, kind) for shape in shapes[1:]] for _ in distorted]
        self.measured = Measured(
            np.full((len(distorted), count, len(FEATURES)), np.nan),
            np.full(self._total, np.nan),
            np.zeros((len(distorted), count, len(shapes)), np.int64),
            tuple(rows * columns for rows, columns in shapes),
        )
        # Stream 0 is the reference, stream 1 + e is encode e; `next` is the reference's index of what it decodes next.
        self._next = [0] + [reference.before] * len(distorted)
        self._busy = [False] * len(self._next)
        self._begun: set[int] = set()
        self._done: set[int] = set()
        self._earliest = 0
        self._ended = [False] * len(distorted)
        self._failed: BaseException | None = None
        self._condition = threading.Condition()

    def run(self) -> Measured:
        """Score all frames.

        Raises
        ------
        ScoreError
            If an encode and the reference disagree, a file is damaged, or the time is up. No thread is left behind.
        """
        self._iterator = iter(self._reference.read())
        workers = [threading.Thread(target=self._work, name=f"score-{n}") for n in range(self._threads)]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        except BaseException as error:
            self.fail(error)
            raise
        finally:
            for worker in workers:
                if worker.ident is not None:
                    worker.join()
            for encode in self._encodes:
                encode.close()
            close = getattr(self._iterator, "close", None)
            if close:
                close()
        if self._failed:
            raise self._failed
        return self.measured

    def _work(self) -> None:
        try:
            kernels = self._kernels()
            while (task := self._await()) is not None:
                stream, frame = task
                began = time.thread_time()
                if stream is None:
                    self._score(kernels, frame)
                elif stream == 0:
                    self._read(frame)
                else:
                    self._decode(kernels, stream - 1, frame)
                self._finish(stream, frame, time.thread_time() - began)
        except BaseException as error:
            self.fail(error)

    def _await(self) -> tuple[int | None, int] | None:
        """The next task: (stream, frame) to decode or (None, frame) to score; None when all is done or lost."""
        with self._condition:
            while True:
                if self._failed or (self._earliest == self._total and all(self._ended)):
                    return None
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise ScoreError(
                        f"{self._reference.what}: its {len(self._encodes)} encodes were not scored in time"
                    )
                task = self._choice()
                if task is not None:
                    return task
                self._condition.wait(min(left, threading.TIMEOUT_MAX))

    def _choice(self) -> tuple[int | None, int] | None:
        ready = min(self._next)
        for frame in range(self._earliest, min(self._earliest + self._flight, self._total)):
            there = (self._next[0] if self._place(frame) is None else ready) > frame
            if there and frame not in self._begun:
                self._begun.add(frame)
                return None, frame
        best: int | None = None
        for stream, frame in enumerate(self._next):
            if self._busy[stream] or not self._has_place(stream, frame):
                continue
            if best is None or frame < self._next[best]:
                best = stream
        if best is None:
            return None
        self._busy[best] = True
        return best, self._next[best]

    def _has_place(self, stream: int, frame: int) -> bool:
        if stream == 0:
            return frame < self._total and frame < self._earliest + self._flight
        if frame >= self._reference.before + self._reference.length:
            return not self._ended[stream - 1]
        return frame < self._next[0] and frame < self._earliest + self._flight

    def _finish(self, stream: int | None, frame: int, cpu_s: float) -> None:
        with self._condition:
            kind = "kernels" if stream is None else "decode" if stream else "reference"
            self.measured.cpu_s[kind] += cpu_s
            if stream is None:
                self._done.add(frame)
                while self._earliest in self._done:
                    self._done.remove(self._earliest)
                    self._begun.remove(self._earliest)
                    self._earliest += 1
                if self._place(frame) is not None:
                    self._scored()
            else:
                self._busy[stream] = False
                self._next[stream] += 1
            self._condition.notify_all()

    def fail(self, error: BaseException) -> None:
        """End the work with this error, from any thread; the first one counts."""
        with self._condition:
            self._failed = self._failed or error
            self._condition.notify_all()

    def _read(self, frame: int) -> None:
        packed = next(self._iterator, None)
        if packed is None:
            raise ScoreError(
                f"{self._reference.what}: the title ends after {frame} frames of {self._total}; probe it again"
            )
        planes = self._to_format.of_packed(packed, self._reference.pix_fmt)
        for source, target in zip(planes, self._references[frame % len(self._references)], strict=True):
            np.copyto(target, source)

    def _decode(self, kernels: Kernels, encode: int, frame: int) -> None:
        at = frame - self._reference.before
        if at == self._reference.length:
            self._end(encode)
            return
        place = self._place(frame)
        picture = self._encodes[encode].skip()
        if picture is None:
            check_counts(at, self._total, self._reference, self._distorted[encode])
        if picture is None or place is None:
            return
        planes = self._encodes[encode].scaled(picture)
        luma = self._lumas[frame % self._flight, encode]
        references = self._references[frame % len(self._references)]
        for plane, (source, target) in enumerate(zip(planes, [luma, *self._chroma[encode]], strict=True)):
            np.copyto(target, source)
            self.measured.squared_error[encode, place, plane] = kernels.squared_error(references[plane], target)

    def _end(self, encode: int) -> None:
        """Hold the encode to its length: there must be no further frame."""
        surplus = 0
        while self._encodes[encode].skip() is not None and not self._failed:
            surplus += 1
        check_counts(self._reference.length + surplus, self._total, self._reference, self._distorted[encode])
        self._ended[encode] = True

    def _score(self, kernels: Kernels, frame: int) -> None:
        reference = self._references[frame % len(self._references)][0]
        place = self._place(frame)
        if not frame:
            self.measured.motion[frame] = 0
        elif place is not None or self._place(frame - 1) is not None:  # motion2 looks at the next frame's too
            previous = self._references[(frame - 1) % len(self._references)][0]
            self.measured.motion[frame] = kernels.motion(previous, reference)
        if place is not None:
            self.measured.features[:, place] = kernels.features(reference, self._lumas[frame % self._flight])

    def _place(self, frame: int) -> int | None:
        """Which of the frames scored this one is; None where it is not scored."""
        at = frame - self._reference.before
        return at // self._step if 0 <= at < self._reference.length and at % self._step == 0 else None
