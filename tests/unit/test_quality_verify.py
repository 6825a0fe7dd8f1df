"""Verifying renditions: what is measured, and what each kind of bad rendition is told as."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
import verify
from clips import ROOT, ffmpeg_run
from laddersmith import registry, tables
from laddersmith.quality import Bars, judged_by, score_encodes, verify_renditions
from laddersmith.quality.engine import Distorted
from laddersmith.quality.libvmaf import _model
from test_quality import CUTS, LENGTH, MOVING, TAGS, cut, encode, encode_row, encodes_table, media_of, shots_table

SCHEMA = json.loads((ROOT / "config" / "schemas" / "verify.json").read_text())
NAME = "90p_fast_crf35"
BARS = {
    "exact": False,
    "max_mean_gap": 0.01, "max_frame_gap": 0.05, "max_psnr_gap_db": 0.01,
    "max_arithmetic_mean_gap": 0.2, "max_arithmetic_frame_gap": 1,
}  # fmt: skip


class Title:
    """A title cut into shots, its encodes, their scores, and a rendition with the very same frames."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder, self.source, self.media = folder, source, media_of(source)
        self.shots = shots_table(self.media, CUTS)
        self.rendition = encode(source, folder / f"{NAME}.mp4", filters="scale=160:90", options=("-bf", "0"))
        rows = []
        for shot, start, end in self.shots[["shot", "start", "end"]].itertuples(index=False):
            part = encode(self.rendition, folder / "shots" / f"s{shot}.mp4", filters=cut(start, end), crf=0)
            rows.append(encode_row(shot, part, height=90, width=160) | {"frames": end - start})
        self.encodes = encodes_table(*rows)
        self.scores, self.frames = self.score(neighbours=True)
        rung = {"name": NAME, "codec": "x264", "variant": "fast", "height": 90, "width": 160, "crf": "35"}
        rung |= {"pix_fmt": "yuv420p", "quality": float(self.frames["vmaf"].mean())}
        rung |= {"points": self.encodes[tables.KEY].to_dict("records")}
        display = {"width": 320, "height": 180}
        self.ladder = {"title": "clip", "display": display, "pooling": "mean", "model": "vmaf_v0.6.1", "rungs": [rung]}
        self.ladder["engine"] = "libvmaf"

    def score(self, *, neighbours: bool, engine: str = "libvmaf") -> tuple[pd.DataFrame, pd.DataFrame]:
        return score_encodes(
            self.media, self.shots, self.encodes, title="clip", folder=lambda row: self.folder / "shots", threads=2,
            display=(320, 180), model="vmaf_v0.6.1", engine=engine, neighbours=neighbours, store=None, timeout_s=60,
            frame_cache_mb=100,
        )  # fmt: skip

    def verify(self, **changes) -> dict:
        settings = {
            "media": self.media, "shots": self.shots, "ladder": self.ladder, "predicted_frames": self.frames,
            "codec": "x264", "folder": self.folder, "bars": Bars(0.01, 0.05, 0.01),
            "model": "vmaf_v0.6.1", "threads": 2, "timeout_s": 60,
        }  # fmt: skip
        verdict = verify_renditions(**settings | changes)
        jsonschema.validate(json.loads(json.dumps(verdict, allow_nan=False)), SCHEMA)
        return verdict

    def problems(self, folder: Path, make: Callable[[Path], object], **changes) -> list[str]:
        """The problems of a rendition made anew by `make`."""
        make(folder / f"{NAME}.mp4")
        verdict = self.verify(folder=folder, **changes)
        assert not verdict["ok"]
        assert not verdict["rungs"][0]["ok"]
        return verdict["rungs"][0]["problems"]


@pytest.fixture(scope="module")
def title(tmp_path_factory: pytest.TempPathFactory, make_clip: Callable[..., Path]) -> Title:
    source = make_clip("verify.mp4", f"{MOVING},{TAGS},format=yuv420p", LENGTH)
    return Title(tmp_path_factory.mktemp("title"), source)


def test_a_good_rendition_has_no_gap(title: Title) -> None:
    verdict = title.verify()
    assert verdict["ok"]
    [rung] = verdict["rungs"]
    assert rung["problems"] == []
    assert rung["frames"] == rung["frames_expected"] == LENGTH
    assert rung["gap_frame"] <= 1e-6  # the log's rounding: the frames are the same, and so are their neighbours
    assert rung["gap_mean"] <= 1e-6
    assert rung["quality"] == pytest.approx(rung["predicted_quality"], abs=1e-6)
    assert rung["psnr_cb"] == pytest.approx(title.frames["psnr_cb"].mean(), abs=1e-6)
    assert rung["zero_frames"] == 0


