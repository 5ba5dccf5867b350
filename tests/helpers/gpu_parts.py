"""What is looked at on a GPU, a part in a process: ``gpu_parts.py PART SCRATCH [--tiny]``.

A part prints its figures as rows while they come (``ROW`` and JSON), so that those which there are
count even if it fails later. `gpu_figures` gathers them. With ``--tiny`` everything is small: for
the test that runs all this without a GPU.
"""

import json
import re
import subprocess
import sys
import time
from statistics import median
from types import SimpleNamespace

import numpy as np

from minunet import UNet, plain
from minunet.engine.backend import cuda_problem, to_host
from minunet.tool.bench import minunet_work, torch_work
from minunet.tool.bench.minunet_work import Case, Convolution

TINY = "--tiny" in sys.argv
WARM, RUNS, SECONDS = (1, 1, 0) if TINY else (2, 9, 12)  # runs before and at most; enough seconds
LARGE = Case(2, 32, 2) if TINY else Case(32, 512, 16)
CASES = (LARGE,) if TINY else (LARGE, Case(32, 256, 4), Case(16, 128, 16), Case(16, 128, 1))
CONVOLUTIONS = ((Convolution(8, 2, 2, 1),) if TINY else
                (Convolution(512, 32, 32, 4), Convolution(256, 64, 64, 8),
                 Convolution(128, 128, 128, 16), Convolution(32, 512, 512, 16)))


def row(what, value):
    """Print a figure for `gpu_figures`."""
    print("ROW " + json.dumps({"what": what, "value": value}, ensure_ascii=False), flush=True)


def device(scratch):
    """Say what there is, or what is amiss."""
    facts = {"problem": cuda_problem()}
    if not facts["problem"]:
        import cupy

        facts = {"gpu": cupy.cuda.runtime.getDeviceProperties(0)["name"].decode(),
                 "CuPy": cupy.__version__, "NumPy": np.__version__,
                 "PyTorch": torch_work.version()}
    print("ROW " + json.dumps(facts))


def first(scratch):
    """Compile what a step and inference need, for the parts that are timed: CuPy keeps it."""
    began = time.perf_counter()
    for method in minunet_work.FAST:
        for backward in (False, True):
            minunet_work.convolution(Convolution(32, 64, 64, 2), method, backward, "cuda")()
    small = Case(2, 32, 2) if TINY else Case(32, 64, 2)
    float(minunet_work.training_step(small, "cuda")())
    to_host(minunet_work.inference(small, "cuda")())
    row("compiled, and small things done once, in seconds", round(time.perf_counter() - began, 1))


def step(scratch):
    """Time training steps and inference, of several sizes."""
    for case in CASES:
        for kind in ("training_step", "inference"):
            timed(f"{kind}, {case}", getattr(minunet_work, kind)(case, "cuda"), cupy_clock)
            free()


def torch(scratch):
    """Time PyTorch's training step and inference, in both layouts, with and without TF32."""
    if not torch_work.can_use("cuda"):
        return row("PyTorch", "not there, or finds no GPU")
    for case in CASES:
        for kind in ("training_step", "inference"):
            for name, (channels_last, tf32) in torch_work.VARIANTS["cuda"].items():
                run = getattr(torch_work, kind)(case, channels_last, "cuda")
                timed(f"{kind}, {case}, {name}", torch_work.with_tf32(run, tf32),
                      lambda run: (torch_work.event_clock(run), 0))


def convolution(scratch):
    """Time a convolution by each method, forwards and backwards."""
    for case in CONVOLUTIONS:
        for method in case.methods:
            for direction in ("forward", "backward"):
                timed(f"{case}, {direction}, {method}", minunet_work.convolution(
                    case, method, direction == "backward", "cuda"), cupy_clock)
                free()


def counts(scratch):
    """Count what a step moves between host and GPU, how often it waits, and its memory."""
    import cupy

    counted = SimpleNamespace(uploads=0, waits=0)
    pinned = cupy.cuda.PinnedMemoryPool()

    def upload(size):  # CuPy copies what goes to the GPU into such memory first
        counted.uploads += 1
        return pinned.malloc(size)

    run = minunet_work.training_step(LARGE, "cuda")
    for _ in range(WARM):
        float(run())
    cupy.cuda.set_pinned_memory_allocator(upload)
    watched = cupy._core.syncdetect  # called whenever the host waits for a number
    watched._declare_synchronize = lambda: setattr(counted, "waits", counted.waits + 1)
    used = before = cupy.get_default_memory_pool().used_bytes()

    class Peak(cupy.cuda.MemoryHook):
        name = "peak"

        def malloc_postprocess(self, *, mem_size, **_):
            nonlocal used, peak
            used += mem_size
            peak = max(peak, used)

        def free_preprocess(self, *, mem_size, **_):
            nonlocal used
            used -= mem_size

    peak = used
    with Peak():
        loss = run()
    row(f"copies to the GPU in a warm step, {LARGE}", counted.uploads)
    row("times that the host waits in it", counted.waits)
    float(loss)
    row("the same with the loss read", counted.waits)
    row("memory: arrays between steps, MiB", before >> 20)
    row("memory: arrays at the peak of a step, MiB", peak >> 20)
    row("memory: taken from the GPU, MiB",
        cupy.get_default_memory_pool().total_bytes() >> 20)


