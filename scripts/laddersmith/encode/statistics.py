"""What an encoder tells of its own work where that costs nothing: QP, types and sizes of frames, and where bits went.

Nothing here changes an encode's bits or its point's key: the logs are asked for beside the arguments that the key has.

- Sizes of frames are those of the packets, in which no settings SEI is counted.
- QP and types are ffmpeg's log of the frames (`-vstats_file`), for encoders that tell them truly (`Codec.tells`).
- Bits of texture and motion, and shares of blocks, are in the log that x264 and x265 write for a second pass. They
  write it in an encode by quality too, and its bits stay as they are (`Codec.account`); by a bitrate x265's do not, so
  that it is asked for by quality alone. What they write beside it, some bytes for every block of every frame, goes
  nowhere.
- A first pass's log is read where there was one: that of x264 and x265, and VP9's.
"""

import base64
import binascii
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns import STATISTICS
from .codecs import QUALITY, Codec, Settings
from .inspect import Packet
from .passes import Run, first_pass_logs

log = logging.getLogger(__name__)

FRAMES, ACCOUNT = "frames.txt", "account.txt"
BESIDE = (".mbtree.temp", ".cutree.temp")  # what x264 and x265 write beside ACCOUNT, as they name it
TYPES = "IPB"
NAMES = tuple(column.name for column in STATISTICS)

Statistics = dict[str, float | int | None]

_FRAME = re.compile(r"\bq= *(-?[\d.]+) .*\btype= *(\S)")
# In x264's words, then in x265's.
_LINE = re.compile(
    r"^in:\d+ .*?type:(?P<type>\w) .*?\bq:(?P<qp>[\d.]+) .*?\btex:(?P<texture>\d+) +mv:(?P<motion>\d+)"
    r" +misc:(?P<other>\d+) +(?:imb|icu):(?P<intra>[\d.]+) +(?:pmb|pcu):(?P<inter>[\d.]+)"
    r" +(?:smb|scu):(?P<skip>[\d.]+)",
    re.MULTILINE,
)

# A record of VP9's first pass: 26 doubles and one whole number; the last record has their sums.
# Source: libvpx, vp9/encoder/vp9_firstpass.h, FIRSTPASS_STATS.
_VP9 = np.dtype(
    [
        *((name, "<f8") for name in ("frame", "weight", "intra_error", "coded_error", "second_error", "noise_energy")),
        *((name, "<f8") for name in ("inter_share", "motion_share", "second_share", "neutral_share")),
        *((name, "<f8") for name in ("intra_low", "intra_high", "flat_share", "smooth", "zone_rows", "zone_columns")),
        *((name, "<f8") for name in ("MVr", "motion_rows", "MVc", "motion_columns", "MVrv", "MVcv", "in_out")),
        *((name, "<f8") for name in ("duration", "count", "new_vectors")),
        ("layer", "<i8"),
    ]
)
_VP9_TOLD = (
    *("intra_error", "coded_error", "second_error", "noise_energy"),
    *("inter_share", "motion_share", "second_share", "neutral_share", "flat_share"),
    *("motion_rows", "motion_columns"),
)


def listening(codec: Codec, settings: Settings, runs: Sequence[Run], folder: Path) -> list[Run]:
    """The runs of an encode, the last of which writes its logs into the empty `folder`, in which it is to be run."""
    *first, last = runs
    if codec.account and settings.rate == QUALITY:
        for suffix in BESIDE:
            (folder / f"{ACCOUNT}{suffix}").symlink_to(os.devnull)
        place = last.index(codec.account) + 1
        last = [*last[:place], f"{last[place]}:pass=1:stats={ACCOUNT}", *last[place + 1 :]]
    if codec.tells:
        last = ["-vstats_file", FRAMES, *last]
    return [*first, last]


