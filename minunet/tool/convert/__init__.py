"""Weights of other programs, and for them: read `names` first, then `tensors` and `onnx_file`."""