def tests(scratch):
    """Run the tests that need a GPU, several at a time if pytest-xdist is there."""
    try:
        import xdist  # noqa: F401 (whether it is there)
        several = ["-n", "6"]
    except ImportError:
        several = []
    where = ["tests/ops/test_activation.py"] if TINY else ["tests"]
    # On a machine of another kind, other packages may warn: to be seen, and no error.
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-W", "default",
                           "-p", "no:cacheprovider", "-p", "no:benchmark", *several, *where],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    said = done.stdout.strip().splitlines()[-1].strip("= ")
    row("tests marked gpu", said)
    if done.returncode or not re.search("[1-9][0-9]* passed", said):
        sys.exit(said)


def plain_network(scratch):
    """Let `minunet.plain`, which knows of no GPU, compute on one."""
    import cupy

    side, steps = (16, 3) if TINY else (64, 20)
    rng, depth = np.random.default_rng(0), 2
    x = rng.normal(size=(2, side, side, 3))
    target = (x[..., :1] > 1) * 1.0
    losses = {}
    for name, there in (("NumPy", np.array), ("CuPy", cupy.asarray)):
        p = {k: there(a) for k, a in UNet(3, 1, 4, depth, dtype="float64").params.items()}
        arguments = there(x), there(target), p, depth, {}
        losses[name] = [float(plain.train_step(*arguments)[0]) for _ in range(steps)]
        row(f"{name}: loss before, and after {steps - 1} steps",
            f"{losses[name][0]:.4f}, {losses[name][-1]:.4f}")
    worst = max(abs(a - b) for a, b in zip(*losses.values(), strict=True))
    row("largest difference of a loss", f"{worst:.1e}")
    if not worst < 1e-6:
        sys.exit("CuPy's losses are not NumPy's")


def demo(scratch):
    """Run the demo as a user would."""
    from minunet.tool import cli
    from minunet.tool import demo as small
    from minunet.train import Settings

    if TINY:
        small.SETTINGS = Settings(size=32, base_channels=2, depth=1, epochs=1, batch_size=4)
        small.TRAINING, small.HELD_OUT, small.SLICES = 2, 1, 4
    began = time.perf_counter()
    code = cli.main(["demo", "--device", "cuda", "--out", scratch])
    if code:
        sys.exit(code)
    row("minunet demo --device cuda, seconds", round(time.perf_counter() - began, 1))
    with open(f"{scratch}/history.csv", encoding="utf-8") as file:
        names, *_, last = [line.strip().split(",") for line in file]
    row("its mean Dice on held-out patients", last[names.index("validation_dice_mean")])


def timed(what, run, clock):
    """Print the median time of some runs on the GPU, and the host's part of it."""
    for _ in range(WARM):
        clock(run)
    times, began = [], time.monotonic()
    while len(times) < RUNS and (len(times) < 3 or time.monotonic() - began < SECONDS / 4):
        times.append(clock(run))
    on_gpu, on_host = (median(each) for each in zip(*times, strict=True))
    host = f", the host is done after {1e3 * on_host:.2f}" if on_host else ""
    row(what, f"{1e3 * on_gpu:.2f} ms ({len(times)} runs){host}")


def cupy_clock(run):
    """Give the seconds between two events in the GPU's queue, and those until ``run()`` returns."""
    import cupy

    began, ended, clock = cupy.cuda.Event(), cupy.cuda.Event(), time.perf_counter()
    began.record()
    run()
    ended.record()
    host = time.perf_counter() - clock
    ended.synchronize()
    return cupy.cuda.get_elapsed_time(began, ended) / 1e3, host  # from milliseconds


def free():
    """Give the memory of what was timed back, so that the next has all of it."""
    import cupy

    cupy.get_default_memory_pool().free_all_blocks()


PARTS = {"device": device, "first": first, "step": step, "step in TF32": step, "PyTorch": torch,
         "convolution": convolution, "counts": counts, "tests": tests, "plain": plain_network,
         "demo": demo}

if __name__ == "__main__":
    PARTS[sys.argv[1]](sys.argv[2])
