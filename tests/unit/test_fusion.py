"""Fusion: the ONNX graphs against libvmaf and against the published equations, and what holds for any features."""

import json
import re
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from laddersmith import registry
from laddersmith.errors import ModelError, ScoreError
from laddersmith.learn import libsvm, vmaf_models
from laddersmith.quality import fusion
from laddersmith.quality.fusion import Fusion
from libvmaf_features import libvmaf_features
from numpy.typing import NDArray

NAMES = registry.names("vmaf")
FUSIONS = {name: Fusion(name) for name in NAMES}
PACKAGE = "ffmpeg_quality_metrics/vmaf_models"
COEFFICIENTS = Path(str(distribution("ffmpeg-quality-metrics").locate_file(PACKAGE)))
# libvmaf's log has six decimals: each feature that we are given, and its score, is off by up to half of the last.
HALF_DIGIT = 0.5e-6
# Two summation orders of some 200 terms of size 4 in float64, divided by the score's slope of 0.012: seen, 4e-12.
EXACT = 1e-9
FEATURES = arrays(np.float64, st.tuples(st.integers(1, 40), st.just(6)), elements=st.floats(-0.5, 30, width=32))


def clips() -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """References and distorted versions, from untouched to ruined."""
    rng = np.random.default_rng(5)
    across, down = np.meshgrid(np.linspace(0, 9, 96), np.linspace(0, 7, 64))
    frames = np.stack([127 + 90 * np.sin(across + 0.2 * t) * np.cos(down * across / 6) for t in range(8)])
    reference = np.clip(frames + rng.normal(0, 6, frames.shape), 0, 255).astype(np.uint8)
    found = [(reference, reference)]
    for sigma in (3, 9, 25, 60):
        found.append((reference, np.clip(reference + rng.normal(0, sigma, frames.shape), 0, 255).astype(np.uint8)))
    sharper = np.clip(1.15 * (reference - 127.0) + 127, 0, 255)
    blurred = np.mean(
        [np.roll(frames, (row, column), (1, 2)) for row in range(-6, 7) for column in range(-6, 7)], axis=0
    )
    return [*found, *((reference, changed.astype(np.uint8)) for changed in (sharper, blurred))]


def by_equation(svr: libsvm.Svr, rows: NDArray[np.float64], *, transform: bool) -> NDArray[np.float64]:
    """The score by the equations, one frame at a time."""
    scores = []
    for row in rows:
        x = svr.slopes * row + svr.intercepts
        kernel = np.exp(-svr.gamma * ((svr.vectors - x) ** 2).sum(axis=1))
        y = ((svr.coefficients * kernel).sum() - svr.rho - svr.score_intercept) / svr.score_slope
        if transform:
            assert svr.polynomial is not None
            y = max(y, sum(p * y**power for power, p in enumerate(svr.polynomial)))
        scores.append(min(max(y, svr.clip[0]), svr.clip[1]))
    return np.array(scores)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_libvmafs(name):
    fuse = FUSIONS[name]
    model = registry.entry(name).facts["libvmaf"]
    assert isinstance(model, str)
    seen = []
    for reference, distorted in clips():
        theirs = libvmaf_features(reference, distorted, model=model.removeprefix("version=").replace(":", "\\\\:"))
        rows = np.stack([theirs[feature] for feature in fuse.features], axis=1)
        ours = fuse(rows)
        # The greatest change of the score within the features' rounding, to first order; a tenth more for the rest.
        moved = [np.abs(fuse(rows + sign * HALF_DIGIT * step) - ours) for step in np.eye(6) for sign in (-1, 1)]
        slack = 1.1 * (HALF_DIGIT + np.stack(moved).reshape(6, 2, -1).max(axis=1).sum(axis=0))
        assert (np.abs(ours - theirs["vmaf"]) <= slack).all()
        assert slack.max() < 5e-4
        seen += theirs["vmaf"].tolist()
    assert min(seen) < 50 and max(seen) > 95


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(rows=FEATURES)
def test_graphs_compute_the_published_equations(name, rows):
    file, transform, _ = vmaf_models.MODELS[name]
    expected = by_equation(libsvm.read(COEFFICIENTS / file), rows, transform=transform)
    np.testing.assert_allclose(FUSIONS[name](rows), expected, rtol=0, atol=EXACT)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(rows=FEATURES, seed=st.integers(0, 1000))