def test_without_neighbours_the_gate_sees_it(title: Title) -> None:
    _, severed = title.score(neighbours=False)
    verdict = title.verify(predicted_frames=severed)
    assert not verdict["ok"]
    problems = " ".join(verdict["rungs"][0]["problems"])
    assert "away from the shot's own score; 0.01 is allowed" in problems
    assert "a gap of 0.05 is allowed" in problems


def test_a_missing_rendition(title: Title, tmp_path: Path) -> None:
    assert title.problems(tmp_path, lambda path: None) == [f"{NAME}.mp4 does not exist; run assemble again"]


def test_a_rendition_of_garbage(title: Title, tmp_path: Path) -> None:
    [problem] = title.problems(tmp_path, lambda path: path.write_bytes(b"no video" * 100))
    assert f"{NAME}.mp4 cannot be decoded and scored to its end" in problem
    assert "\n" not in problem


def test_a_truncated_rendition(title: Title, tmp_path: Path) -> None:
    def truncate(path: Path) -> None:
        fast = path.with_name("fast.mp4")
        ffmpeg_run("-i", title.rendition, "-c", "copy", "-movflags", "faststart", fast)
        whole = fast.read_bytes()
        path.write_bytes(whole[: len(whole) * 2 // 3])

    [problem] = title.problems(tmp_path, truncate)
    assert "cannot be decoded and scored to its end" in problem or "the encode decodes to" in problem


def test_a_damaged_rendition(title: Title, tmp_path: Path) -> None:
    def damage(path: Path) -> None:
        data = bytearray(title.rendition.read_bytes())
        middle = data.index(b"mdat") + 4 + (len(data) - data.index(b"mdat")) // 3
        data[middle : middle + 400] = bytes(400)
        path.write_bytes(data)

    assert title.problems(tmp_path, damage)


@pytest.mark.parametrize(
    "filters, got", [(cut(0, LENGTH - 1), LENGTH - 1), ("tpad=stop=1:stop_mode=clone", LENGTH + 1)]
)
def test_a_frame_too_few_or_too_many(title: Title, tmp_path: Path, filters: str, got: int) -> None:
    [problem] = title.problems(tmp_path, lambda path: encode(title.rendition, path, filters=filters, crf=0))
    assert f"the encode decodes to {got} frames, the reference has {LENGTH}" in problem


def test_wrong_colour_tags(title: Title, tmp_path: Path) -> None:
    [problem] = title.problems(
        tmp_path, lambda path: encode(title.rendition, path, filters="setparams=range=pc", crf=0)
    )
    assert "range pc (reference: tv)" in problem


def test_swapped_frames_are_a_gap(title: Title, tmp_path: Path) -> None:
    swapped = "shuffleframes=0|2|1|3"
    problems = title.problems(tmp_path, lambda path: encode(title.rendition, path, filters=swapped, crf=0))
    assert any("a gap of 0.05 is allowed" in problem for problem in problems)


def test_a_plane_that_was_not_scored_is_a_problem(title: Title) -> None:
    verdict = title.verify(predicted_frames=title.frames.drop(columns="psnr_y"))
    [problem] = verdict["rungs"][0]["problems"]
    assert problem == "there is no psnr_y to compare; score the title's batches again"


def test_an_exact_verification_keeps_to_the_narrow_bars(title: Title) -> None:
    _, predicted = title.score(neighbours=True, engine="numba")
    model, bars = judged_by("numba", "vmaf_v0.6.1", BARS | {"exact": True})
    assert (model, bars) == ("vmaf_float_v0.6.1", Bars(0.01, 0.05, 0.01))
    verdict = title.verify(predicted_frames=predicted, model=model, bars=bars)
    assert verdict["ok"] and verdict["model"] == "vmaf_float_v0.6.1"
    assert judged_by("numba", "vmaf_4k_v0.6.1", BARS | {"exact": True})[0] == "vmaf_float_4k_v0.6.1"


@pytest.mark.parametrize("model", registry.names("vmaf"))
def test_the_exact_model_is_the_one_that_the_registry_names(model: str) -> None:
    twin, _ = judged_by("numba", model, BARS | {"exact": True})
    given = _model(Distorted("it", Path("it.mp4"), 320, 180, "yuv420p"), twin)
    assert given == registry.entry(model).facts["libvmaf"]


def test_scores_of_another_arithmetic_have_bars_of_their_own(title: Title, tmp_path: Path) -> None:
    _, predicted = title.score(neighbours=True, engine="numba")
    strict = title.verify(predicted_frames=predicted)["rungs"][0]
    assert 0 < strict["gap_mean"] < BARS["max_arithmetic_mean_gap"]
    assert strict["gap_psnr_db"] <= 1e-6  # the log's rounding: the pixels are the same
    model, bars = judged_by("numba", "vmaf_v0.6.1", BARS)
    assert (model, bars) == ("vmaf_v0.6.1", Bars(0.2, 1, 0.01))
    assert judged_by("libvmaf", "vmaf_v1.0.16_3d0h", BARS) == ("vmaf_v1.0.16_3d0h", Bars(0.01, 0.05, 0.01))
    verdict = title.verify(predicted_frames=predicted, bars=bars)
    assert verdict["ok"]
    assert verdict["bars"] == {"mean": 0.2, "frame": 1, "psnr_db": 0.01}

    def dotted(path: Path) -> None:
        encode(title.rendition, path, filters="drawbox=x=8:y=8:w=2:h=2:c=white:t=fill:enable='eq(n,5)'", crf=0)

    [problem] = title.problems(tmp_path, dotted, predicted_frames=predicted, bars=Bars(9, 9, 0.01))
    assert "frame 5 has a psnr_y of " in problem
    assert "its pixels are not those that were scored (a gap of 0.01 dB is allowed)" in problem


def test_points_without_scores(title: Title) -> None:
    verdict = title.verify(predicted_frames=title.frames[title.frames["shot"] != 1])
    expected = f"the points of this rung have scores for {LENGTH - 11} frames, but the title has {LENGTH}"
    assert expected in verdict["rungs"][0]["problems"][0]
    assert verdict["rungs"][0]["vmaf_mean"] > 0


def test_black_frames_are_counted(title: Title, tmp_path: Path) -> None:
    black = "drawbox=c=black:t=fill:enable='between(n,3,5)'"
    title.problems(tmp_path, lambda path: encode(title.rendition, path, filters=black, crf=0))
    assert title.verify(folder=tmp_path)["rungs"][0]["zero_frames"] == 3


def test_a_codec_without_rungs(title: Title) -> None:
    verdict = title.verify(codec="svtav1")
    assert verdict["ok"]
    assert verdict["rungs"] == []


def test_a_late_rendition_is_told(title: Title) -> None:
    verdict = title.verify(timeout_s=0.001)
    assert "stopped after 0.001 s" in verdict["rungs"][0]["problems"][0]


def test_the_schema_is_closed(title: Title) -> None:
    verdict = title.verify()
    for wrong in (verdict | {"more": 1}, verdict | {"pooling": "median"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(verdict | {"rungs": [verdict["rungs"][0] | {"more": 1}]}, SCHEMA)


def test_the_doors(title: Title, tmp_path: Path) -> None:
    import score

    facts = tmp_path / "source.json"
    source = {
        "title": "clip",
        "path": title.media.path,
        "sha256": sha256(Path(title.media.path).read_bytes()).hexdigest(),
    }
    facts.write_text(json.dumps(source | {"media": title.media.to_json()}))
    tables.write(tmp_path / "shots.parquet", title.shots, tables.SHOTS)
    tables.write(tmp_path / "90p.parquet", title.encodes, tables.ENCODES)
    (tmp_path / "90p").symlink_to(title.folder / "shots")
    ladder = tmp_path / "ladder.json"
    ladder.write_text(json.dumps(title.ladder))
    common = {"facts": str(facts), "shots": str(tmp_path / "shots.parquet"), "threads": 2}
    settings = {
        "store": {"path": str(tmp_path / "store")},
        "quality": {"timeout_s": 60, "kernel_cache": None},
        "encode": {"frame_cache_mb": 100},
        "gpu": {"fallback": "cpu", "slots": 1},
    }
    score.main(
        **common, tables=[str(tmp_path / "90p.parquet")], scores=str(tmp_path / "scores.parquet"), title="clip",
        frames=str(tmp_path / "frames.parquet"), display="source", model="vmaf_v0.6.1", engine="libvmaf",
        looks=str(tmp_path / "looks.parquet"), looking={}, neighbours=True, config=settings,
    )  # fmt: skip
    pd.testing.assert_frame_equal(tables.read(tmp_path / "frames.parquet", tables.FRAMES), title.frames)
    pd.testing.assert_frame_equal(tables.read(tmp_path / "scores.parquet", tables.SCORES), title.scores)
    verify.main(
        **common, ladder=str(ladder), frames=[str(tmp_path / "frames.parquet")], renditions=str(title.folder),
        verdict=str(tmp_path / "x264.json"), codec="x264", bars=BARS,
        config=settings,
    )  # fmt: skip
    assert json.loads((tmp_path / "x264.json").read_text()) == title.verify()
