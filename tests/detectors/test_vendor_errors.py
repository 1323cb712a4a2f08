"""Every exception class of a vendor becomes one of ours at its door."""

from __future__ import annotations

import cv2
import pytest
import yaml

from detectors import pixels
from detectors.runtimes import metadata
from detectors.runtimes import onnxruntime as onnxruntime_door
from detectors.runtimes import openvino as openvino_door
from schemas.errors import FatalFault, ObservatoryError, RejectedInput


def list_exceptions(module):
    found = [getattr(module, name) for name in dir(module)]
    return sorted(
        {kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception)},
        key=lambda kind: kind.__name__,
    )


def openvino_exceptions():
    import openvino._pyopenvino as bindings
    from openvino import frontend

    return sorted({*list_exceptions(bindings), *list_exceptions(frontend)}, key=lambda kind: kind.__name__)


def onnxruntime_exceptions():
    from onnxruntime.capi import onnxruntime_pybind11_state as bindings

    return list_exceptions(bindings)


def test_the_vendors_have_exception_classes_to_look_at():
    assert len(openvino_exceptions()) >= 5
    assert len(onnxruntime_exceptions()) >= 15
    assert [kind.__name__ for kind in list_exceptions(cv2)] == ["error"]


@pytest.mark.parametrize("kind", [*openvino_exceptions(), RuntimeError, TypeError, ValueError, IndexError])
def test_openvino_exceptions_become_fatal_faults(kind):
    with pytest.raises(FatalFault, match="OpenVINO") as caught, openvino_door.translate():
        raise kind("boom")
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize("kind", [*onnxruntime_exceptions(), RuntimeError, TypeError, ValueError])
def test_onnx_runtime_exceptions_become_fatal_faults(kind):
    with pytest.raises(FatalFault, match="ONNX Runtime") as caught, onnxruntime_door.translate():
        raise kind("boom")
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize("kind", list_exceptions(cv2))
def test_opencv_exceptions_reject_the_input(kind):
    with pytest.raises(RejectedInput) as caught, pixels.translate():
        raise kind("boom")
    assert caught.value.reason == "unusable_pixels"


def test_opencvs_own_complaint_is_translated():
    import numpy as np

    with pytest.raises(RejectedInput, match="OpenCV could not use the picture"):
        pixels.resize(np.zeros((0, 0, 3), dtype=np.uint8), width_px=3, height_px=3)


@pytest.mark.parametrize("kind", [kind for kind in list_exceptions(yaml) if issubclass(kind, yaml.YAMLError)])
def test_yaml_exceptions_become_fatal_faults(kind):
    with pytest.raises(FatalFault) as caught, metadata.translate():
        raise kind
    assert isinstance(caught.value, ObservatoryError)
