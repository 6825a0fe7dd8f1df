"""Fusion: the features of a frame to its quality, by the VMAF models under model/."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .. import registry
from ..errors import ScoreError

# Frames fused at a time: the graph's planes of frames x support vectors then stay within 2 MB.
FRAMES = 1024


class Fusion:
    """A VMAF model, loaded once; calls may come from several threads.

    Rescaling, support vector regression, score transform and clip are all inside the ONNX graph, in float64
    (`learn.vmaf_models.build` has the equations). One thread, no rewriting of the graph: a row's score has
    the same bits whatever stands beside it.

    Attributes
    ----------
    name : the model's name in the registry.
    features : names of the columns that a call takes, in order.
    gain_limit : the enhancement gain limit under which ADM and VIF must be computed (1 for NEG models, 100 otherwise).
    """

    def __init__(self, model: str) -> None:
        """Load `model`.

        Raises
        ------
        ScoreError
            If it is no model of quality.
        ModelError
            If its file is missing or damaged.
        """
        known = registry.names("vmaf")
        if model not in known:
            raise ScoreError(f"model {model!r} has no graph under model/; those that have are {', '.join(known)}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(registry.load(model), options, ["CPUExecutionProvider"])
        facts = self._session.get_modelmeta().custom_metadata_map
        self.name = model
        self.features: tuple[str, ...] = tuple(facts["features"].split())
        [self.gain_limit] = {float(facts[f"{feature}_enhn_gain_limit"]) for feature in ("adm", "vif")}

    def __call__(
        self, features: NDArray[np.floating], *, what: str = "fusion", start: int = 0, step: int = 1
    ) -> NDArray[np.float64]:
        """Quality of each frame.

        Parameters
        ----------
        features : [frames, 6], columns as `self.features`.
        what, start, step : for messages: which encode this is, the title's index of the first frame, and how far it is
            from each to the next.

        Returns
        -------
        VMAF, float64 [frames], within the model's clip (0 to 100).

        Raises
        ------
        ScoreError
            If a feature is not finite.
        """
        rows = np.ascontiguousarray(features, np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.features):
            raise ValueError(f"features have shape {rows.shape}, not [frames, {len(self.features)}]")
        bad = np.argwhere(~np.isfinite(rows))
        if len(bad):
            frame, column = bad[0]
            raise ScoreError(
                f"{what}: {self.features[column]} of frame {start + step * frame} is {rows[frame, column]}; "
                "score this encode with engine libvmaf, and report its frames"
            )
        out = np.empty(len(rows))
        for first in range(0, len(rows), FRAMES):
            part = slice(first, first + FRAMES)
            [out[part]] = self._session.run(["vmaf"], {"features": rows[part]})
        return out
