"""TransNetV2: the first look, the transitions it settles, the network behind it, and the model's file."""

import io
import pickle
import re
import sys
import zipfile
from dataclasses import replace
from fractions import Fraction
from functools import partial
from types import ModuleType

import numpy as np
import onnxruntime
import pytest
from laddersmith import devices, registry
from laddersmith.errors import GpuError, ModelError, ShotsError
from laddersmith.learn import transnetv2 as exporter
from laddersmith.shots import Settings, detect, network, transnetv2
from laddersmith.shots.detector import Cut
from laddersmith.shots.gradual import Gradual, fades, wipes
from laddersmith.shots.look import Look
from laddersmith.source import Media
from onnx import TensorProto, helper
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

MEDIA = Media("a.mkv", 96, 64, "yuv420p", 8, Fraction(25), 600)
NOTHING = (np.zeros(50, np.float32), np.zeros(50, np.float32))


def scene(seed: int, frames: int) -> np.ndarray:
    """A smooth random picture that shakes a little: uint8 [frames, 27, 48, 3]."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice([15, 235], (4, 7, 3))
    rows, columns = np.linspace(0, 3, 27), np.linspace(0, 6, 48)
    upright = np.stack([np.stack([np.interp(rows, range(4), coarse[:, c, k]) for c in range(7)]) for k in range(3)])
    picture = np.stack(
        [np.stack([np.interp(columns, range(7), upright[k, :, r]) for r in range(27)]) for k in range(3)]
    )
    noise = rng.normal(0, 1.5, (frames, 27, 48, 3))
    return np.clip(picture.transpose(1, 2, 0)[None] + noise, 0, 255).astype(np.uint8)


def joined(old: np.ndarray, new: np.ndarray, kind: str, frames: int) -> np.ndarray:
    """Two scenes, and `frames` frames of a transition between them."""
    mixed = []
    for step in range(frames):
        share = (step + 1) / (frames + 1)
        a, b = old[step % len(old)].astype(float), new[step % len(new)].astype(float)
        if kind == "wipe":
            edge = round(48 * share)
            mixed.append(np.concatenate([b[:, :edge], a[:, edge:]], axis=1))
        elif kind == "wipe down":
            edge = round(27 * share)
            mixed.append(np.concatenate([b[:edge], a[edge:]]))
        elif kind == "fade":
            mixed.append(a * (1 - 2 * share) if share < 0.5 else b * (2 * share - 1))
        else:
            mixed.append(a + (b - a) * share)
    return np.concatenate([old, np.array(mixed).astype(np.uint8), new])


class Told:
    """In place of the network: says what it was told of the pictures that it sees, and remembers the windows."""

    def __init__(self, pictures: np.ndarray, single: dict[int, float], many: dict[int, float]) -> None:
        self.frames = {picture.tobytes(): index for index, picture in enumerate(pictures)}
        self.single, self.many = single, many
        self.windows: list[int] = []

    def __call__(self, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert window.shape == (100, 27, 48, 3)
        places = [self.frames[picture.tobytes()] for picture in window[25:75]]
        self.windows.append(places[0])
        return tuple(
            np.array([said.get(place, 0.0) for place in places], np.float32) for said in (self.single, self.many)
        )


def run(
    pictures: np.ndarray, single: dict | None = None, many: dict | None = None, **settings
) -> tuple[list[Cut], Told]:
    finder = transnetv2.TransNetV2(Settings(**settings), MEDIA)
    told = Told(pictures, single or {}, many or {})
    finder.__dict__["_network"] = told
    cuts = [cut for picture in pictures for cut in finder.see(picture)]
    return sorted(cuts + finder.finish()), told


# --- the first look


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_the_measures_are_what_they_are_called(frames):
    pictures = np.random.default_rng(frames).integers(0, 256, (frames, 27, 48, 3), np.uint8)
    look, whole = Look(pictures), pictures.astype(np.int64)
    assert look.jump.tolist() == [*np.abs(whole[1:] - whole[:-1]).mean(axis=(1, 2, 3)).tolist(), 0]
    luma = whole[:, :26].mean(axis=3).reshape(frames, 13, 2, 24, 2).mean(axis=(2, 4)).reshape(frames, -1)
    # float32 of values up to 255: rounding at 2^-16 of each sum.
    np.testing.assert_allclose(look.luma, luma, atol=1e-4)
    np.testing.assert_allclose(look.spread, luma.std(axis=1), atol=1e-4)
    levels = whole // 32 @ [64, 8, 1]
    shares = [np.bincount(one.ravel(), minlength=512) / (27 * 48) for one in levels]
    np.testing.assert_allclose(look._colours, shares, rtol=1e-6)


@pytest.mark.parametrize("cut", [20, 399, 400, 401, 450, 780])
def test_a_plain_cut_is_sure_wherever_it_stands(cut):
    pictures = np.concatenate([scene(1, cut), scene(2, 900 - cut)])
    assert Look(pictures).sure_cuts() == [cut]
    cuts, told = run(pictures)
    assert cuts == [Cut(cut)] and told.windows == []


@pytest.mark.parametrize("cut", [1, 2, 98, 99])
def test_at_the_ends_of_a_title_the_network_is_asked(cut):
    pictures = np.concatenate([scene(1, cut), scene(2, 100 - cut)])
    assert Look(pictures).sure_cuts() == []
    cuts, told = run(pictures, {cut - 1: 0.9}, {cut - 1: 0.9})
    assert cuts == [Cut(cut, "cut", pytest.approx(0.9))] and told.windows == [(cut - 1) // 50 * 50]


def test_a_still_title_asks_nothing():
    cuts, told = run(scene(3, 700))
    assert cuts == [] and told.windows == []
    assert len(run(scene(3, 700), first_look=False)[1].windows) == 14


def test_a_flash_is_not_doubted_and_no_cut_even_if_the_network_says_so():
    pictures = scene(4, 120)
    pictures[60:62] = 250
    look = Look(pictures)
    assert look.sure_cuts() == [] and not look.doubts([], []).any()
    assert look.comes_back(60) and look.comes_back(62)
    said = {59: 0.8, 61: 0.7}
    cuts, told = run(pictures, said, said, first_look=False)
    assert cuts == [] and told.windows


def test_a_light_that_goes_on_is_left_to_the_network():
    pictures = (scene(5, 120) // 2).astype(np.uint8)
    pictures[60:] += 60
    assert Look(pictures).sure_cuts() == [] and Look(pictures).doubts([], [])[59]


@pytest.mark.parametrize("frames", [6, 11, 25, 40])
@pytest.mark.parametrize("start", [60, 385])
def test_a_fade_is_found_and_cut_where_the_picture_is_flat(frames, start):
    pictures = joined(scene(1, start), scene(2, 500 - start), "fade", frames)
    [found] = fades(Look(pictures))
    assert found.kind == "fade" and start - 2 <= found.first and found.last <= start + frames + 1
    cuts, told = run(pictures)
    [cut] = cuts
    assert cut.transition == "fade" and abs(cut.frame - (start + (frames - 1) / 2)) <= 1 and told.windows == []
    assert Look(pictures).spread[cut.frame] == Look(pictures).spread[start : start + frames].min()


def test_a_dark_flicker_is_no_fade():
    pictures = scene(6, 100)
    pictures[50:53] = 0
    assert fades(Look(pictures)) == []


@pytest.mark.parametrize("kind", ["wipe", "wipe down"])
@pytest.mark.parametrize("frames", [8, 16, 30])
@pytest.mark.parametrize("start", [60, 385])
def test_a_wipe_is_found_and_cut_where_the_new_shot_has_the_greater_part(kind, frames, start):
    pictures = joined(scene(1, start), scene(2, 500 - start), kind, frames)
    cuts, told = run(pictures)
    [cut] = cuts
    assert cut.transition == "wipe" and abs(cut.frame - (start + frames / 2)) <= 3 and told.windows == []


def test_neither_a_dissolve_nor_a_pan_is_a_wipe():
    look = Look(joined(scene(1, 60), scene(2, 60), "dissolve", 20))
    assert wipes(look, []) == [] and look.doubts([], [])[60:80].any()
    wide = np.concatenate([scene(seed, 1)[0] for seed in range(8)], axis=1)
    pan = np.stack([wide[:, 3 * step : 3 * step + 48] for step in range(100)])
    assert wipes(Look(pan), []) == []


def test_what_is_settled_is_not_doubted():
    pictures = joined(scene(1, 60), scene(2, 60), "wipe", 16)
    look = Look(pictures)
    assert look.doubts([], [])[60:76].any() and not look.doubts([], [(60, 75)]).any()


# --- the network's share


def test_a_dissolve_is_cut_where_the_new_shot_prevails_and_asked_about_once():
    pictures = joined(scene(1, 140), scene(2, 160), "dissolve", 20)
    single, many = {149: 0.8, 150: 0.7}, dict.fromkeys(range(140, 160), 0.9)
    cuts, told = run(pictures, single, many)
    [cut] = cuts
    assert cut.transition == "gradual" and cut.frame in (149, 150, 151) and cut.strength == pytest.approx(0.8)
    assert len(told.windows) == len(set(told.windows)) and set(told.windows) >= {100, 150}
    assert run(pictures, single, many, first_look=False)[0] == cuts
    assert run(pictures, single, many, threshold=0.85)[0] == []


def test_a_transition_that_reaches_into_the_next_block_has_that_judged_too():
    pictures = joined(scene(1, 120), scene(2, 280), "dissolve", 20)
    single, many = {130: 0.9}, dict.fromkeys(range(120, 150), 0.9)
    cuts, told = run(pictures, single, many)
    assert sorted(told.windows) == [100, 150] and cuts[0].transition == "gradual"
    assert not Look(pictures).doubts([], [])[152:].any()


def test_what_the_network_says_of_a_sure_cut_is_no_second_one():
    pictures = np.concatenate([scene(1, 60), scene(2, 60)])
    assert run(pictures, {59: 0.9}, {59: 0.9}, first_look=False)[0] == [Cut(60)]


@pytest.mark.parametrize("count", [1, 2, 3, 49, 50, 51, 100, 499, 500, 501])
def test_titles_of_any_length_are_settled_to_their_end(count):
    pictures = scene(7, count)
    cuts, told = run(pictures, first_look=False)
    assert cuts == [] and sorted(told.windows) == list(range(0, count, 50))


def test_the_windows_are_the_ones_of_the_network_s_authors():
    pictures = np.concatenate([scene(1, 60), scene(2, 70)])
    windows = []
    finder = transnetv2.TransNetV2(Settings(first_look=False), MEDIA)
    finder.__dict__["_network"] = lambda window: windows.append(window) or NOTHING
    for picture in pictures:
        finder.see(picture)
    finder.finish()
    padded = np.concatenate([pictures[:1].repeat(25, 0), pictures, pictures[-1:].repeat(25 + 20, 0)])
    expected = [padded[start : start + 100] for start in (100, 50, 0)]
    assert all((a == b).all() for a, b in zip(windows, expected, strict=True))


def test_bikes_has_its_cuts_with_the_first_look_and_by_every_window(bikes):
    shots = detect(bikes)
    assert shots["start"].tolist() == [0, 30, 76, 137, 187, 242]
    assert shots["transition"].tolist() == ["start"] + ["cut"] * 5
    assert detect(bikes, first_look=False).equals(shots)


def test_bigbuckbunny_is_one_shot(bigbuckbunny):
    assert len(detect(bigbuckbunny)) == 1


def test_the_cuts_do_not_depend_on_threads():
    window = np.concatenate([scene(1, 60), scene(2, 40)])
    one, two = (transnetv2.Network("cpu", threads)(window) for threads in (1, 2))
    assert (one[0] == two[0]).all() and (one[1] == two[1]).all()
    assert one[0].argmax() == 59 - 25 and one[0].max() > 0.5


def test_a_device_that_is_not_there_is_told():
    with pytest.raises(ShotsError, match=r"shots\.device is cuda, and the onnxruntime .* set shots\.device to cpu"):
        transnetv2.Network("cuda", 1)


@pytest.fixture
def card(monkeypatch, tmp_path):
    """A card that onnxruntime says it can use; its driver is missing."""
    (tmp_path / "locks").mkdir()
    monkeypatch.setattr(network.onnxruntime, "get_available_providers", lambda: list(network.PROVIDERS.values()))
    monkeypatch.setattr(devices, "visible_cards", lambda: [devices.Card(0, "GPU-x")])
    yield devices.Sharing(folder=tmp_path / "locks", wait_s=0.0, fallback=True)
    devices.release()


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_device_that_does_not_start_is_told_and_not_passed_over(card):
    # The package may list a provider whose driver is missing: onnxruntime then runs on the CPU and only warns.
    with pytest.raises(GpuError, match=r"shots\.device is cuda, and CUDAExecutionProvider did not start .* to cpu"):
        transnetv2.Network("cuda", 1, replace(card, fallback=False))


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_the_cpu_goes_on_where_a_device_does_not_start_and_the_table_says_so(card, caplog):
    finder = transnetv2.TransNetV2(Settings(device="cuda", gpu=card, first_look=False), MEDIA)
    for picture in np.concatenate([scene(1, 30), scene(2, 20)]):
        finder.see(picture)
    assert [cut.frame for cut in finder.finish()] == [30]
    assert finder.label.endswith(", every window), by the CPU in place of a GPU that failed")
    assert "the CPU finds cuts in place of the GPU: shots.device is cuda, and CUDA" in caplog.text


class CardSession(network.onnxruntime.InferenceSession):
    """A session that runs on the CPU and calls itself a card's, until its memory is full."""

    def __init__(self, model, options, providers, *, windows: int, off: float = 0.0):
        super().__init__(model, options, ["CPUExecutionProvider"])
        self.own = providers[0][0]
        self.left, self.off = windows, off

    def get_providers(self):
        return [self.own]

    def run(self, wanted, given):
        if self.own == "CPUExecutionProvider":
            return super().run(wanted, given)
        self.left -= 1
        if self.left < 0:
            raise RuntimeException("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer")
        return [found + self.off for found in super().run(wanted, given)]


