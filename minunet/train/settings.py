"""What a run is made with."""

from dataclasses import asdict, dataclass

from minunet.engine.files import InputError
from minunet.engine.values import put, real, truth, whole
from minunet.layers import trace


@dataclass(frozen=True)
class Settings:
    """What a run is made with; ``config.json`` holds it, and a resumed run has the same.

    Attributes
    ----------
    size : int
        Side of the prepared slices in pixels.
    base_channels, depth : int
        Of the U-Net.
    epochs, batch_size : int
    learning_rate : float
        The peak of the warm-up and cosine schedule, for Adam.
    weight_decay : float
        Decoupled, on the convolutions' weights.
    seed : int
        Of the weights, the order of slices and their augmentation.
    one_tumour : bool
        Whether each patient has one tumour, in one piece.
    axes : {2, 3}
        Whether the network sees slices, or volumes.
    patch : int
        Of volumes, the side in voxels of the blocks that are trained on.

    NumPy's numbers become Python's. `InputError` names a value that cannot be, and a size (of
    volumes: a patch) that does not go through a U-Net of this depth.
    """

    size: int = 96
    base_channels: int = 16
    depth: int = 4
    epochs: int = 16
    batch_size: int = 8
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    seed: int = 0
    one_tumour: bool = False
    axes: int = 2
    patch: int = 64

    def __post_init__(self):
        for name, limits in {"size": (1,), "base_channels": (1,), "depth": (1, 5), "epochs": (1,),
                             "batch_size": (1,), "seed": (0,), "axes": (2, 3),
                             "patch": (1,)}.items():
            put(self, **{name: whole(name, getattr(self, name), *limits, error=InputError)})
        put(self,
            learning_rate=real("learning_rate", self.learning_rate, above=True, error=InputError),
            weight_decay=real("weight_decay", self.weight_decay, error=InputError),
            one_tumour=truth("one_tumour", self.one_tumour, error=InputError))
        net = {"in_channels": 1, "out_channels": 1, "base_channels": self.base_channels,
               "depth": self.depth, "padding": "same", "norm": None,
               "axes": self.axes}  # as far as sizes go
        name, side = ("size", self.size) if self.axes == 2 else ("patch", self.patch)
        try:
            trace(net, (side,) * self.axes)
        except ValueError as error:
            raise InputError(f"{name} is {side} and depth {self.depth}: {error}") from error

    def to_dict(self) -> dict:
        """The settings as a dict that JSON can hold."""
        return asdict(self)
