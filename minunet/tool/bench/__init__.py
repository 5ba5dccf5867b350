"""How fast it is, and what it takes: ``minunet bench``, against PyTorch where that is installed.

`clock` times contenders in turn; `minunet_work` and `torch_work` hold what is timed, `memory`
and `roofline` measure the rest, `report` and `plots` show it.
"""

import json
from dataclasses import dataclass
from functools import partial

import numpy as np

from minunet.engine.backend import array_module, check_device, to_device
from minunet.engine.files import InputError, output_folder, replacing
from minunet.engine.threads import threads
from minunet.ops.fast.choose import METHODS, choose
from minunet.tool.bench import minunet_work, torch_work
from minunet.tool.bench.clock import Contender, device_clock, host_clock, interleave, summarise
from minunet.tool.bench.machine import describe
from minunet.tool.bench.memory import peak_memory
from minunet.tool.bench.minunet_work import FAST, Case, Convolution
from minunet.tool.bench.plots import plot_bench
from minunet.tool.bench.report import format_header, format_part
from minunet.tool.bench.roofline import measure_roofline


@dataclass(frozen=True)
class Sizes:
    """What each part of the benchmark measures."""

    step: tuple = (Case(32, 256, 4), Case(16, 128, 16))
    inference: tuple = (Case(32, 256, 1), Case(32, 256, 4))
    memory: tuple = (Case(32, 256, 4),)
    convolution: tuple = (
        Convolution(16, 16, 16, 1, ("loops", *FAST)), Convolution(256, 3, 32, 4),
        Convolution(256, 32, 32, 4), Convolution(128, 64, 64, 4), Convolution(64, 128, 128, 4),
        Convolution(32, 256, 256, 4), Convolution(16, 512, 512, 4))
    pixels: tuple = tuple(Case(16, side, 1) for side in (128, 192, 256, 384, 512))
    batch: tuple = tuple(Case(16, 128, batch) for batch in (1, 2, 4, 8))
    channels: tuple = tuple(Case(base, 128, 1) for base in (8, 16, 32, 64))
    roofline: Case = Case(32, 256, 4)
    product_side: int = 3072
    copy_bytes: int = 1 << 28


def bench(parts, out, *, runs=7, device="cpu", sizes=None, show=None):
    """Measure, show a table for each part, and write ``bench.json`` and ``bench.png`` after each.

    Parameters
    ----------
    parts : list of str
        Some of `PARTS`, or ``"all"``.
    out : str or Path
        Folder for the two files.
    runs : int
        Rounds; each figure is a median over them.
    device : {"cpu", "cuda"}
    sizes : Sizes, optional
    show : callable
        Gets the tables, as text; by default they are printed as they come.

    Returns
    -------
    dict
        What ``bench.json`` holds.

    Raises
    ------
    InputError
        If there is no such part or device, or the folder cannot be written to.
    """
    for part in parts:
        if part not in (*PARTS, "all"):
            raise InputError(f"part must be one of {', '.join((*PARTS, 'all'))}; got {part!r}")
    check_device(device)
    out, sizes = output_folder(out), sizes or Sizes()
    show = show or partial(print, flush=True)  # also into a pipe: it takes minutes
    results = {"command": " ".join(["minunet bench", *parts, f"--runs {runs} --device {device}"]),
               "runs": runs, "device": device, "machine": describe(device)}
    if torch_work.version():
        torch_work.use_threads(threads())
    show(format_header(results))
    for part, measure in PARTS.items():
        if part in parts or "all" in parts:
            results[part] = measure(sizes, runs, device)
            show("\n" + format_part(results, part))
            with replacing(out / "bench.json") as temporary:
                temporary.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n",
                                     encoding="utf-8")
            plot_bench(results, out / "bench.png")
    return results


def _steps(cases, runs, device):
    return [_compare(case, runs, device, minunet_work.training_step, torch_work.training_step)
            for case in cases]


def _inference(sizes, runs, device):
    return [_compare(case, runs, device, minunet_work.inference, torch_work.inference)
            for case in sizes.inference]


def _compare(case, runs, device, ours, theirs):
    """Time the same work in minunet and PyTorch: a row."""
    contenders = [Contender("minunet", ours(case, device), _clock(device)),
                  *_rivals(lambda channels_last: theirs(case, channels_last, device), device)]
    return {"name": str(case), **case._asdict(), **summarise(interleave(contenders, runs))}


def _rivals(make, device):
    """PyTorch in both layouts, on a GPU with and without TF32; none where it cannot be used."""
    if not torch_work.can_use(device):
        return []
    contenders = []
    for name, (channels_last, tf32) in torch_work.VARIANTS[device].items():
        run = make(channels_last)
        if device == "cpu":
            contenders.append(Contender(name, run, host_clock))
        else:
            contenders.append(Contender(name, torch_work.with_tf32(run, tf32),
                                        torch_work.event_clock))
    return contenders


def _convolutions(sizes, runs, device):
    """A row for each convolution and direction; its ratio is that of the method "auto" takes."""
    rows = []
    for case in sizes.convolution:
        auto = choose("auto", (3, 3, case.c, case.f), (1, 1), (1, 1), (case.side, case.side))
        [auto] = [name for name, module in METHODS.items() if module is auto]
        for direction, backward in (("forward", False), ("backward", True)):
            seconds = interleave(_convolvers(case, backward, device), runs)
            flop = 2 * (1 + backward) * case.batch * case.side**2 * 9 * case.c * case.f
            rows.append({"name": str(case), "side": case.side, "c": case.c, "f": case.f,
                         "direction": direction, "auto": auto, "flop": flop,
                         **summarise(seconds, auto)})
    return rows


def _convolvers(case, backward, device):
    ours = [Contender(method, minunet_work.convolution(case, method, backward, device),
                      _clock(device)) for method in case.methods]
    return ours + _rivals(lambda channels_last: torch_work.convolution(
        case, channels_last, backward, device), device)


def _memory(sizes, runs, device):
    """A row for each case: the median of up to three processes, as peaks differ by some percent."""
    names = ["minunet"]
    if torch_work.can_use(device):
        names += torch_work.VARIANTS["cpu"]
    return [{"name": str(case),
             "bytes": {name: peak_memory(name, case, min(runs, 3), threads(), device)
                       for name in names}} for case in sizes.memory]


def _growth(sizes, runs, device):
    """Training steps as one size grows: rows for each of three."""
    return {"pixels": _steps(sizes.pixels, runs, device),
            "batch": _steps(sizes.batch, runs, device),
            "channels": _steps(sizes.channels, runs, device)}


def _clock(device):
    return device_clock(array_module(to_device(np.zeros(1), device)))


PARTS = {"step": lambda sizes, runs, device: _steps(sizes.step, runs, device),
         "inference": _inference, "convolution": _convolutions, "memory": _memory,
         "growth": _growth,
         "roofline": lambda sizes, runs, device: measure_roofline(
             sizes.roofline, sizes.product_side, sizes.copy_bytes, runs, device)}
