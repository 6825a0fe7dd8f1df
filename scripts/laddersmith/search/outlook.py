"""What is expected of every point of a title, measured or not: the surfaces of its shots as one table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import tables
from ..encode.codecs import QUALITY
from .candidates import Box, crfs_between, decimal_crf
from .prior import FEATURES, Floats, Prior, load_prior
from .surface import Measured, Subject, Surface

CAUTION = 1.0  # standard deviations
USUAL_PEAK = 1.5  # peak over average, where nothing was measured

Surfaces = dict[tuple[int, str], Surface]


@dataclass(frozen=True)
class Film:
    """A title and what may be tried on it.

    Attributes
    ----------
    title : its name. shots : tables.SHOTS. display : width and height at which scores are taken.
    variants : settings by name; `crfs` bound the CRFs. boxes : height of the box -> size of the picture in it.
    crf_step : from one CRF to the next.
    """

    title: str
    shots: pd.DataFrame
    display: tuple[int, int]
    variants: Mapping[str, dict]
    boxes: Mapping[int, Box]
    crf_step: float

    def crfs(self, variant: str) -> list[str]:
        """The CRFs that may be tried: from the variant's lowest to its highest in steps, both ends included."""
        low, *_, high = sorted([*self.variants[variant]["crfs"]] * 2, key=float)
        ends = [decimal_crf(low), decimal_crf(high)]
        return list(dict.fromkeys([ends[0], *crfs_between(low, high, self.crf_step), ends[1]]))

    @property
    def heights(self) -> list[int]:
        """Heights of the boxes, from high to low."""
        return sorted(self.boxes, reverse=True)


def observed(film: Film, points: pd.DataFrame) -> pd.DataFrame:
    """Measured points of a title's shots (tables.POINTS) in the columns that `Measured.of` reads."""
    alone = points[points["variant"].isin(list(film.variants)) & (points["shot"] != tables.WHOLE_TITLE)]
    features = film.shots.set_index("shot")[list(FEATURES)].reindex(alone["shot"]).to_numpy(float)
    pixels = film.display[0] * film.display[1]
    return pd.DataFrame(
        {
            "title": [film.title] * len(alone),
            "shot": alone["shot"].astype(str),
            "variant": alone["variant"],
            "codec": alone["codec"],
            "crf": alone["crf"].astype(float),
            "share": alone["width"] / film.display[0],
            "rate": np.log2(np.maximum(8 * alone["bytes"], 1) / alone["frames"] / pixels),
            "quality": alone["quality"],
            **dict(zip(FEATURES, features.T, strict=True)),
        }
    )


def surfaces(film: Film, points: pd.DataFrame, *, prior: Prior, known: pd.DataFrame | None = None) -> Surfaces:
    """The surface of every shot and variant.

    Parameters
    ----------
    points : measured ones (tables.POINTS), of any shots of the title, or none.
    known : measurements of other titles, in the columns of `observed`.
    """
    mine = observed(film, points)
    everything = mine if known is None or not len(known) else pd.concat([mine, known], ignore_index=True)
    others = Measured.of(everything) if len(everything) else None
    by_task = dict(tuple(mine.groupby(["shot", "variant"], sort=False)))
    shares = np.array([film.boxes[height][0] / film.display[0] for height in film.heights])
    found: Surfaces = {}
    for variant, settings in film.variants.items():
        crfs = np.array(film.crfs(variant), float)
        for row in tables.rows(film.shots):
            features = np.log1p([getattr(row, name) for name in FEATURES])
            subject = Subject(str(row.shot), film.title, variant, settings["codec"], features)
            own = by_task.get((str(row.shot), variant), mine.iloc[:0])
            found[int(row.shot), variant] = Surface(prior, subject, shares, crfs, Measured.of(own), others)
    return found


def cautious(surface: Surface, caution: float = CAUTION) -> tuple[Floats, Floats]:
    """Rate and quality, (heights, crfs): measured ones as measured, others dearer than the smooth surface by `caution`
    times as much as encoders are uneven. So of two points alike the known one is chosen, and one that was measured and
    found dear gives way to its neighbours."""
    return (
        np.where(surface.measured, surface.rate, surface.smooth_rate + caution * surface.uneven),
        np.where(surface.measured, surface.quality, surface.smooth_quality),
    )


def expected_points(
    film: Film, points: pd.DataFrame, found: Surfaces, fps: float, caution: float = CAUTION
) -> pd.DataFrame:
    """Every point that may be tried, in the columns of a plan without its reason, and bytes, frames, bitrate_kbps,
    peak_kbps, quality and `measured`; of measured ones what was measured.

    Parameters
    ----------
    fps : frames per second. caution : as `cautious` takes it.
    """
    mine = points[points["variant"].isin(list(film.variants))]
    peaks = {
        task: float((rows["peak_kbps"] / rows["bitrate_kbps"]).median())
        for task, rows in mine.groupby(["shot", "variant"], sort=False)
    }
    exact = mine.set_index(tables.KEY)[["bytes", "bitrate_kbps", "peak_kbps", "quality"]]
    pixels = film.display[0] * film.display[1]
    blocks = []
    for row in tables.rows(film.shots):
        frames = int(row.end - row.start)
        for variant, settings in film.variants.items():
            surface = found[int(row.shot), variant]
            rate, quality = cautious(surface, caution)
            bits = np.exp2(rate) * pixels * frames
            count = len(surface.crfs)
            kbps = bits.ravel() / frames * fps / 1000
            blocks.append(
                pd.DataFrame(
                    {
                        "shot": int(row.shot),
                        "codec": settings["codec"],
                        "variant": variant,
                        "preset": settings["preset"],
                        "pix_fmt": settings["pix_fmt"],
                        "height": np.repeat(film.heights, count),
                        "width": np.repeat([film.boxes[height][0] for height in film.heights], count),
                        "crf": np.tile(film.crfs(variant), len(film.heights)),
                        "rate": QUALITY,
                        "maxrate_kbps": settings.get("maxrate_kbps"),
                        "bufsize_kbps": settings.get("bufsize_kbps"),
                        "bytes": np.maximum(1, np.round(bits.ravel() / 8)).astype(np.int64),
                        "frames": frames,
                        "bitrate_kbps": kbps,
                        "peak_kbps": kbps * peaks.get((int(row.shot), variant), USUAL_PEAK),
                        "quality": quality.ravel(),
                        "measured": surface.measured.ravel(),
                    }
                )
            )
    table = pd.concat(blocks, ignore_index=True)
    known = table["measured"].to_numpy()
    keys = pd.MultiIndex.from_frame(table.loc[known, tables.KEY])
    for name in exact.columns:
        table.loc[known, name] = exact[name].reindex(keys).to_numpy()
    return table


def foresee(film: Film, points: pd.DataFrame, fps: float, known: pd.DataFrame | None = None) -> pd.DataFrame:
    """`expected_points` from what was measured and the prior under model/."""
    return expected_points(film, points, surfaces(film, points, prior=load_prior(), known=known), fps)