def statistics(codec: Codec, folder: Path, packets: Sequence[Packet], what: str) -> Statistics:
    """The columns `columns.STATISTICS` of an encode; None for each that its encoder does not tell.

    Parameters
    ----------
    folder : in which the runs of `listening` were made.
    packets : of the encode, in the order in which they are decoded.
    what : named in the warning when a log is not as it should be; its columns are then None.
    """
    sizes = np.array([packet.bytes for packet in packets])
    found: Statistics = {"frame_bytes_max": int(sizes.max()), "frame_bytes_std": float(np.std(sizes))}
    logs = [(folder / FRAMES, lambda path: _frames(path, codec, sizes))] if codec.tells else []
    if any(folder.glob(f"{ACCOUNT}*")):
        logs.append((folder / ACCOUNT, lambda path: _shares(_noted(path.read_text(), len(sizes)))))
    logs += [(path, lambda path: _first_pass(path, codec, len(sizes))) for path in first_pass_logs(folder)]
    for path, reader in logs:
        try:
            found |= reader(path)
        except (OSError, ValueError, binascii.Error) as error:
            log.warning("%s: the encoder's log %s tells nothing (%s); its columns stay empty", what, path.name, error)
    return dict.fromkeys(NAMES) | found


def _frames(path: Path, codec: Codec, sizes: NDArray[np.int64]) -> Statistics:
    """QP and types by ffmpeg's log, which has a line for each packet, in their order."""
    lines = _FRAME.findall(path.read_text())
    if len(lines) != len(sizes):
        raise ValueError(f"it has {len(lines)} frames, the encode {len(sizes)}")
    qp = np.array([float(line[0]) for line in lines])
    types = np.array([line[1] for line in lines])
    told: Statistics = {}
    if "qp" in codec.tells:
        told |= {"qp_mean": float(qp.mean()), "qp_min": float(qp.min()), "qp_max": float(qp.max())}
        told |= {"qp_std": float(np.std(qp))}
    for kind in codec.tells.intersection(TYPES):
        name, mine = kind.lower(), types == kind
        told |= {f"{name}_frames": int(mine.sum()), f"{name}_bytes": int(sizes[mine].sum())}
        if "qp" in codec.tells and mine.any():
            told[f"{name}_qp_mean"] = float(qp[mine].mean())
    return told


def _first_pass(path: Path, codec: Codec, frames: int) -> Statistics:
    """The same of a first pass, or what VP9's tells of the title."""
    if codec.account:
        rows = _noted(path.read_text(), frames)
        bits = rows["texture"] + rows["motion"] + rows["other"]
        told = {"qp_mean": float(rows["qp"].mean()), "qp_std": float(np.std(rows["qp"]))}
        told |= {"frame_bits_mean": float(bits.mean()), "frame_bits_std": float(np.std(bits))}
        return {f"first_{name}": value for name, value in (told | _shares(rows)).items()}
    if codec.name != "vp9":
        return {}
    records = np.frombuffer(base64.b64decode(path.read_bytes(), validate=True), dtype=_VP9)
    if len(records) != frames + 1 or records["count"][-1] != frames:
        raise ValueError(f"it has {len(records) - 1} frames, the encode {frames}")
    return {f"first_{name}": float(records[name][:-1].mean()) for name in _VP9_TOLD}


def _noted(text: str, frames: int) -> dict[str, NDArray[Any]]:
    """The lines of x264's or x265's log, by column; bits as they count them."""
    lines = [found.groupdict() for found in _LINE.finditer(text)]
    if len(lines) != frames:
        raise ValueError(f"it has {len(lines)} frames, the encode {frames}")
    rows = {name: np.array([float(line[name]) for line in lines]) for name in lines[0] if name != "type"}
    return rows | {"intra_coded": np.array([line["type"] in "Ii" for line in lines])}


def _shares(rows: dict[str, NDArray[Any]]) -> Statistics:
    """Means of bits over the frames, and shares of the blocks of all frames."""
    blocks = {name: float(rows[name].sum()) for name in ("intra", "inter", "skip")}
    texture, keys = rows["texture"], rows["intra_coded"]
    return {
        "i_texture_bits_mean": float(texture[keys].mean()) if keys.any() else None,
        "pb_texture_bits_mean": float(texture[~keys].mean()) if not keys.all() else None,
        "motion_bits_mean": float(rows["motion"].mean()),
        "motion_bits_std": float(np.std(rows["motion"])),
        "other_bits_mean": float(rows["other"].mean()),
        **{f"{name}_share": count / sum(blocks.values()) for name, count in blocks.items()},
    }
