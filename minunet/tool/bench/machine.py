"""What the figures were measured on: processor, libraries, threads."""

import os
import platform
import re
from pathlib import Path

import numpy as np

from minunet import __version__
from minunet.engine.rates import balance
from minunet.engine.threads import threads
from minunet.engine.words import plural
from minunet.tool.bench import torch_work
from minunet.tool.bench.minunet_work import module

# What a kind of processor is called, by vendor, family and model: (first model, name), the last
# that is not above. Clouds give their processors no other name.
KINDS = {
    ("AuthenticAMD", 23): ((0x00, "Zen"), (0x30, "Zen 2")),
    ("AuthenticAMD", 25): ((0x00, "Zen 3"), (0x10, "Zen 4"), (0x20, "Zen 3"), (0x60, "Zen 4")),
    ("AuthenticAMD", 26): ((0x00, "Zen 5"),),
    ("GenuineIntel", 6): ((0x55, "Skylake"), (0x56, ""), (0x6A, "Ice Lake"), (0x6D, ""),
                          (0x8F, "Sapphire Rapids"), (0x90, ""), (0xAD, "Granite Rapids"),
                          (0xAF, ""), (0xCF, "Emerald Rapids"), (0xD0, ""))}
SETS = ("avx2", "avx512f", "amx_tile", "asimd", "sve")  # of instructions: those that count here

# What keeps a library from some of them: so one machine shows how it would be with fewer.
LIMITS = ("NPY_DISABLE_CPU_FEATURES", "OPENBLAS_CORETYPE", "ONEDNN_MAX_CPU_ISA",
          "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS")


def describe(device):
    """Describe machine and libraries, without names of hosts or paths.

    Returns
    -------
    dict
        That of `processor`; ``limits``, what the environment sets of `LIMITS`; ``cores`` (usable
        ones), ``threads``, ``balance`` (see `engine.rates`), ``gpu`` (None on a CPU); and the
        versions: ``minunet``, ``python``, ``numpy``, ``blas``, ``torch`` (None if not there).
    """
    cores = (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
             else os.cpu_count())
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    limits = {name: os.environ[name] for name in LIMITS if name in os.environ}
    return {**processor(), "limits": limits, "cores": cores, "threads": threads(),
            "balance": balance() if device == "cpu" else None, "gpu": _gpu(device),
            "minunet": __version__,
            "python": platform.python_version(), "numpy": np.__version__,
            "blas": f"{blas.get('name')} {blas.get('version')}", "torch": torch_work.version()}


def processor(cpuinfo="/proc/cpuinfo"):
    """Describe the processor as Linux does in the file `cpuinfo`, else as Python does.

    Returns
    -------
    dict
        ``processor`` (its name), ``kind`` ("Zen 4"; "" if unknown), ``family`` and ``model``
        (numbers, or None), ``instructions`` (those of `SETS` that it has).
    """
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    # Of several cores the first: they are alike.
    said = {key.strip(): value.strip() for key, _, value in
            (line.partition(":") for line in reversed(lines))}
    family, model = (int(said[key]) if said.get(key, "").isdecimal() else None
                     for key in ("cpu family", "model"))
    known = KINDS.get((said.get("vendor_id"), family), ())
    flags = said.get("flags", said.get("Features", "")).split()
    return {"processor": said.get("model name") or platform.processor() or platform.machine(),
            "kind": ([name for first, name in known if first <= model] or [""])[-1],
            "family": family, "model": model,
            "instructions": [name for name in SETS if name in flags]}


def label(machine):
    """Name a machine in a table: "AMD EPYC (Zen 4, AVX-512), 2 cores", or its GPU."""
    if machine["gpu"]:
        return machine["gpu"]
    sets = {"avx512f": "AVX-512", "avx2": "AVX2", "sve": "SVE", "asimd": "NEON"}
    best = [word for name, word in sets.items() if name in machine["instructions"]][:1]
    if machine["limits"]:
        told = {machine["limits"].get(name, "").upper()
                for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")}
        best = [f"limited to {told.pop()}" if len(told) == 1 and all(told) else "limited"]
    inside = ", ".join(filter(None, [machine["kind"], *best]))
    return (f"{_short(machine['processor'])}{f' ({inside})' if inside else ''}, "
            f"{plural(machine['cores'], 'core')}")


def file_name(machine):
    """Name a machine as a part of a file's name: "amd-epyc-zen-4-2-cores", or its GPU's."""
    name = machine["gpu"] or (f"{_short(machine['processor'])} {machine['kind']} "
                              f"{plural(machine['cores'], 'core')}"
                              f"{' limited' if machine['limits'] else ''}")
    return "-".join(re.findall("[a-z0-9]+", name.lower()))


def _short(name):
    """Without what a vendor adds: "Intel(R) Xeon(R) CPU @ 2.70GHz" is "Intel Xeon"."""
    return " ".join(re.sub(r"\((R|TM)\)|@.*|\b(CPU|Processor)\b", " ", name).split())


def _gpu(device):
    xp = module(device)
    return None if xp is np else xp.cuda.runtime.getDeviceProperties(0)["name"].decode()
