"""Look inside a network: its feature maps, what skips carry, what a pixel sees, what flows back.

Nothing here changes the network. Every op has a name, in the order in which data meets them::

    enc1.conv1  enc1.norm1  enc1.relu1  enc1.conv2  …  enc1.pool  enc2.conv1  …  bottom.relu2
    dec2.up  dec2.concat  dec2.conv1  …  dec1.relu2  head

The examples in the docstrings know ``np`` and a small network with an image::

    net = UNet(1, 1, base_channels=4, depth=2)
    x = np.random.default_rng(0).normal(size=(1, 16, 16, 1)).astype(np.float32)
"""

from minunet.look.fields import Field, field
from minunet.look.flow import Gauge, gauges
from minunet.look.maps import look, predict_without, wiring

__all__ = ["Field", "Gauge", "field", "gauges", "look", "predict_without", "wiring"]
