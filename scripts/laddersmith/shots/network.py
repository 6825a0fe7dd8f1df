"""TransNetV2 itself, on the CPU or on a graphics card."""

import logging
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .. import devices, registry
from ..devices import ALONE, Sharing
from ..errors import GpuError, ShotsError

log = logging.getLogger(__name__)

MODEL = "transnetv2"
WIDTH, HEIGHT = 48, 27
WINDOW, NEW = 100, 50  # frames that the network sees at once, and those in the middle for which it is asked
EDGE = (WINDOW - NEW) // 2
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
EXACT = {"cpu": {}, "cuda": {"use_tf32": "0"}}  # the graph's sums of unlike sizes need all of float32
GAP = 1e-3  # in a probability, between card and CPU: float32 sums in another order move it by some 1e-6

Pictures = NDArray[np.uint8]
Judged = tuple[NDArray[np.float32], NDArray[np.float32]]


class Network:
    """The model, loaded once.

    Attributes
    ----------
    replaced : whether the CPU works in place of a card that failed.
    """

    def __init__(self, device: str, threads: int, sharing: Sharing = ALONE) -> None:
        """Load it; a card is held against the CPU before it is trusted.

        Raises
        ------
        ShotsError
            If this onnxruntime was not built for the device.
        GpuError
            If the card cannot be had, fails, or computes something else, and `sharing` has no fallback.
        ModelError
            If its file is missing or damaged.
        """
        self._device, self._threads, self._sharing = device, threads, sharing
        self.replaced = False
        if PROVIDERS[device] not in onnxruntime.get_available_providers():
            raise ShotsError(
                f"shots.device is {device}, and the onnxruntime that is installed has no {PROVIDERS[device]}; install "
                "onnxruntime-gpu in its place, or set shots.device to cpu"
            )
        if device == "cpu":
            self._session = self._opened("cpu", {})
            return
        try:
            self._session = self._on_card()
        except GpuError as error:
            self._replace(error)

    def __call__(self, window: Pictures) -> Judged:
        """Probabilities of the NEW middle frames of a window [100, 27, 48, 3]: centre of a transition, part of one.

        Raises
        ------
        GpuError
            If the card fails, and there is no fallback.
        """
        if self._device == "cpu" or self.replaced:
            return _asked(self._session, window)
        try:
            return _asked(self._session, window)
        except Exception as error:  # onnxruntime's errors have no base of their own
            self._replace(_failure(error))
        return _asked(self._session, window)

    def close(self) -> None:
        """Give the card's place back."""
        if self._device != "cpu":
            devices.release()

    def _on_card(self) -> Any:
        card = devices.claim(devices.visible_cards(), self._sharing)
        try:
            session = self._opened("cuda", {"device_id": str(card.number)})
        except Exception as error:
            raise _failure(error) from error
        if session.get_providers()[0] != PROVIDERS["cuda"]:
            raise GpuError(
                f"shots.device is cuda, and {PROVIDERS['cuda']} did not start on {card.uuid} (onnxruntime would run on "
                "the CPU in its place); mend its driver and libraries as the log says, or set shots.device to cpu"
            )
        window = np.random.default_rng(7).integers(0, 256, (WINDOW, HEIGHT, WIDTH, 3), np.uint8)
        try:
            ours = _asked(session, window)
        except Exception as error:
            raise _failure(error) from error
        theirs = _asked(self._opened("cpu", {}), window)
        gap = max(float(np.abs(one - other).max()) for one, other in zip(ours, theirs, strict=True))
        if not gap <= GAP:
            raise GpuError(
                f"{card.uuid} gives probabilities of a cut that are up to {gap:g} off those of the CPU, more than "
                f"{GAP:g}; have its memory and driver checked, or set shots.device to cpu"
            )
        return session

    def _replace(self, error: GpuError) -> None:
        """Go on with the CPU, or not at all."""
        devices.release()
        if not self._sharing.fallback:
            raise error
        log.warning("the CPU finds cuts in place of the GPU: %s", error)
        self._session, self.replaced = self._opened("cpu", {}), True

    def _opened(self, device: str, more: dict[str, str]) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the decoder needs the cores too
        provider = (PROVIDERS[device], EXACT[device] | more)
        return onnxruntime.InferenceSession(registry.load(MODEL), options, [provider])


def _asked(session: Any, window: Pictures) -> Judged:
    single, many = session.run(["single", "many"], {"frames": window[None]})
    return single[0, EDGE : EDGE + NEW], many[0, EDGE : EDGE + NEW]


def _failure(error: Exception) -> GpuError:
    said = " ".join(str(error).split())
    return GpuError(f"onnxruntime fails on the GPU ({said}); look at its memory and driver, or set shots.device to cpu")
