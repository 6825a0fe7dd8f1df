"""Graphics cards: which of them a job may use, and whose turn it is.

What a job may see is decided outside: SLURM grants cards and names them in CUDA_VISIBLE_DEVICES, and so may a user. Of
those a job takes one, for as long as it holds the lock on a file that stands for one of the card's places. The kernel
drops such a lock with the process that holds it, so a killed job frees its place. The files lie in a folder of this
machine, one for each user, since a card is in one machine and file systems of a network lock in ways of their own.
"""

import ctypes
import fcntl
import logging
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .errors import GpuError

log = logging.getLogger(__name__)

DRIVER = "libcuda.so.1"
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE (CUDA Driver API, CUresult)
POLL_S = 0.2
GRANTED = ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS")
WAIT_S = 7200.0


@dataclass(frozen=True)
class Card:
    """A graphics card: its number, as CUDA counts in this process, and the name that it has in every process."""

    number: int
    uuid: str


@dataclass(frozen=True)
class Sharing:
    """How jobs share cards, and what happens when a card fails.

    Attributes
    ----------
    slots : jobs that may use one card at a time.
    wait_s : wall seconds that a job waits for a place.
    fallback : whether a job whose card fails does its work on the CPU, and says so; else it fails.
    folder : of the locks; None: `lock_folder()`.
    """

    slots: int = 1
    wait_s: float = WAIT_S
    fallback: bool = False
    folder: Path | None = None


ALONE = Sharing()


def sharing(section: Mapping[str, Any]) -> Sharing:
    """What the section `gpu` of the config says."""
    return Sharing(slots=section["slots"], fallback=section["fallback"] == "cpu")


_held: tuple[Card, IO[str]] | None = None


def claim(cards: Sequence[Card], sharing: Sharing) -> Card:
    """One of the cards, this process's own until `release`; the same one again where it has one already.

    The first places of all cards are taken before the second of any. Where all are taken, it waits.

    Raises
    ------
    GpuError
        If there is no card, no place is free in time, or the folder of locks cannot be used.
    """
    global _held
    if not cards:
        raise GpuError(
            f"{platform.node()} shows this job no NVIDIA GPU (CUDA_VISIBLE_DEVICES is "
            f"{os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')}); ask SLURM for one, or use the CPU"
        )
    if _held is not None and _held[0] in cards:
        return _held[0]
    release()
    folder = lock_folder() if sharing.folder is None else sharing.folder
    deadline, waiting = time.monotonic() + sharing.wait_s, False
    while True:
        for slot in range(sharing.slots):
            for card in cards:
                lock = _locked(folder / f"{card.uuid}.{slot}.lock")
                if lock is not None:
                    _held = card, lock
                    return card
        if time.monotonic() >= deadline:
            raise GpuError(
                f"no place on {_listed(cards)} of {platform.node()} came free in {sharing.wait_s:g} s; run fewer jobs "
                "side by side, or raise gpu.slots"
            )
        if not waiting:
            log.info("waiting for a place on %s of %s", _listed(cards), platform.node())
            waiting = True
        time.sleep(POLL_S)


def release() -> None:
    """Give this process's place back, if it has one."""
    global _held
    if _held is not None:
        _held[1].close()
        _held = None


def visible_cards() -> list[Card]:
    """The cards that CUDA shows this process.

    Raises
    ------
    GpuError
        If there is no driver, it fails, or this is a job of SLURM to which no card was granted: where a site does not
        hide the others, it would take them from the jobs that have them.
    """
    if "SLURM_JOB_ID" in os.environ and not any(name in os.environ for name in GRANTED):
        raise GpuError(
            f"SLURM granted job {os.environ['SLURM_JOB_ID']} no GPU; ask for one (profiles/slurm-gpu), or set "
            "CUDA_VISIBLE_DEVICES where whole machines are granted"
        )
    path = os.environ.get("NUMBA_CUDA_DRIVER", DRIVER)
    try:
        driver = ctypes.CDLL(path)
    except OSError as error:
        raise GpuError(f"{platform.node()} has no NVIDIA driver ({error}); run on a machine with a GPU") from error
    status = driver.cuInit(0)
    if status == NO_DEVICE:
        return []
    _check(driver, status)
    count = ctypes.c_int()
    _check(driver, driver.cuDeviceGetCount(ctypes.byref(count)))
    return [Card(number, _uuid(driver, number)) for number in range(count.value)]


def lock_folder() -> Path:
    """The user's folder of locks on this machine, made where it is not there yet.

    Raises
    ------
    GpuError
        If it cannot be made, or is not the user's own.
    """
    folder = Path("/tmp") / f"laddersmith-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat().st_uid
    except OSError as error:
        raise GpuError(f"the folder of locks on GPUs {folder} cannot be made ({error})") from error
    if owner != os.getuid():
        raise GpuError(f"the folder of locks on GPUs {folder} belongs to somebody else (user {owner}); remove it")
    return folder


def _locked(path: Path) -> IO[str] | None:
    """The file, locked by this process; None where another one holds it."""
    try:
        file = path.open("a")
    except OSError as error:
        raise GpuError(f"the lock on a GPU {path} cannot be opened ({error})") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _listed(cards: Sequence[Card]) -> str:
    return ", ".join(card.uuid for card in cards)


def _uuid(driver: Any, number: int) -> str:
    """A card's name as `nvidia-smi -L` has it; a slice of a card (MIG) has one of its own."""
    raw = (ctypes.c_ubyte * 16)()
    ask = getattr(driver, "cuDeviceGetUuid_v2", None) or driver.cuDeviceGetUuid
    _check(driver, ask(raw, number))
    text = bytes(raw).hex()
    return "GPU-" + "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])


def _check(driver: Any, status: int) -> None:
    if status:
        text = ctypes.c_char_p()
        driver.cuGetErrorString(status, ctypes.byref(text))
        said = (text.value or b"unknown error").decode(errors="replace")
        raise GpuError(
            f"the NVIDIA driver of {platform.node()} fails ({said}, error {status}); `nvidia-smi` there says more"
        )