def test_a_card_whose_memory_fills_up_leaves_the_rest_to_the_cpu(card, monkeypatch, caplog):
    monkeypatch.setattr(network.onnxruntime, "InferenceSession", partial(CardSession, windows=1))
    window = np.concatenate([scene(1, 60), scene(2, 40)])
    failing = transnetv2.Network("cuda", 1, card)
    assert not failing.replaced
    assert failing(window)[0].argmax() == 59 - 25
    assert failing.replaced and "Failed to allocate" in caplog.text


@pytest.mark.parametrize(
    ("windows", "off", "fault"), [(0, 0.0, "Failed to allocate"), (9, 0.01, "that are up to 0.01 off those of")]
)
def test_a_card_that_fails_at_the_start_or_computes_something_else(card, monkeypatch, windows, off, fault):
    monkeypatch.setattr(network.onnxruntime, "InferenceSession", partial(CardSession, windows=windows, off=off))
    with pytest.raises(GpuError, match=fault):
        transnetv2.Network("cuda", 1, replace(card, fallback=False))


def test_a_sound_card_is_used_and_given_back(card, monkeypatch):
    monkeypatch.setattr(network.onnxruntime, "InferenceSession", partial(CardSession, windows=9))
    sound = transnetv2.Network("cuda", 1, card)
    assert sound(np.concatenate([scene(1, 60), scene(2, 40)]))[0].argmax() == 59 - 25 and not sound.replaced
    assert devices._held is not None
    sound.close()
    assert devices._held is None


