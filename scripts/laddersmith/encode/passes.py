"""The runs of ffmpeg that make up one encode: one, or two passes, of which the second reads what the first noted.

All runs of an encode are started in one empty folder, made beside the encode and removed after it. Encoders keep the
log of a first pass under names of their own in the folder in which ffmpeg runs, so that no argument names a path:
arguments are equal on all machines, and a command can be run as it is told.
"""

import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .. import ffmpeg
from ..source.media import Colour
from .codecs import TWO_PASS, Codec, Settings
from .run import arguments, encode

Run = list[str]
# What ends a run's arguments, before the name of its target.
MP4 = ["-f", "mp4"]
FLAGS = "-flags:v"
FIRST_TARGET = "-"


def runs(codec: Codec, settings: Settings, colour: Colour, width: int, height: int) -> list[Run]:
    """ffmpeg's arguments of each run of an encode, in order, without the name of the target; errors as `arguments`.

    The first of two passes writes no stream.
    """
    if settings.rate != TWO_PASS:
        return [arguments(codec, settings, colour, width, height)]
    first, second = (arguments(codec, replace(settings, turn=turn), colour, width, height) for turn in (1, 2))
    # As in an MP4, parameter sets are outside the packets: x264 would count them, and its settings, as a frame's bits.
    first[first.index(FLAGS) + 1] += "+global_header"
    return [[*first[: -len(MP4)], "-f", "null"], second]


def key_of(given: Sequence[Run]) -> Run | list[Run]:
    """What an encode's runs add to its point's key: the arguments of the one run, or of all."""
    return given[0] if len(given) == 1 else list(given)


def command(given: Sequence[Run]) -> str:
    """The encode's command for a reader, without the paths of this machine."""
    *first, last = given
    told = [*([*run, FIRST_TARGET] for run in first), [*last, "out.mp4"]]
    return " && ".join(shlex.join(["ffmpeg", *run]) for run in told)


def encode_all(
    given: Sequence[Run],
    frames: Callable[[], Iterable[bytes]],
    target: Path,
    folder: Path,
    *,
    what: str,
    timeout_s: float,
    program: str | None = None,
) -> ffmpeg.Finished:
    """Make an encode's runs, one after another, in `folder`; wall and CPU seconds are those of all.

    Parameters
    ----------
    given : as `runs` returned it. frames : the raw pictures, asked for once for each run.
    target : the MP4 that the last run writes. folder : of `log_folder`.
    timeout_s : wall seconds that all runs together may take.

    Raises
    ------
    EncodeError
        As `encode` does; a first pass is told as such.
    """
    wall_s = cpu_s = 0.0
    told: list[str] = []
    for number, run in enumerate(given, 1):
        done = encode(
            run,
            frames(),
            target.resolve() if number == len(given) else FIRST_TARGET,
            what=what if len(given) == 1 else f"{what}, pass {number}",
            timeout_s=timeout_s - wall_s,
            program=program,
            folder=folder,
        )
        wall_s, cpu_s = wall_s + done.wall_s, cpu_s + done.cpu_s
        told.append(done.stderr)
    return ffmpeg.Finished("".join(told), wall_s, cpu_s)


@contextmanager
def log_folder(partial: Path) -> Iterator[Path]:
    """An empty folder beside the file `partial`, for what an encode's runs note down; gone afterwards."""
    folder = Path(tempfile.mkdtemp(dir=partial.parent, prefix=f"{partial.stem}.", suffix=".logs")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def first_pass_logs(folder: Path) -> list[Path]:
    """What a first pass noted as text in a folder of `log_folder`, sorted; none after an encode of one pass.

    What encoders keep beside it (x264's .mbtree, x265's .cutree) is not among it.
    """
    return sorted(folder.glob("*.log"))
