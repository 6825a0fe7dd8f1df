"""The VMAF models as ONNX graphs: `PYTHONPATH=scripts python -m laddersmith.learn.vmaf_models FOLDER_OF_JSON`.

A graph takes `features`, float64 [frames, 6], in the order of `libsvm.FEATURES`, and gives `vmaf`, float64 [frames].
All of it is float64. Support vectors are filled up with zeros to a multiple of 64 bytes, at coefficient zero: a row
then lies at the same alignment wherever it stands in a batch, so that its sum is taken in one order, to the same bits.
"""

import argparse
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .. import registry
from ..errors import LaddersmithError
from ..ffmpeg import temporary_beside
from ..jsonfile import read_json, write_json
from .libsvm import FEATURES, Svr, read

OPSET = 17
IR_VERSION = 8
# Raised, with a reason, when the graphs change for equal coefficients.
EXPORT_VERSION = "1"  # first
LANES = 8
# Our name, the file of coefficients, whether its score transform is on, and libvmaf's own name for the same.
MODELS = {
    "vmaf_v0.6.1": ("vmaf_v0.6.1.json", False, "version=vmaf_float_v0.6.1"),
    "vmaf_v0.6.1neg": ("vmaf_v0.6.1neg.json", False, "version=vmaf_float_v0.6.1neg"),
    "vmaf_4k_v0.6.1": ("vmaf_4k_v0.6.1.json", False, "version=vmaf_float_4k_v0.6.1"),
    "vmaf_v0.6.1_phone": ("vmaf_v0.6.1.json", True, "version=vmaf_float_v0.6.1:enable_transform=true"),
}


