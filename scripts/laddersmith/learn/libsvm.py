"""libvmaf's JSON model files: a nu-SVR with its scaling, as arrays."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

FEATURES = ("adm2", "motion2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3")
# What libvmaf takes where a model file says nothing: no limit that any picture reaches.
GAIN_LIMIT = 100.0
_OPTION = {"adm2": "adm_enhn_gain_limit"} | {f"vif_scale{scale}": "vif_enhn_gain_limit" for scale in range(4)}
_KNOWN = {
    "model",
    "model_type",
    "norm_type",
    "feature_names",
    "feature_dict",
    "feature_opts_dicts",
    "slopes",
    "intercepts",
    "score_clip",
    "score_transform",
}
_HEADER = {"svm_type": "nu_svr", "kernel_type": "rbf", "nr_class": "2"}


@dataclass(frozen=True)
class Svr:
    """A fused quality model, all arrays float64; s support vectors, features in the order of FEATURES.

    Attributes
    ----------
    slopes, intercepts : [6], the linear rescaling of the features.
    gamma : of the radial basis function.
    vectors : [s, 6], in rescaled features.
    coefficients : [s].
    rho : subtracted from the weighted sum.
    score_slope, score_intercept : the rescaling of the score, which is undone.
    clip : least and greatest score.
    polynomial : p0, p1, p2 of the score transform; None where the file has none.
    gain_limits : enhancement gain limits of the features, by libvmaf's option name.
    """

    slopes: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    gamma: float
    vectors: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    rho: float
    score_slope: float
    score_intercept: float
    clip: tuple[float, float]
    polynomial: tuple[float, float, float] | None
    gain_limits: dict[str, float]


def read(path: Path) -> Svr:
    """A model file of libvmaf (`vmaf_v0.6.1.json`).

    Raises
    ------
    ModelError
        If the file is missing or is not a nu-SVR of the six features with nothing that is unknown here.
    """
    try:
        model = json.loads(path.read_text(encoding="utf-8"))["model_dict"]
        unknown = sorted(set(model) - _KNOWN)
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: unknown here")
        return _svr(model)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path.name} is no libvmaf model of the six features of vmaf_v0.6.1 ({error}); "
            "take the files of that family, such as vmaf_v0.6.1.json"
        ) from error


def _svr(model: dict[str, Any]) -> Svr:
    _same("model_type", model["model_type"], "LIBSVMNUSVR")
    _same("norm_type", model["norm_type"], "linear_rescale")
    names = tuple(name.removeprefix("VMAF_integer_feature_").removesuffix("_score") for name in model["feature_names"])
    _same("feature_names", names, FEATURES)
    slopes, intercepts = (np.array(model[key], np.float64) for key in ("slopes", "intercepts"))
    _same("slopes and intercepts", (len(slopes), len(intercepts)), (7, 7))
    gamma, rho, vectors, coefficients = _support(model["model"])
    low, high = map(float, model["score_clip"])
    return Svr(
        slopes=slopes[1:],
        intercepts=intercepts[1:],
        gamma=gamma,
        vectors=vectors,
        coefficients=coefficients,
        rho=rho,
        score_slope=float(slopes[0]),
        score_intercept=float(intercepts[0]),
        clip=(low, high),
        polynomial=_polynomial(model.get("score_transform")),
        gain_limits=_gain_limits(model.get("feature_opts_dicts", [{}] * len(FEATURES))),
    )


def _support(text: str) -> tuple[float, float, NDArray[np.float64], NDArray[np.float64]]:
    """gamma, rho, support vectors and coefficients of libsvm's own text: a header, `SV`, then sparse rows."""
    head, _, body = text.partition("SV\n")
    header = dict(line.split(" ", 1) for line in head.splitlines())
    for key, value in _HEADER.items():
        _same(key, header[key], value)
    rows = [line.split() for line in body.splitlines()]
    _same("total_sv", int(header["total_sv"]), len(rows))
    vectors = np.zeros((len(rows), len(FEATURES)))
    for vector, (_, *cells) in zip(vectors, rows, strict=True):
        for cell in cells:
            index, value = cell.split(":")
            if not 1 <= int(index) <= len(FEATURES):
                raise ValueError(f"a support vector has a feature {index}")
            vector[int(index) - 1] = float(value)
    return float(header["gamma"]), float(header["rho"]), vectors, np.array([float(row[0]) for row in rows])


def _polynomial(transform: dict[str, Any] | None) -> tuple[float, float, float] | None:
    """p0, p1 and p2 of a transform that never lowers a score; it has no other form in this family."""
    if transform is None:
        return None
    _same("score_transform", sorted(transform), ["out_gte_in", "p0", "p1", "p2"])
    _same("out_gte_in", transform["out_gte_in"], "true")
    return float(transform["p0"]), float(transform["p1"]), float(transform["p2"])


def _gain_limits(options: list[dict[str, float]]) -> dict[str, float]:
    """The gain limits of all features, by option name; each feature may have its own option and no other."""
    found: dict[str, set[float]] = {option: set() for option in _OPTION.values()}
    for name, given in zip(FEATURES, options, strict=True):
        if not set(given) <= {_OPTION.get(name)}:
            raise ValueError(f"{name} has the options {', '.join(given)}")
        if name in _OPTION:
            found[_OPTION[name]].add(float(given.get(_OPTION[name], GAIN_LIMIT)))
    _same("how many gain limits adm and vif have", len(set.union(*found.values())), 1)
    return {option: limits.pop() for option, limits in found.items()}


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what}: {found}, not {expected}")
