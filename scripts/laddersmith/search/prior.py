"""What is known of rate and quality before a shot is measured: learned from other films, kept under model/.

Coordinates of a point: its CRF, as steps from the middle of the codec's usual range (`Scale`), and the base-2 logarithm
of the encode's width over the display's. Rate is the base-2 logarithm of bits per frame and pixel of the
display. Quality Q (0 to 100) is stretched to log((Q + 3) / (103 - Q)), so that no prediction leaves its range and the
plateaus at both ends are flat.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import registry
from ..errors import ModelError

NAME = "rate_quality"
SCHEMA = "laddersmith/rate_quality/1"
MARGIN = 3.0  # of VMAF points beyond 0 and 100 at which the stretched quality ends
TERMS = 9  # of the mean: 1, x, s, x^2, xs, s^2, x^3, x^2 s, x s^2
FEATURES = ("spatial_complexity", "temporal_complexity")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """The middle of a codec's usual CRFs, and the CRFs of one unit."""

    middle: float
    unit: float


@dataclass(frozen=True)
class Field:
    """Mean and covariance of one output, rate or stretched quality.

    Attributes
    ----------
    mean : by codec, (TERMS,) coefficients of the polynomial in (x, s) named at TERMS.
    amplitudes, crf_lengths, height_lengths : (3,) of the covariance's components: broad and middling squared
        exponentials, and a Matern 3/2.
    shot, title, codec : distance between two shots, titles and codecs. features : (2,) distance for each unit of
        the logarithm of FEATURES.
    noise : standard deviation of a measured value about the smooth field at quality 100; of quality in points of VMAF.
    """

    mean: Mapping[str, Floats]
    amplitudes: Floats
    crf_lengths: Floats
    height_lengths: Floats
    shot: float
    title: float
    codec: float
    features: Floats
    noise: float


@dataclass(frozen=True)
class Prior:
    """The two fields, and each codec's scale. A codec of which nothing was learned gets the mean of the others."""

    rate: Field
    quality: Field
    scales: Mapping[str, Scale]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "scales": {codec: [scale.middle, scale.unit] for codec, scale in self.scales.items()},
            "rate": _field_json(self.rate),
            "quality": _field_json(self.quality),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Prior":
        if fields.get("schema") != SCHEMA:
            raise ModelError(f"the prior of rate and quality has schema {fields.get('schema')!r}, not {SCHEMA!r}")
        return cls(
            rate=_field(fields["rate"]),
            quality=_field(fields["quality"]),
            scales={codec: Scale(*pair) for codec, pair in fields["scales"].items()},
        )


def load_prior() -> Prior:
    """The prior under model/.

    Raises
    ------
    ModelError
        If the file is missing, or is not the one that was registered.
    """
    return Prior.from_json(json.loads(registry.load(NAME)))


def stretched(quality: Any) -> Floats:
    """Quality from 0 to 100 as log((Q + 3) / (103 - Q)); what lies beyond is taken as 0 or 100."""
    value = np.clip(np.asarray(quality, float), 0, 100)
    return np.log((value + MARGIN) / (100 + MARGIN - value))


def unstretched(value: Any) -> Floats:
    """The quality of a stretched one, from 0 to 100."""
    odds = np.exp(np.asarray(value, float))
    return np.clip(((100 + MARGIN) * odds - MARGIN) / (1 + odds), 0, 100)


def slope(quality: Any) -> Floats:
    """Derivative of `stretched` at a quality."""
    value = np.clip(np.asarray(quality, float), 0, 100)
    return 1 / (value + MARGIN) + 1 / (100 + MARGIN - value)


def rate_unevenness(quality: Any) -> Floats:
    """How much more uneven the rate is from CRF to CRF at a quality than at 100, where a field's `noise` is told."""
    return 1 + (100 - np.clip(np.asarray(quality, float), 0, 100)) / 20


def quality_unevenness(quality: Any) -> Floats:
    """The same of the quality, in points of VMAF."""
    return 1 + (100 - np.clip(np.asarray(quality, float), 0, 100)) / 2


def terms(x: Floats, s: Floats) -> Floats:
    """The terms of a field's mean at points (n,) and (n,): (n, TERMS)."""
    return np.stack([np.ones_like(x), x, s, x * x, x * s, s * s, x**3, x * x * s, x * s * s], axis=1)


def _field_json(field: Field) -> dict[str, Any]:
    lists = {name: np.asarray(getattr(field, name)).tolist() for name in _VECTORS}
    numbers = {name: float(getattr(field, name)) for name in _NUMBERS}
    return {"mean": {codec: np.asarray(row).tolist() for codec, row in field.mean.items()}} | lists | numbers


def _field(fields: Mapping[str, Any]) -> Field:
    values: dict[str, Any] = {name: np.array(fields[name], float) for name in _VECTORS}
    values |= {name: float(fields[name]) for name in _NUMBERS}
    return Field(mean={codec: np.array(row, float) for codec, row in fields["mean"].items()}, **values)


_VECTORS = ("amplitudes", "crf_lengths", "height_lengths", "features")
_NUMBERS = ("shot", "title", "codec", "noise")
