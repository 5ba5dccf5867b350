"""``minunet summary``."""

from minunet.engine.files import InputError
from minunet.tool.model import open_model
from minunet.tool.summary import summarise
from minunet.unet import UNet


def run(options):
    """Run the command; give its exit code, if it has one."""
    size = options.size or (572 if options.paper else 256)
    try:
        if options.model:
            net, *_ = open_model(options.model, volumes=True)
        elif options.paper:
            net = UNet.paper()
        else:
            net = UNet(options.in_channels, 1, options.base_channels, options.depth)
        print(summarise(net.config, (size,) * net.config["axes"]))
    except ValueError as error:
        raise InputError(f"cannot summarise: {error}") from error
    print("sees: side of the square of image pixels that a pixel of the layer depends on")
