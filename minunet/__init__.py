"""A U-Net written by hand in NumPy, with every gradient proved."""

from minunet import gradcheck, ops, optim
from minunet.unet import UNet

__all__ = ["UNet", "gradcheck", "ops", "optim"]
__version__ = "0.1.0"
