"""Training: a step, the loop, and a run that can be resumed."""

from minunet.train.loop import Settings, segmentation_loss, train, train_step

__all__ = ["Settings", "segmentation_loss", "train", "train_step"]
