"""Weights of other programs, and for them: read `names` first, then `tensors` and `onnx_file`."""

from importlib import import_module

from minunet.engine.files import InputError


def library(name):
    """Give a package that only converting needs, or raise `InputError` if it is not there."""
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(f'{name} cannot be imported ({error}); pip install "minunet[convert]"'
                         ) from error