def test_a_threshold_is_a_probability():
    with pytest.raises(
        ShotsError, match=re.escape("transnetv2 takes a threshold from 0.05 to 0.95 (0.5 is usual), not 3")
    ):
        transnetv2.TransNetV2(Settings(threshold=3), MEDIA)


# --- the model's file


def test_the_model_is_registered_with_card_and_licence():
    entry = registry.entry("transnetv2")
    card = (registry.FOLDER / entry.card).read_text()
    assert entry.kind == "shots" and card.startswith("# transnetv2\n") and entry.source in card
    assert f"[{entry.licence}]({entry.licence_text})" in card and entry.sha256[:12] in card
    assert "Copyright (c)" in (registry.FOLDER / entry.licence_text).read_text()
    assert registry.load("transnetv2")


def weights(seed: int = 1) -> exporter.Weights:
    """Random weights of the right shapes, small enough to keep the probabilities off 0 and 1."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {}
    for stack, inputs in enumerate((3, 64, 128)):
        filters = 16 << stack
        for block, seen in enumerate((inputs, 4 * filters)):
            name = f"SDDCNN.{stack}.DDCNN.{block}"
            for dilation in exporter.DILATIONS:
                shapes[f"{name}.Conv3D_{dilation}.layers.0.weight"] = (2 * filters, seen, 1, 3, 3)
                shapes[f"{name}.Conv3D_{dilation}.layers.1.weight"] = (filters, 2 * filters, 3, 1, 1)
            for part in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{name}.bn.{part}"] = (4 * filters,)
    shapes |= {"frame_sim_layer.projection.weight": (128, 448), "frame_sim_layer.projection.bias": (128,)}
    for layer in ("frame_sim_layer", "color_hist_layer"):
        shapes |= {f"{layer}.fc.weight": (128, 101), f"{layer}.fc.bias": (128,)}
    shapes |= {"fc1.weight": (1024, 4864), "fc1.bias": (1024,)}
    for head in ("cls_layer1", "cls_layer2"):
        shapes |= {f"{head}.weight": (1, 1024), f"{head}.bias": (1,)}
    made = {name: rng.normal(0, 0.05, shape).astype(np.float32) for name, shape in shapes.items()}
    return {name: abs(value) + 1 if name.endswith("running_var") else value for name, value in made.items()}


def test_equal_weights_give_equal_bytes_and_half_of_them():
    made = weights()
    single = exporter.build(made, half=False).SerializeToString(deterministic=True)
    half = exporter.build(made, half=True).SerializeToString(deterministic=True)
    assert half == exporter.build(made, half=True).SerializeToString(deterministic=True)
    assert len(half) < 0.53 * len(single)


@pytest.mark.parametrize(("tile", "size"), [(7, 27), (6, 48), (7, 13), (6, 24), (6, 6), (6, 12), (1, 3)])
def test_the_filtering_is_the_plain_one(tile, size):
    rng = np.random.default_rng(size)
    pixels, taps = rng.normal(size=size), rng.normal(size=3)
    filtering = exporter._filtering(tile, size)
    points = np.tile(filtering.kernel @ taps, filtering.tiles)
    assert points.shape == (filtering.tiles * filtering.points,)
    # The matrices' entries are dyadic fractions, exact in float32; what is left is rounding in float64.
    plain = np.correlate(np.pad(pixels, 1), taps, mode="valid")
    np.testing.assert_allclose(filtering.gather @ (filtering.spread @ pixels * points), plain, atol=1e-11)


@pytest.mark.parametrize("stack", [0, 1, 2])
def test_a_stack_is_its_plain_convolutions(stack, monkeypatch):
    frames, made = 20, weights(stack)
    monkeypatch.setattr(exporter, "WINDOW", frames)
    height, width = exporter.SIZES[stack]
    seen = (3, 64, 128)[stack]
    pictures = np.random.default_rng(stack).normal(0, 1, (height, width, seen, frames)).astype(np.float32)

    graph = exporter._Graph(made, half=False)
    found = exporter._stack(graph, graph.constant(pictures.transpose(0, 2, 1, 3) if stack == 0 else pictures), stack)
    fast = outcome(graph, found)

    graph = exporter._Graph(made, half=False)
    x = graph.constant(pictures.transpose(2, 3, 0, 1)[None])
    sums = []
    for block in range(2):
        name, parts = f"SDDCNN.{stack}.DDCNN.{block}", []
        for d in exporter.DILATIONS:
            space, time = (graph.constant(made[f"{name}.Conv3D_{d}.layers.{layer}.weight"]) for layer in (0, 1))
            y = graph.node("Conv", x, space, pads=[0, 1, 1, 0, 1, 1])
            parts.append(graph.node("Conv", y, time, pads=[d, 0, 0, d, 0, 0], dilations=[d, 1, 1]))
        norm = [graph.constant(made[f"{name}.bn.{p}"]) for p in ("weight", "bias", "running_mean", "running_var")]
        joined = graph.node("BatchNormalization", graph.node("Concat", *parts, axis=1), *norm, epsilon=1e-3)
        x = graph.node("Relu", joined)
        sums.append(x)
    x = graph.node("AveragePool", graph.node("Add", *sums), kernel_shape=[1, 2, 2], strides=[1, 2, 2])
    plain = outcome(graph, x)[0].transpose(2, 3, 0, 1)
    # float32: sums of up to 4,608 products, taken where a picture's polynomial is some hundred times its pixels.
    assert fast.shape == plain.shape
    np.testing.assert_allclose(fast, plain, atol=1e-4 * np.abs(plain).max())


def outcome(graph: exporter._Graph, name: str) -> np.ndarray:
    """What a graph without inputs gives at the node `name`."""
    result = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph(graph.nodes, "test", [], [result], graph.constants),
        opset_imports=[helper.make_opsetid("", exporter.OPSET)],
        ir_version=exporter.IR_VERSION,
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([name], {})[0]


def test_tensors_are_read_as_torch_writes_them_and_nothing_else(tmp_path, monkeypatch):
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    storage = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2(*_):
        raise AssertionError("never called")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    torch.FloatStorage, utils._rebuild_tensor_v2, torch._utils = storage, _rebuild_tensor_v2, utils

    class Key:
        pass

    class Tensor:
        def __reduce__(self):
            return _rebuild_tensor_v2, (Key(), 2, (2, 3), (3, 1), False, None)

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            return ("storage", storage, "0", "cpu", 8) if isinstance(obj, Key) else None

    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "torch", torch)
        patched.setitem(sys.modules, "torch._utils", utils)
        data = io.BytesIO()
        Pickler(data, protocol=2).dump({"a": Tensor()})

    def archived(listing: bytes):
        with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
            archive.writestr("archive/data.pkl", listing)
            archive.writestr("archive/data/0", np.arange(8, dtype="<f4").tobytes())
        return tmp_path / "a.pth"

    assert exporter.read(archived(data.getvalue()))["a"].tolist() == [[2, 3, 4], [5, 6, 7]]
    with pytest.raises(ModelError, match=r"a\.pth: not the weights of a PyTorch model .*has no place among weights"):
        exporter.read(archived(pickle.dumps({"a": io.StringIO})))
    (tmp_path / "b.pth").write_text("no archive")
    with pytest.raises(ModelError, match=r"b\.pth: not the weights"):
        exporter.read(tmp_path / "b.pth")
    assert exporter.main([str(tmp_path)]) == 1


def test_a_gradual_transition_at_the_very_start_has_its_cut_inside():
    look = Look(joined(scene(1, 1), scene(2, 60), "dissolve", 20))
    assert 0 < transnetv2._place(look, Gradual("gradual", 0, 20)) <= 21