def test_a_row_has_the_same_bits_in_any_batch(name, rows, seed):
    fuse = FUSIONS[name]
    whole = fuse(rows)
    assert whole.dtype == np.float64 and whole.shape == (len(rows),)
    assert ((whole >= 0) & (whole <= 100)).all()
    order = np.random.default_rng(seed).permutation(len(rows))[: seed % len(rows) + 1]
    assert fuse(rows[order]).tobytes() == whole[order].tobytes()
    assert np.concatenate([fuse(row[None]) for row in rows]).tobytes() == whole.tobytes()


def test_long_titles_are_fused_in_parts_of_the_same_bits(monkeypatch):
    rows = np.random.default_rng(3).uniform(0, 1, (2 * fusion.FRAMES + 5, 6))
    whole = FUSIONS["vmaf_v0.6.1"](rows)
    monkeypatch.setattr(fusion, "FRAMES", 7)
    assert FUSIONS["vmaf_v0.6.1"](rows).tobytes() == whole.tobytes()


def test_the_phone_transform_raises_scores_and_keeps_their_order():
    steps = np.linspace(0, 1, 400)[:, None]
    rows = (1 - steps) * [0.3, 4, 0.05, 0.1, 0.15, 0.2] + steps * [1, 4, 1, 1, 1, 1]
    plain, phone = (FUSIONS[name](rows) for name in ("vmaf_v0.6.1", "vmaf_v0.6.1_phone"))
    order = np.argsort(plain, kind="stable")
    assert (np.diff(phone[order]) >= 0).all()
    assert (phone >= plain).all() and (phone > plain + 5).any()
    assert plain.min() == 0 and phone.max() == 100


def test_both_ends_are_clipped():
    # Before the clip these are -7.3 and 110.4.
    rows = np.array([[0.3, 4, 0.05, 0.1, 0.15, 0.2], [1, 10, 1, 1, 1, 1]])
    assert FUSIONS["vmaf_v0.6.1"](rows).tolist() == [0, 100]


def test_a_model_says_what_its_features_are():
    limits = {name: FUSIONS[name].gain_limit for name in NAMES}
    assert limits == {"vmaf_4k_v0.6.1": 100, "vmaf_v0.6.1": 100, "vmaf_v0.6.1_phone": 100, "vmaf_v0.6.1neg": 1}
    for name in NAMES:
        assert FUSIONS[name].name == name
        assert FUSIONS[name].features == ("adm2", "motion2", *(f"vif_scale{scale}" for scale in range(4)))


def test_no_frames_have_no_scores():
    assert FUSIONS["vmaf_v0.6.1"](np.empty((0, 6))).shape == (0,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite_is_told(value):
    rows = np.ones((5, 6))
    rows[3, 2] = value
    message = rf"^bikes, 360p: vif_scale0 of frame 33 is {value}; score this encode with engine libvmaf"
    with pytest.raises(ScoreError, match=message):
        FUSIONS["vmaf_v0.6.1"](rows, what="bikes, 360p", start=30)


@pytest.mark.parametrize("shape", [(6,), (5, 5), (2, 3, 6)])
def test_features_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=re.escape(f"features have shape {shape}, not [frames, 6]")):
        FUSIONS["vmaf_v0.6.1"](np.ones(shape))


def test_a_model_without_a_graph_is_told():
    with pytest.raises(
        ScoreError, match=r"^model 'vmaf_b_v0\.6\.3' has no graph under model/; those that have are vmaf_4k"
    ):
        Fusion("vmaf_b_v0.6.3")


def test_the_graphs_are_what_the_coefficients_make(tmp_path):
    entries = vmaf_models.export(COEFFICIENTS, tmp_path)
    assert sorted(entries) == NAMES
    registered = json.loads((registry.FOLDER / "registry.json").read_text())["models"]
    for name, entry in entries.items():
        assert (tmp_path / f"{name}.onnx").read_bytes() == registry.load(name)
        assert registered[name] == entry


def test_the_licence_is_that_of_the_coefficients():
    text = registry.FOLDER / registry.entry("vmaf_v0.6.1").licence_text
    assert text.read_bytes() == (COEFFICIENTS / "LICENSE").read_bytes()


