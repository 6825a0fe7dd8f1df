"""TransNetV2, which sees cuts and dissolves as people do, and a first look that asks it only where there is a doubt.

A cut is what the network says is one, unless the picture comes back as after a flash; and what needs no network: a
jump between unlike pictures in a quiet stretch, a fade through a flat picture, a wipe. The network by itself misses a
tenth of the plain cuts between like shots, a third of the fades and every wipe (model/transnetv2.md).

Where a transition takes time, the new shot begins

- of a fade, with the flattest picture: a keyframe costs next to nothing there;
- of any other, with the first picture that is more like the one after the transition than the one before it: the
  keyframe, on which all of the shot leans, then shows the new shot for the greater part.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import registry
from ..source import Media
from .detector import Cut, Detector, threshold_of
from .gradual import Gradual, fades, wipes
from .look import LAG, Look
from .network import EDGE, HEIGHT, MODEL, NEW, WIDTH, WINDOW, Judged, Network, Pictures
from .settings import Settings

THRESHOLD = (0.05, 0.95, 0.5)  # least, most, usual
STRETCH = 8 * NEW  # frames that are settled together
MARGIN = 3 * NEW  # frames on either side that are looked at besides
AHEAD = 2  # stretches that may wait to be settled
LASTING = 4  # frames that the network must call transition for it to be no hard cut


class Stretch(NamedTuple):
    """Pictures of the title from frame `base` on, of which those of frames `[start, end)` are to be settled.

    `final` says whether the title ends with them.
    """

    pictures: Pictures
    base: int
    start: int
    end: int
    final: bool

    def window(self, block: int) -> Pictures | None:
        """What the network sees of a block of NEW frames; None where not all of it is at hand.

        Before the title's first picture and after its last one stand copies of them.
        """
        first = block * NEW - EDGE - self.base
        within = (first >= 0 or not self.base) and (first + WINDOW <= len(self.pictures) or self.final)
        if not within or not 0 <= block * NEW < self.base + len(self.pictures):
            return None
        return self.pictures[np.clip(np.arange(first, first + WINDOW), 0, len(self.pictures) - 1)]


class TransNetV2(Detector):
    """Settles a stretch of frames at a time, so that memory does not grow with the title, beside the decoding."""

    form = "rgb"

    def __init__(self, settings: Settings, media: Media) -> None:
        self._threshold = threshold_of(settings, *THRESHOLD)
        self._settings = settings
        self._look_first = settings.first_look
        version = registry.entry(MODEL).sha256[:12]
        self.label = f"{MODEL} ({version}, {'first look' if self._look_first else 'every window'})"
        self._kept: list[Pictures] = []
        self._base = 0  # the title's index of the first picture kept
        self._start = 0  # of the first frame not yet handed over to be settled
        self._aside = ThreadPoolExecutor(1)
        self._waiting: deque[Future[list[Cut]]] = deque()
        self._judged: dict[int, Judged] = {}
        self.windows = 0  # that the network has judged

    @cached_property
    def _network(self) -> Network:
        return Network(self._settings.device, self._settings.threads, self._settings.gpu)

    def picture_size(self, width: int, height: int) -> tuple[int, int]:
        return WIDTH, HEIGHT

    def see(self, picture: Pictures | None) -> list[Cut]:
        assert picture is not None
        self._kept.append(picture)
        if self._base + len(self._kept) < self._start + STRETCH + MARGIN:
            return []
        self._hand_over(self._start + STRETCH, final=False)
        return self._gathered(AHEAD)

    def finish(self) -> list[Cut]:
        end = self._base + len(self._kept)
        if end > self._start:
            self._hand_over(end, final=True)
        cuts = self._gathered(0)
        self._aside.shutdown()
        asked = self.__dict__.get("_network")
        if isinstance(asked, Network):
            asked.close()
            self.label += ", by the CPU in place of a GPU that failed" if asked.replaced else ""
        return cuts

    def _hand_over(self, end: int, *, final: bool) -> None:
        """Have the frames up to `end` settled while the next ones are decoded."""
        stretch = Stretch(np.stack(self._kept), self._base, self._start, end, final)
        self._waiting.append(self._aside.submit(self._settle, stretch))
        self._start = end
        drop = max(0, end - MARGIN - self._base)
        self._kept, self._base = self._kept[drop:], self._base + drop

    def _gathered(self, most: int) -> list[Cut]:
        """The cuts of stretches that are settled; waits until no more than `most` are not."""
        cuts: list[Cut] = []
        while len(self._waiting) > most:
            cuts += self._waiting.popleft().result()
        return cuts

    def _settle(self, stretch: Stretch) -> list[Cut]:
        base, look = stretch.base, Look(stretch.pictures)
        sure = look.sure_cuts()
        slow = sorted([*fades(look), *wipes(look, sure)], key=lambda one: one.first)
        slow = [one for one in slow if not any(one.first <= cut <= one.last + 1 for cut in sure)]
        self._judge(stretch, look.doubts(sure, [(one.first, one.last) for one in slow]))
        cuts = [Cut(base + frame) for frame in sure]
        cuts += [Cut(base + _place(look, one), one.kind) for one in slow]
        cuts += self._found_by_network(look, base, sure, slow)
        self._judged = {block: found for block, found in self._judged.items() if block * NEW >= stretch.end - MARGIN}
        return sorted(cut for cut in cuts if stretch.start <= cut.frame < stretch.end and cut.frame > 0)

    def _judge(self, stretch: Stretch, doubts: NDArray[np.bool_]) -> None:
        """Ask the network about the blocks of NEW frames with a doubt, and those into which a transition reaches."""
        asked = [
            block
            for block in range(stretch.start // NEW, -(-stretch.end // NEW))
            if not self._look_first or doubts[block * NEW - stretch.base : (block + 1) * NEW - stretch.base].any()
        ]
        while asked:
            block = asked.pop()
            window = None if block in self._judged else stretch.window(block)
            if window is None:
                continue
            single, many = self._judged[block] = self._network(window)
            self.windows += 1
            for place, beside in ((0, block - 1), (-1, block + 1)):
                if max(single[place], many[place]) > self._threshold:
                    asked.append(beside)

    def _found_by_network(self, look: Look, base: int, sure: list[int], slow: list[Gradual]) -> list[Cut]:
        """The transitions that the network found, without those that are known already."""
        single, many = (np.zeros(look.frames + NEW, np.float32) for _ in range(2))
        for block, found in self._judged.items():
            place = block * NEW - base
            if 0 <= place < look.frames:
                single[place : place + NEW], many[place : place + NEW] = found
        single, many = single[: look.frames], many[: look.frames]
        cuts = []
        centres = np.flatnonzero(single > self._threshold)
        for run in np.split(centres, np.flatnonzero(np.diff(centres) > 1) + 1) if len(centres) else []:
            first, last = _reach(many > self._threshold, int(run[0]), int(run[-1]))
            strength = float(single[run].max())
            if last - first + 1 < LASTING:
                cut = max(0, int(run[0]) - 1) + int(np.argmax(look.jump[max(0, run[0] - 1) : run[-1] + 2])) + 1
                known = any(abs(cut - other) <= 2 for other in sure)
                known = known or any(one.first - 2 <= cut <= one.last + 2 for one in slow)
                if not known and cut < look.frames and not look.comes_back(cut):
                    cuts.append(Cut(base + cut, "cut", strength))
                continue
            one = Gradual("gradual", first, last)
            known = any(first - 2 <= other <= last + 3 for other in sure)
            known = known or any(a.first - LAG // 2 <= last and first <= a.last + LAG // 2 for a in slow)
            if not known:
                cuts.append(Cut(base + _place(look, one), one.kind, strength))
        return cuts


def _reach(part: NDArray[np.bool_], first: int, last: int) -> tuple[int, int]:
    """The stretch of frames called part of a transition that holds, or touches, frames `first` to `last`."""
    while first > 0 and part[first - 1]:
        first -= 1
    while last + 1 < len(part) and part[last + 1]:
        last += 1
    return first, last


def _place(look: Look, one: Gradual) -> int:
    """The first frame of the new shot within a gradual transition; the head of this file says which and why."""
    if one.kind == "fade":
        return one.first + int(np.argmin(look.spread[one.first : one.last + 1]))
    before, after = look.luma[max(0, one.first - 1)], look.luma[min(look.frames - 1, one.last + 1)]
    inside = look.luma[max(0, one.first) : one.last + 2]
    newer = np.abs(inside - after).mean(axis=1) < np.abs(inside - before).mean(axis=1)
    return max(0, one.first) + int(np.argmax(newer))


def make(settings: Settings, media: Media) -> Detector:
    """The detector `transnetv2` for one title."""
    return TransNetV2(settings, media)
