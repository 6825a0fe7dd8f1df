"""A first look at small pictures: how much each differs from those around it, and what that settles by itself.

Everything is measured on RGB pictures of 48x27 in code values 0 to 255. The thresholds were set on an edited film of
5,301 frames with 119 hard cuts, and on titles spliced from other clips than those that `bench_shots` measures.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

# A cut beyond doubt: the pictures jump by this much, by so many times the greatest jump within NEAR frames, and none of
# the pictures before it is like any after it.
JUMP = 18.0
ALONE = 2.5
NEAR = 8
UNLIKE = 0.7  # of the jump: the least difference between the four pictures before and the four after
LEAST_UNLIKE = 10.0
AGAIN = 0.35  # of the jump: a lesser difference is the same picture, a little later
ALIKE = 0.9  # correlation of luma across the cut above which it may be the light that changed
# Doubt, of two kinds: a jump of this much, by so many times the median around it; or, within LAG frames that no sure
# cut parts, a change of this much and of this share of the colours, near frames that are mixtures of those around them
# but for this rest. Of what the network alone found on all titles at hand, the least was a jump of 22.9, by 2.0, or one
# of 29.3 among others like it, and a change of 39, of 0.32 of the colours, with a rest of 0.31.
MAYBE_JUMP = 16.0
MAYBE_ANYWAY = 25.0
MAYBE_ALONE = 1.6
AROUND = 10
LAG = 24
MAYBE_CHANGE = 26.0
MAYBE_COLOURS = 0.24
MAYBE_MIXED = 0.4
MIXED_SPANS = (12, 16, 24)  # frames between the two that are mixed
NEARBY = 6
PASSING = 24


class Look:
    """Measures of a stretch of pictures, uint8 [frames, 27, 48, 3].

    Attributes
    ----------
    jump : mean absolute difference of each picture and the next, [frames]; 0 for the last.
    luma : mean of the three colours, averaged over 2x2 (the odd last row left out), float32 [frames, 13 * 24].
    spread : standard deviation of luma within each picture, [frames].
    """

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self.frames = len(pictures)
        flat = pictures.reshape(self.frames, -1)
        self.jump = np.zeros(self.frames)
        if self.frames > 1:
            self.jump[:-1] = cv2.absdiff(flat[1:], flat[:-1]).sum(axis=1, dtype=np.int32) / flat.shape[1]
        red, green, blue = (pictures[..., colour] for colour in range(3))
        self.grey = (red.astype(np.uint16) + green + blue).astype(np.float32) / np.float32(3)
        upper, lower = self.grey[:, 0:26:2], self.grey[:, 1:26:2]
        quarters = (upper[..., ::2] + upper[..., 1::2]) + (lower[..., ::2] + lower[..., 1::2])
        self.luma = (quarters * np.float32(0.25)).reshape(self.frames, -1)
        centred = self.luma - self.luma.mean(axis=1, keepdims=True)
        self.spread = centred.std(axis=1)
        length = np.sqrt((centred * centred).sum(axis=1)) + 1e-3
        self._correlation = (centred[1:] * centred[:-1]).sum(axis=1) / (length[1:] * length[:-1])
        self._colours = _colours(pictures)

    def sure_cuts(self) -> list[int]:
        """First frames of the shots that begin with a hard cut beyond doubt."""
        found = []
        for frame in np.flatnonzero(self.jump >= JUMP).tolist():
            if min(frame + 1, self.frames - 1 - frame) < 3:
                continue  # too little is known of one side
            near = np.concatenate([self.jump[max(0, frame - NEAR) : frame], self.jump[frame + 1 : frame + 1 + NEAR]])
            if self.jump[frame] < ALONE * near.max() or self._correlation[frame] > ALIKE:
                continue
            before, after = self.luma[max(0, frame - 3) : frame + 1], self.luma[frame + 1 : frame + 5]
            least = np.abs(before[:, None] - after[None]).mean(axis=2).min()
            if least >= max(LEAST_UNLIKE, UNLIKE * np.abs(before[-1] - after[0]).mean()):
                found.append(frame + 1)
        return found

    def doubts(self, cuts: Iterable[int], settled: Iterable[tuple[int, int]]) -> NDArray[np.bool_]:
        """Frames at which something may be a cut besides the sure `cuts` and transitions `settled` otherwise, [frames].

        A transition is given by its first and last frame. It explains the jumps within it, and the change over the
        LAG frames around it.
        """
        around = np.lib.stride_tricks.sliding_window_view(np.pad(self.jump, AROUND, mode="edge"), 2 * AROUND + 1)
        usual = np.maximum(np.median(around, axis=1), 0.5)
        jumps = (self.jump >= MAYBE_JUMP) & (self.jump >= MAYBE_ALONE * usual)
        jumps |= self.jump >= MAYBE_ANYWAY
        for frame in np.flatnonzero(jumps).tolist():
            jumps[frame] = not self.comes_back(frame + 1)
        sure = np.array(list(cuts), np.intp)
        jumps[sure - 1] = False
        shot = np.zeros(self.frames, np.intp)
        shot[sure] = 1
        shot = np.cumsum(shot)
        starts, ends = np.concatenate([[0], sure]), np.concatenate([sure, [self.frames]])
        here = np.arange(self.frames)
        before = np.maximum(here - LAG // 2, starts[shot])
        after = np.minimum(here + LAG // 2, ends[shot] - 1)
        change = np.abs(self.luma[before] - self.luma[after]).mean(axis=1)
        colours = np.abs(self._colours[before] - self._colours[after]).sum(axis=1) / 2
        changes = (change >= MAYBE_CHANGE) & (colours >= MAYBE_COLOURS)
        changes &= self._mixtures(np.flatnonzero(changes), shot)
        for frame in np.flatnonzero(changes).tolist():
            span = int(starts[shot[frame]]), int(ends[shot[frame]])
            changes[frame] = not self.goes_by(frame - LAG // 2, frame + LAG // 2, change[frame], span)
        for first, last in settled:
            jumps[max(0, first - 1) : last + 1] = False
            changes[max(0, first - LAG // 2) : last + 1 + LAG // 2] = False
        doubtful: NDArray[np.bool_] = jumps | changes
        return doubtful

    def _mixtures(self, places: NDArray[np.intp], shot: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Frames, of those at `places`, near which pictures are mixtures of one before and one after them, [frames].

        So they are in a dissolve, more of the later one from frame to frame; where things move they are not.
        """
        near = np.zeros(self.frames, bool)
        near[np.unique(np.clip(places[:, None] + np.arange(-NEARBY, NEARBY + 1), 0, self.frames - 1))] = True
        mixed = np.zeros(self.frames, bool)
        for span in MIXED_SPANS:
            half, quarter = span // 2, span // 4
            here = np.flatnonzero(near[half : self.frames - half]) + half
            here = here[shot[here - half] == shot[here + half]]
            old = self.luma[here - half]
            differ = self.luma[here + half] - old
            size, square = np.abs(differ).mean(axis=1) + 1e-3, (differ * differ).sum(axis=1) + 1e-3
            shares, rests = [], []
            for step in (-quarter, 0, quarter):
                beyond = self.luma[here + step] - old
                share = (beyond * differ).sum(axis=1) / square
                shares.append(share)
                rests.append(np.abs(beyond - np.clip(share, 0, 1)[:, None] * differ).mean(axis=1) / size)
            first, middle, last = shares
            grows = (first < middle) & (middle < last) & (first < 0.5) & (last > 0.5) & (last - first > 0.15)
            mixed[here[grows & (np.max(rests, axis=0) <= MAYBE_MIXED)]] = True
        spread = np.convolve(mixed, np.ones(2 * NEARBY + 1))[NEARBY : NEARBY + self.frames] > 0.5
        return np.asarray(spread, bool)

    def goes_by(self, first: int, last: int, change: float, span: tuple[int, int]) -> bool:
        """Whether what was seen before frame `first` is seen after `last`: something went by, and no shot ended.

        change : the difference of luma that was seen on the way.
        span : first frame, and the one after the last, beyond which not to look.
        """
        low, high = span
        before = self.luma[max(low, first - PASSING) : max(low, first) + 1 : 4]
        after = self.luma[min(high - 1, last) : min(high, last + PASSING + 1) : 4]
        return bool(np.abs(before[:, None] - after[None]).mean(axis=2).min() < AGAIN * change)

    def comes_back(self, frame: int) -> bool:
        """Whether the jump into `frame` is an end of a flash: what was seen before it is seen after it.

        The pictures of a flash itself are like none beside it, so those next to the jump are left out on one side.
        """
        for old, new in (((3, 0), (1, 10)), ((10, 1), (0, 3))):
            before = self.luma[max(0, frame - old[0]) : max(0, frame - old[1])]
            after = self.luma[frame + new[0] : frame + new[1]]
            if len(before) and len(after):
                least = np.abs(before[:, None] - after[None]).mean(axis=2).min()
                if least < AGAIN * self.jump[frame - 1]:
                    return True
        return False


def _colours(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares of the pixels in 512 colours, eight levels of each of red, green and blue: [frames, 512]."""
    level = (pictures >> 5).astype(np.int16)
    colours = ((level[..., 0] << 6) + (level[..., 1] << 3) + level[..., 2]).reshape(len(pictures), -1)
    counts = np.empty((len(pictures), 512), np.float32)
    for count, colour in zip(counts, colours, strict=True):
        count[:] = np.bincount(colour, minlength=512)
    return counts / np.float32(colours.shape[1])
