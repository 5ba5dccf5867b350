"""What ``minunet summary`` prints: the network as a table, a line for each layer."""

import math

from minunet.layers import list_layers, parameter_shapes, receptive_fields, trace


def summarise(config, size):
    """Describe every layer as a line of text: shape, parameters, multiplications, receptive field.

    The last column is the receptive field, see `receptive_fields`.

    Parameters
    ----------
    config : dict
        As `UNet.config`.
    size : tuple of int
        H, W of the image, or D, H, W; `ValueError` if it does not go through the network, see
        `trace`.

    Returns
    -------
    str
        A table, and the totals of parameters, and of multiplications per image.
    """
    output = f"output ({', '.join('DHWC'[-len(size) - 1:])})"
    lines = [f"{'layer':<13}{output:>20}{'parameters':>13}{'multiplications':>17}{'sees':>6}"]
    all_parameters = all_products = 0
    rows = zip(list_layers(config), trace(config, size), receptive_fields(config), strict=True)
    for layer, sides, field in rows:
        shapes = parameter_shapes(layer, config["norm"], len(size))
        parameters = sum(math.prod(shape) for shape in shapes.values())
        # Each input pixel of an up-convolution meets the whole kernel; its output is 4 × finer.
        meetings = math.prod(sides) // (2 ** len(size) if layer.kind == "up" else 1)
        products = meetings * math.prod(shapes["w"]) if "w" in shapes else 0
        shape = f"({', '.join(map(str, sides))}, {layer.f})"
        lines.append(f"{layer.name:<13}{shape:>20}{parameters:>13,}{products:>17,}{field:>6}")
        all_parameters, all_products = all_parameters + parameters, all_products + products
    lines.append(f"{'total':<13}{'':>20}{all_parameters:>13,}{all_products:>17,}")
    return "\n".join(lines)
