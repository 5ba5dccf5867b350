"""A network as an ONNX file, which other programs run: its layers, spelled out one by one."""

import json

import numpy as np

from minunet.engine.files import replacing
from minunet.layers import list_layers, smallest_input, trace
from minunet.tool.convert import library
from minunet.tool.convert.names import NAMINGS

OPSET = 17


def write(path, net, meta):
    """Write a network for inference to an ONNX file, opset 17.

    Its input is ``images`` (N, C, H, W), float32, prepared as `meta` says, or volumes
    (N, C, D, H, W); its outputs are ``logits`` and ``probabilities`` (N, K, H, W). Normalisation
    is folded into the convolutions.

    Parameters
    ----------
    path : str or Path
    net : UNet
    meta : dict
        What a model has beside its weights; it goes into the file as a text.
    """
    onnx = library("onnx")
    graph = _Graph(onnx, net.folded())
    count, outputs = net.config["in_channels"], net.config["out_channels"]
    valid = net.config["padding"] == "valid"

    def tensor(name, channels, mark=""):
        sides = [side + mark for side in ("depth", "height", "width")[-net.config["axes"]:]]
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT,
                                                  ["batch", channels, *sides])

    made = onnx.helper.make_graph(
        graph.nodes, "minunet", [tensor("images", count)],
        [tensor(name, outputs, " out" * valid) for name in ("logits", "probabilities")],
        graph.weights)
    model = onnx.helper.make_model(made, producer_name="minunet", ir_version=8,
                                   opset_imports=[onnx.helper.make_opsetid("", OPSET)])
    # NaN, a score that nobody measured, is no JSON to other programs.
    about = {name: None if value != value else value for name, value in meta.items()}
    onnx.helper.set_model_props(model, {"minunet": json.dumps(about, sort_keys=True)})
    onnx.checker.check_model(model)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


class _Graph:
    """The nodes and weights of a network without normalisation, in the order of its layers."""

    def __init__(self, onnx, net):
        self.onnx, self.net, self.nodes, self.weights = onnx, net, [], []
        self.axes = net.config["axes"]
        self.cuts, skips, x = _cuts(net.config), {}, "images"
        for layer in list_layers(net.config):
            block = layer.name.partition(".")[0]
            if layer.kind == "pool":
                skips[block[3:]] = x
                x = self._add("MaxPool", [x], layer.name, kernel_shape=[2] * self.axes,
                              strides=[2] * self.axes)
            elif layer.kind == "concat":
                skip = self._cut(skips.pop(block[3:]), self.cuts[layer.name], layer.name)
                x = self._add("Concat", [skip, x], layer.name, axis=1)
            else:
                x = self._convolve(layer, x)
        self._add("Identity", [x], "logits")
        if net.config["out_channels"] == 1:
            self._add("Sigmoid", [x], "probabilities")
        else:
            self._add("Softmax", [x], "probabilities", axis=1)

    def _convolve(self, layer, x):
        """A convolution of one of three kinds; the name of its result, after ReLU if it has one."""
        params = self.net.params
        w = NAMINGS["pytorch"].give("w", params[f"{layer.name}.w"])  # (F, C, …) or (C, F, …)
        names = [x, self._weight(f"{layer.name}.w", w),
                 self._weight(f"{layer.name}.b", params[f"{layer.name}.b"])]
        if layer.kind == "up":
            return self._add("ConvTranspose", names, layer.name, strides=[2] * self.axes)
        if layer.kind == "head":
            return self._add("Conv", names, layer.name)
        x = self._add("Conv", names, layer.name, pads=[self.net.pad] * 2 * self.axes)
        return self._add("Relu", [x], f"{layer.name}.relu")

    def _cut(self, x, border, name):
        """Cut off the border that unpadded convolutions have lost on the way down and up."""
        if not border:
            return x
        ends = [self._weight(f"{name}.{end}", np.array(value, np.int64)) for end, value in
                (("starts", [border] * self.axes), ("ends", [-border] * self.axes),
                 ("axes", [2, 3, 4][:self.axes]))]
        return self._add("Slice", [x, *ends], f"{name}.cut")

    def _weight(self, name, array):
        array = array if array.dtype == np.int64 else array.astype(np.float32)
        self.weights.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _add(self, kind, inputs, output, **attributes):
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], output, **attributes))
        return output


def _cuts(config):
    """How many pixels each join cuts off at each border of its skip; the same for every size."""
    size, skips, cuts = (smallest_input(config, 1),) * config["axes"], {}, {}
    sizes = dict(zip((layer.name for layer in list_layers(config)), trace(config, size),
                     strict=True))
    for layer in list_layers(config):
        block = layer.name.partition(".")[0]
        if layer.kind == "pool":
            skips[block[3:]] = sizes[f"{block}.conv2"][0]
        if layer.kind == "concat":
            cuts[layer.name] = (skips[block[3:]] - sizes[f"{block}.up"][0]) // 2
    return cuts
