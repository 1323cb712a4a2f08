"""Networks run by a vendor: one promise, one door each for OpenVINO and ONNX Runtime, and a scripted fake."""
