"""The door to onnx (the ``train`` extra): write a trained network as a file that runs without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from detectors.models.classifiers.learning.design import Design, Weights

#: The oldest version with every operation used here in its present form; runtimes read it for years to come.
_OPSET, _IR_VERSION = 13, 8
_INPUT, _OUTPUT = "images", "shares"


def write_onnx(design: Design, weights: Weights, *, input_px: tuple[int, int], name: str) -> bytes:
    """Return the ONNX file of a network: float32 (n, channels, height, width) in, shares (n, classes) out, any ``n``.

    Raises
    ------
    FatalFault
        If the ``train`` extra is not installed, or the numbers do not fit the design.
    """
    try:
        import onnx  # noqa: PLC0415 - of the train extra
        from onnx import TensorProto, checker, helper, numpy_helper  # noqa: PLC0415
    except ImportError as error:
        message = "Writing a network needs the train extra: pip install observatory-streams[train]."
        raise FatalFault(message) from error
    numbers: dict[str, np.ndarray] = {"matrix": weights.matrix, "bias": weights.bias}
    nodes, taken = [], _INPUT
    for place, (_, stride) in enumerate(design.stages):
        numbers[f"kernel{place}"], numbers[f"offset{place}"] = weights.kernels[place], weights.offsets[place]
        nodes += [
            helper.make_node(
                "Conv", [taken, f"kernel{place}", f"offset{place}"], [f"planes{place}"],
                kernel_shape=[3, 3], strides=[stride, stride], pads=[1, 1, 1, 1],
            ),
            helper.make_node("Relu", [f"planes{place}"], [f"stage{place}"]),
        ]  # fmt: skip
        taken = f"stage{place}"
    nodes += [
        helper.make_node("GlobalAveragePool", [taken], ["means"]),
        helper.make_node("GlobalMaxPool", [taken], ["maxima"]),
        helper.make_node("Concat", ["means", "maxima"], ["pooled"], axis=1),
        helper.make_node("Flatten", ["pooled"], ["features"], axis=1),
        helper.make_node("Gemm", ["features", "matrix", "bias"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], [_OUTPUT], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, ["n", design.channels, *input_px])],
        [helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, ["n", design.classes])],
        [numpy_helper.from_array(np.ascontiguousarray(value, np.float32), key) for key, value in numbers.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        producer_name="observatory-streams",
        ir_version=_IR_VERSION,
    )
    try:
        checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        message = "The network's numbers do not fit its design."
        raise FatalFault(message) from error
    return bytes(model.SerializeToString())
