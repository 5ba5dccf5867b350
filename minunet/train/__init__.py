"""Training: a step, the loop around it, and a run that can be resumed."""

from minunet.train.loop import train
from minunet.train.settings import Settings
from minunet.train.step import segmentation_loss, train_step

__all__ = ["Settings", "segmentation_loss", "train", "train_step"]
