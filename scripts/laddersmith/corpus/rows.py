"""The rows of a title: everything that was measured of it, with all that is known of how."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from .. import tables
from ..corpus_columns import FEATURES, SCHEMA
from ..encode import CODECS, box
from ..errors import CorpusError
from ..shots import with_whole_title
from ..source import Media

SHOT = ["start", "end", "start_s", "transition", "spatial_complexity", "temporal_complexity", "frames_sha256"]


def title_rows(
    facts: Mapping[str, Any],
    shots: pd.DataFrame,
    scores: pd.DataFrame,
    frames: pd.DataFrame,
    *,
    variants: Mapping[str, Mapping[str, Any]],
    display: tuple[int, int],
    versions: Mapping[str, str],
    releases: Mapping[str, str | None],
    engines: Mapping[str, str],
    models: Mapping[str, str | None],
) -> pd.DataFrame:
    """Every measured point of a title and its shots (`tables.CORPUS`), by shot, height, variant and CRF.

    Parameters
    ----------
    facts : `source.json`.
    shots, scores, frames : tables of `tables.SHOTS`, and of all rounds, `tables.SCORES` and `tables.FRAMES`.
    variants : settings by variant name; `threads`, `latency` and `roi` are read here.
    display : width and height in pixels at which scores were taken.
    versions : of the columns laddersmith_version, encode_version and ffmpeg_version.
    releases : of encoders' libraries, by codec. engines : versions of engines, by name.
    models : SHA-256 of the models' files, by model; None for one that the engine has built in.

    Raises
    ------
    CorpusError
        If a feature of the scores has no column in the corpus, or a point's frames are not all there.
    """
    media = Media.from_json(facts["media"])
    spreads = _spreads(frames)
    spans = with_whole_title(shots).set_index("shot")
    joined = scores.merge(spreads, how="left", on=tables.KEY, validate="one_to_one")
    lost = joined[joined["count"] != joined["frames"]]
    if len(lost):
        one = lost.iloc[0]
        raise CorpusError(
            f"{facts['title']}: {tables.span_name(one['shot'])}, {one['variant']} {one['height']}p CRF {one['crf']}: "
            f"not every frame has its score; delete results/{facts['title']}/b*/r*/scores.parquet and run again"
        )
    own = spans.loc[joined["shot"], SHOT].reset_index(drop=True)
    settings = {name: joined["variant"].map(lambda variant, name=name: variants[variant][name]) for name in _SETTINGS}
    row = joined.assign(
        **_title(facts, media, shots),
        **own,
        **settings,
        schema=SCHEMA,
        span=np.where(joined["shot"] == tables.WHOLE_TITLE, "title", "shot"),
        timing="shared",
        duration_s=joined["frames"] / float(media.frame_rate),
        encoder=joined["codec"].map(lambda codec: CODECS[codec].encoder),
        picture_height=joined["height"].map(lambda height: box(media.width, media.height, int(height))[1]),
        file_bytes=None,
        display_width=display[0],
        display_height=display[1],
        model_sha256=joined["model"].map(models.get),
        score_wall_s=None,
        encoder_version=joined["codec"].map(releases.get),
        score_version=joined["engine"].map(engines.get),
        foreign=None,
        **versions,
    )
    row = row.rename(columns={name: f"{name}_mean" for name in FEATURES})
    absent = [f"{name}_{how}" for name in FEATURES for how in ("mean", "std") if f"{name}_{how}" not in row]
    row = row.assign(**dict.fromkeys(absent)).drop(columns="count")
    unknown = sorted(set(row.columns) - set(tables.CORPUS.columns.names))
    if unknown:
        raise CorpusError(f"{facts['title']}: the corpus has no column for {', '.join(unknown)}; report it")
    row = row.sort_values(["shot", "height", "variant", "crf"], key=_order, ignore_index=True)
    return tables.conform(row, tables.CORPUS, facts["title"])


_SETTINGS = ("threads", "latency", "roi")


def _title(facts: Mapping[str, Any], media: Media, shots: pd.DataFrame) -> dict[str, Any]:
    """What all rows of a title have in common."""
    lengths = (shots["end_s"] - shots["start_s"]).to_numpy(float)
    colour = {f"source_{name}": value for name, value in asdict(media.colour).items()}
    return {
        "title": facts["title"],
        "source": facts["path"],
        "source_sha256": facts["sha256"],
        "source_width": media.width,
        "source_height": media.height,
        "source_pix_fmt": media.pix_fmt,
        **colour,
        "frame_rate": f"{media.frame_rate.numerator}/{media.frame_rate.denominator}",
        "source_frames": media.frames,
        "source_duration_s": media.duration_s,
        "shots": len(shots),
        "shot_mean_s": float(np.mean(lengths)),
        "shot_std_s": float(np.std(lengths)),
    }


def _spreads(frames: pd.DataFrame) -> pd.DataFrame:
    """Standard deviation of each feature over the frames of each point, and the number of them."""
    known = [name for name in FEATURES if name in frames.columns]
    grouped = frames.groupby(tables.KEY, sort=False)
    spreads = grouped[known].std(ddof=0).add_suffix("_std")
    return spreads.assign(count=grouped.size()).reset_index()


def _order(column: pd.Series) -> pd.Series:
    return column.astype(float) if column.name == "crf" else column