class _Graph:
    """Nodes and constants, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: object, dtype: type = np.float64) -> str:
        self.constants.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


def build(svr: Svr, name: str, *, transform: bool) -> onnx.ModelProto:
    """The ONNX graph of a model.

    score = clip(t((sum_s c_s exp(-gamma |x - v_s|^2) - rho - b) / a)): epsilon- and nu-SVR's decision function with a
    radial basis (C.-C. Chang, C.-J. Lin, "LIBSVM: a library for support vector machines", ACM TIST 2011, sections 2.4,
    2.5) on linearly rescaled features x, the score's own rescaling (a, b) undone; t(y) = max(y, p0 + p1 y + p2 y^2),
    the phone's transform, or y. Squared distances are sums of squared differences, feature by feature.
    """
    graph = _Graph()
    scaled = graph.node("Mul", ["features", graph.constant("slopes", svr.slopes[None])], "sloped")
    scaled = graph.node("Add", [scaled, graph.constant("intercepts", svr.intercepts[None])], "scaled")
    kernel = _kernel(graph, scaled, svr)
    score = graph.node("Sub", [kernel, graph.constant("rho", svr.rho)], "decision")
    score = graph.node("Sub", [score, graph.constant("score_intercept", svr.score_intercept)], "shifted")
    score = graph.node("Div", [score, graph.constant("score_slope", svr.score_slope)], "score")
    if transform:
        score = _transformed(graph, score, svr)
    low, high = svr.clip
    graph.node("Clip", [score, graph.constant("low", low), graph.constant("high", high)], "vmaf")
    inputs = [helper.make_tensor_value_info("features", TensorProto.DOUBLE, ["frames", len(FEATURES)])]
    outputs = [helper.make_tensor_value_info("vmaf", TensorProto.DOUBLE, ["frames"])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, name, inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="laddersmith",
        producer_version=EXPORT_VERSION,
    )
    facts = {"model": name, "features": " ".join(FEATURES), "score_transform": "phone" if transform else "none"}
    helper.set_model_props(model, facts | {option: repr(limit) for option, limit in svr.gain_limits.items()})
    onnx.checker.check_model(model, full_check=True)
    return model


def _kernel(graph: _Graph, scaled: str, svr: Svr) -> str:
    """The weighted sum of radial basis functions, [frames]."""
    missing = -len(svr.vectors) % LANES
    vectors = np.pad(svr.vectors, ((0, missing), (0, 0)))
    columns = [f"x_{name}" for name in FEATURES]
    graph.nodes.append(helper.make_node("Split", [scaled], columns, name="split", axis=1))
    squared = ""
    for column, name, values in zip(columns, FEATURES, vectors.T, strict=True):
        difference = graph.node("Sub", [column, graph.constant(f"v_{name}", values[None])], f"d_{name}")
        square = graph.node("Mul", [difference, difference], f"d2_{name}")
        squared = graph.node("Add", [squared, square], f"sum_{name}") if squared else square
    exponent = graph.node("Mul", [squared, graph.constant("minus_gamma", -svr.gamma)], "exponent")
    basis = graph.node("Exp", [exponent], "basis")
    coefficients = graph.constant("coefficients", np.pad(svr.coefficients, (0, missing))[None])
    weighted = graph.node("Mul", [basis, coefficients], "weighted")
    return graph.node("ReduceSum", [weighted, graph.constant("across", [1], np.int64)], "kernel", keepdims=0)


def _transformed(graph: _Graph, score: str, svr: Svr) -> str:
    """max(y, p0 + p1 y + p2 y^2), [frames]."""
    if svr.polynomial is None:
        raise ValueError("a transform is asked for, and the coefficients have none")
    p0, p1, p2 = (graph.constant(f"p{power}", value) for power, value in enumerate(svr.polynomial))
    linear = graph.node("Add", [p0, graph.node("Mul", [p1, score], "p1_y")], "p0_p1_y")
    square = graph.node("Mul", [graph.node("Mul", [p2, score], "p2_y"), score], "p2_y2")
    polynomial = graph.node("Add", [linear, square], "polynomial")
    return graph.node("Max", [polynomial, score], "transformed")


def export(coefficients: Path, folder: Path) -> dict[str, dict[str, object]]:
    """Write the graphs of MODELS, from the JSON files in `coefficients`, into `folder`; returns their registry entries.

    Equal coefficients give equal bytes.

    Raises
    ------
    ModelError
        If a JSON file is missing or is not of this family.
    """
    entries: dict[str, dict[str, object]] = {}
    for name, (file, transform, libvmaf) in MODELS.items():
        data = build(read(coefficients / file), name, transform=transform).SerializeToString(deterministic=True)
        partial = temporary_beside(folder / f"{name}.onnx")
        try:
            partial.write_bytes(data)
            os.replace(partial, folder / f"{name}.onnx")
        finally:
            partial.unlink(missing_ok=True)
        entries[name] = {
            "kind": "vmaf",
            "file": f"{name}.onnx",
            "sha256": hashlib.sha256(data).hexdigest(),
            "licence": "BSD-2-Clause-Patent",
            "licence_text": "licences/libvmaf.txt",
            "source": f"Netflix, libvmaf 3.2, {file}, as the package ffmpeg-quality-metrics carries it",
            "card": f"{name}.md",
            "facts": {"libvmaf": libvmaf},
        }
    return entries


def main(argv: list[str] | None = None) -> int:
    """Write the graphs into model/ and their entries into the registry."""
    parser = argparse.ArgumentParser(prog="python -m laddersmith.learn.vmaf_models", description=__doc__)
    parser.add_argument("coefficients", type=Path, metavar="FOLDER_OF_JSON", help="libvmaf's model files")
    arguments = parser.parse_args(argv)
    try:
        entries = export(arguments.coefficients, registry.FOLDER)
    except LaddersmithError as error:
        print(f"laddersmith.learn.vmaf_models: {error}", file=sys.stderr)
        return 1
    file = registry.FOLDER / registry.FILE
    known = read_json(file)["models"] if file.exists() else {}
    write_json(file, {"schema": registry.SCHEMA, "models": known | entries})
    for name, entry in entries.items():
        print(f"model/{name}.onnx  sha256 {entry['sha256']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