def test_the_export_registers_what_it_writes_and_keeps_the_rest(tmp_path, monkeypatch, capsys):
    other = json.loads((registry.FOLDER / "registry.json").read_text())["models"]["vmaf_v0.6.1"] | {"kind": "shots"}
    value = {"schema": registry.SCHEMA, "models": {"other": other, "vmaf_v0.6.1": other}}
    (tmp_path / "registry.json").write_text(json.dumps(value))
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    assert vmaf_models.main([str(COEFFICIENTS)]) == 0
    assert "model/vmaf_v0.6.1.onnx  sha256" in capsys.readouterr().out
    assert registry.names("vmaf") == NAMES and registry.names("shots") == ["other"]
    assert all(registry.load(name) for name in NAMES)


def test_the_export_says_what_it_lacks(tmp_path, capsys):
    assert vmaf_models.main([str(tmp_path)]) == 1
    assert "vmaf_v0.6.1.json is no libvmaf model of the six features" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chroma_correction_parameter": 1}, "chroma_correction_parameter: unknown here"),
        ({"model_type": "BOOTSTRAP"}, "model_type: BOOTSTRAP, not LIBSVMNUSVR"),
        ({"norm_type": "none"}, "norm_type: none, not linear_rescale"),
        ({"feature_names": ["VMAF_integer_feature_adm3_score"]}, r"feature_names: \('adm3',\), not"),
        ({"slopes": [1.0]}, r"slopes and intercepts: \(1, 7\), not \(7, 7\)"),
        ({"score_clip": [0]}, "not enough values"),
        ({"score_transform": {"p0": 1}}, "score_transform: .*, not"),
        ({"feature_opts_dicts": [{"adm_csf_mode": 2}, *[{}] * 5]}, "adm2 has the options adm_csf_mode"),
        ({"feature_opts_dicts": [{}, {"motion_max_val": 9}, *[{}] * 4]}, "motion2 has the options motion_max_val"),
        ({"feature_opts_dicts": [{"adm_enhn_gain_limit": 1}, *[{}] * 5]}, "how many gain limits adm and vif have: 2"),
    ],
)
def test_a_file_of_another_family_is_told(tmp_path, change, message):
    value = json.loads((COEFFICIENTS / "vmaf_v0.6.1.json").read_text())
    value["model_dict"] |= change
    (tmp_path / "some.json").write_text(json.dumps(value))
    with pytest.raises(ModelError, match=rf"^some\.json is no libvmaf model of the six features .*{message}"):
        libsvm.read(tmp_path / "some.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("nu_svr", "c_svc"), "svm_type: c_svc, not nu_svr"),
        (("kernel_type rbf", "kernel_type linear"), "kernel_type: linear, not rbf"),
        (("total_sv 211", "total_sv 212"), "total_sv: 212, not 211"),
        ((" 6:0.73495824", " 7:0.73495824"), "a support vector has a feature 7"),
        (("gamma 0.04\n", ""), "'gamma'"),
    ],
)
def test_a_regression_of_another_kind_is_told(tmp_path, change, message):
    value = json.loads((COEFFICIENTS / "vmaf_v0.6.1.json").read_text())
    value["model_dict"]["model"] = value["model_dict"]["model"].replace(*change)
    (tmp_path / "some.json").write_text(json.dumps(value))
    with pytest.raises(ModelError, match=rf"^some\.json is no libvmaf model .*{message}"):
        libsvm.read(tmp_path / "some.json")


def test_left_out_features_of_a_support_vector_are_zero(tmp_path):
    value = json.loads((COEFFICIENTS / "vmaf_v0.6.1.json").read_text())
    value["model_dict"]["model"] = (
        "svm_type nu_svr\nkernel_type rbf\ngamma 0.04\nnr_class 2\ntotal_sv 1\nrho 2\nSV\n-4 2:0.5 \n"
    )
    (tmp_path / "some.json").write_text(json.dumps(value))
    read = libsvm.read(tmp_path / "some.json")
    assert read.vectors.tolist() == [[0, 0.5, 0, 0, 0, 0]] and read.coefficients.tolist() == [-4] and read.rho == 2


def test_a_transform_needs_its_coefficients():
    svr = libsvm.read(COEFFICIENTS / "vmaf_4k_v0.6.1.json")
    with pytest.raises(ValueError, match="a transform is asked for, and the coefficients have none"):
        vmaf_models.build(svr, "vmaf_4k", transform=True)
