"""What a network is besides its mathematics: named arrays, which move, are saved, and are read."""

from pathlib import Path
from typing import TypeVar

from minunet.engine import checkpoint
from minunet.engine.backend import Arrays, to_device, to_host
from minunet.engine.checks import check_like

Network = TypeVar("Network", bound="WithParameters")


class WithParameters:
    """The part of `UNet` that has nothing to do with a U-Net.

    Who derives from it sets these:
    """

    _params: Arrays
    buffers: Arrays
    config: dict
    device: str

    @property
    def params(self) -> Arrays:
        """What is learnt, by name. Other arrays of the same shapes may be given instead."""
        return self._params

    @params.setter
    def params(self, arrays: Arrays) -> None:
        check_like("params", arrays, self._params, "the network's")
        # The same dict: an optimiser holds it, and notices that its arrays are not there any more.
        self._params.update(arrays)

    def __copy__(self):
        net = object.__new__(type(self))  # the same arrays, in dicts of its own
        net.__dict__ |= self.__dict__ | {"_params": {**self._params}, "buffers": {**self.buffers}}
        return net

    def to(self: Network, device: str) -> Network:
        """Move parameters and buffers to ``"cpu"`` or ``"cuda"``; give the network back."""
        for arrays in (self.params, self.buffers):
            arrays.update({name: to_device(a, device) for name, a in arrays.items()})
        self.device = device
        return self

    def save(self, path: str | Path, **extra) -> None:
        """Write the configuration, parameters and buffers to an ``.npz`` file, whole or not at all.

        `extra` must be what JSON can hold: what travels with the weights, as ``preprocessing``.
        """
        arrays = {f"params/{k}": to_host(v) for k, v in self.params.items()}
        arrays |= {f"buffers/{k}": to_host(v) for k, v in self.buffers.items()}
        checkpoint.save(path, arrays, {"config": self.config, **extra})

    @classmethod
    def load(cls: type[Network], path: str | Path, device: str = "cpu") -> Network:
        """Read a network that `save` wrote; `InputError` if the file is missing or damaged."""
        return checkpoint.load_model(path, cls, device)[0]
