"""The parts of the benchmark: each measures something, and gives rows."""

from dataclasses import dataclass
from functools import partial
from itertools import chain
from statistics import median_low

from minunet.ops.fast.choose import METHODS, choose
from minunet.tool.bench import torch_work
from minunet.tool.bench.clock import digits, interleave, summarise
from minunet.tool.bench.minunet_work import FAST, Case, Convolution
from minunet.tool.bench.processes import running, start
from minunet.tool.bench.ranks import measure_ranks
from minunet.tool.bench.roofline import measure_roofline

TINY = Case(2, 32, 1)  # to load what the libraries load on first use
STEPS = 2  # the optimiser's state is there from the first, and beside the second's activations


@dataclass(frozen=True)
class Sizes:
    """What each part of the benchmark measures."""

    step: tuple = (Case(32, 256, 4), Case(16, 128, 16), Case(16, 128, 1), Case(8, 64, 8))
    inference: tuple = (Case(32, 256, 4), Case(32, 256, 1))
    memory: tuple = (Case(32, 256, 4), Case(16, 128, 16))
    convolution: tuple = (
        Convolution(16, 16, 16, 1, ("loops", *FAST)), Convolution(256, 3, 32, 4),
        Convolution(256, 32, 32, 4), Convolution(128, 64, 64, 4), Convolution(64, 128, 128, 4),
        Convolution(32, 256, 256, 4), Convolution(16, 512, 512, 4))
    pixels: tuple = tuple(Case(16, side, 1) for side in (128, 192, 256, 384, 512))
    batch: tuple = tuple(Case(16, 128, batch) for batch in (1, 2, 4, 8))
    channels: tuple = tuple(Case(base, 128, 1) for base in (8, 16, 32, 64))
    image: Case = Case(32, 4096, 1)
    ranks: tuple = (Case(32, 128, 8), Case(16, 128, 16), Case(16, 96, 8))
    roofline: Case = Case(32, 256, 4)
    product_side: int = 3072
    copy_bytes: int = 1 << 28
    least: float = 0.2  # seconds that a timing lasts: what is short is repeated


def _rivals(device):
    """PyTorch in both layouts, on a GPU with and without TF32; none where it cannot be used."""
    return torch_work.VARIANTS[device] if torch_work.can_use(device) else {}


def _processes(device, what):
    """Run minunet and its rivals: processes for as long as a block lasts, by name."""
    starters = {"minunet": partial(start, "minunet", "minunet", device, what)}
    for name, (_, tf32) in _rivals(device).items():
        starters[name] = partial(start, name, "PyTorch", device, what, tf32)
    return running(starters)


def _timer(process, *work):
    """Let a process make work ready; give a function that has it done, and gives the seconds."""
    return partial(process.ask, "time", process.ask("prepare", *work))


def _compare(kind, case, sizes, runs, device):
    """Time the same work in minunet and PyTorch: a row."""
    with _processes(device, str(case)) as processes:
        timers = {"minunet": _timer(processes["minunet"], sizes.least, kind, case)}
        for name, (channels_last, _) in _rivals(device).items():
            timers[name] = _timer(processes[name], sizes.least, kind, case, channels_last)
        seconds = interleave(timers, runs)
    return {"name": str(case), **case._asdict(), **summarise(seconds)}


def _steps(sizes, runs, device):
    return [_compare("training_step", case, sizes, runs, device) for case in sizes.step]


def _inference(sizes, runs, device):
    return [_compare("inference", case, sizes, runs, device) for case in sizes.inference]


def _convolutions(sizes, runs, device):
    """Two rows for each convolution, forward and backward; see `_convolution`."""
    rows = []
    for case in sizes.convolution:
        with _processes(device, str(case)) as processes:
            rows += [_convolution(processes, case, direction, sizes, runs, device)
                     for direction in ("forward", "backward")]
    return rows


def _convolution(processes, case, direction, sizes, runs, device):
    """A convolution by each method: a row, whose ratio is that of the method "auto" takes."""
    backward = direction == "backward"
    timers = {method: _timer(processes["minunet"], sizes.least, "convolution", case, method,
                             backward) for method in case.methods}
    for name, (channels_last, _) in _rivals(device).items():
        timers[name] = _timer(processes[name], sizes.least, "convolution", case, channels_last,
                              backward)
    auto = choose("auto", (3, 3, case.c, case.f), (1, 1), (1, 1), (case.side, case.side))
    [auto] = [name for name, module in METHODS.items() if module is auto]
    flop = 2 * (1 + backward) * case.batch * case.side**2 * 9 * case.c * case.f
    return {"name": str(case), "side": case.side, "c": case.c, "f": case.f,
            "direction": direction, "auto": auto, "flop": flop,
            **summarise(interleave(timers, runs), auto)}


def _memory(sizes, runs, device):
    """A row for each case: the median of up to three processes, as peaks differ by some percent."""
    rows = []
    for case in sizes.memory:
        peaks = {}
        for name, library, *layout in (
                ("minunet", "minunet"),
                *((name, "PyTorch", torch_work.VARIANTS["cpu"][name][0])
                  for name in torch_work.VARIANTS["cpu"] if torch_work.can_use(device))):
            each = [_peak(name, library, STEPS, "training_step", case, device, *layout)[0]
                    for _ in range(min(runs, 3))]
            peaks[name] = None if None in each else median_low(each)
        rows.append({"name": str(case), "bytes": peaks})
    return rows


def _peak(name, library, times, kind, case, device, *layout):
    """Do work some times in a fresh process; give its peak (None: unknown) and its seconds."""
    with running({name: partial(start, name, library, device, str(case))}) as processes:
        return processes[name].ask("peak", times, kind, TINY, case, *layout)


def _growth(sizes, runs, device):
    """Training steps as one size grows: rows for each of three. Common cases are timed once."""
    axes = {"pixels": sizes.pixels, "batch": sizes.batch, "channels": sizes.channels}
    rows = {case: _compare("training_step", case, sizes, runs, device)
            for case in dict.fromkeys(chain(*axes.values()))}
    return {axis: [rows[case] for case in cases] for axis, cases in axes.items()}


def _image(sizes, runs, device):
    """One large image, once and from the start, as ``minunet predict`` has it: a row."""
    case = sizes.image
    peak, seconds = _peak("minunet", "minunet", 1, "large_image", case, device)
    return [{"name": str(case), "bytes": {"minunet": peak},
             "seconds": {"minunet": digits(seconds)}}]


def _roofline(sizes, runs, device):
    """The step's ops, in this process: nobody else takes part."""
    return measure_roofline(sizes.roofline, sizes.product_side, sizes.copy_bytes, runs, device)


def _ranks(sizes, runs, device):
    """On the CPU, whatever the device."""
    return measure_ranks(sizes.ranks, runs)


PARTS = {"step": _steps, "inference": _inference, "convolution": _convolutions,
         "memory": _memory, "growth": _growth, "image": _image, "roofline": _roofline,
         "ranks": _ranks}
