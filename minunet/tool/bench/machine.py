"""What the figures were measured on: processor, libraries, threads."""

import os
import platform
from pathlib import Path

import numpy as np

from minunet import __version__
from minunet.engine.backend import array_module, to_device
from minunet.engine.threads import threads
from minunet.tool.bench import torch_work


def describe(device):
    """Describe machine and libraries, without names of hosts or paths.

    Returns
    -------
    dict
        ``processor``, ``cores`` (usable ones), ``threads``, ``gpu`` (None on a CPU), and the
        versions: ``minunet``, ``python``, ``numpy``, ``blas``, ``torch`` (None if not there).
    """
    cores = (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
             else os.cpu_count())
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"processor": processor(), "cores": cores, "threads": threads(), "gpu": _gpu(device),
            "minunet": __version__, "python": platform.python_version(),
            "numpy": np.__version__, "blas": f"{blas.get('name')} {blas.get('version')}",
            "torch": torch_work.version()}


def processor(cpuinfo="/proc/cpuinfo"):
    """Name the processor as Linux does in the file `cpuinfo`, else as Python does."""
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu(device):
    xp = array_module(to_device(np.zeros(1), device))
    return None if xp is np else xp.cuda.runtime.getDeviceProperties(0)["name"].decode()
