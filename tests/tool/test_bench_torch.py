"""The benchmark's rival: the same network, the same loss, in PyTorch."""

import subprocess

import numpy as np
import pytest

from minunet.tool.bench import minunet_work, parts, torch_work
from minunet.tool.bench.minunet_work import Case, Convolution
from minunet.tool.bench.parts import Sizes
from minunet.tool.bench.processes import start
from minunet.tool.bench.report import format_header, format_part
from minunet.tool.bench.run import bench
from minunet.train import segmentation_loss

torch = pytest.importorskip("torch")

SMALL = Case(2, 32, 1)
TINY = Sizes(inference=(SMALL,), convolution=(Convolution(8, 2, 3, 1),), least=0)


def as_torch(array):
    return torch.from_numpy(array).movedim(-1, 1).contiguous()


def test_the_twin_computes_the_same_and_so_does_its_loss():
    net, _, images, target = minunet_work.learner(Case(2, 32, 2), "cpu")
    twin = torch_work.twin(2)
    weights = {name: torch.from_numpy(p.transpose(3, 2, 0, 1).copy() if p.ndim == 4 else p)
               for name, p in net.params.items()}
    blocks = {f"down.{level - 1}": f"enc{level}" for level in range(1, 5)} | {"down.4": "bottom"}
    for i, level in enumerate((4, 3, 2, 1)):
        blocks |= {f"dec.{i}": f"dec{level}", f"up.{i}": f"dec{level}.up"}
    places = {"0": "conv1", "1": "norm1", "3": "conv2", "4": "norm2"}
    with torch.no_grad():
        for name, value in twin.named_parameters():
            *block, kind = name.split(".")
            place = "head" if block == ["head"] else blocks[".".join(block[:2])]
            place += f".{places[block[2]]}" if len(block) > 2 else ""
            short = {"weight": "gamma" if "norm" in place else "w",
                     "bias": "beta" if "norm" in place else "b"}[kind]
            value.copy_(weights.pop(f"{place}.{short}"))
    assert not weights  # none is left over
    logits, _ = net.forward(images, training=True)
    theirs = twin(as_torch(images))
    assert np.abs(logits - theirs.detach().movedim(1, -1).numpy()).max() < 1e-4
    loss, _ = segmentation_loss(logits, target)
    their_loss = torch_work.loss(theirs.detach(), as_torch(target))
    assert float(their_loss) == pytest.approx(float(loss), rel=1e-5)


def test_both_layouts_compete(tmp_path):
    printed = []
    results, _ = bench(["inference", "convolution"], tmp_path, runs=1, sizes=TINY,
                       show=printed.append)
    assert results["machine"]["torch"] == torch.__version__
    for row in (*results["inference"], *results["convolution"]):
        assert {"PyTorch, contiguous", "PyTorch, channels last"} <= set(row["seconds"])
        low, middle, high = row["ratio"]["PyTorch"]
        assert 0 < low <= middle <= high
    assert "–" not in format_part(results, "inference")
    assert f"PyTorch {torch.__version__}" in format_header(results)


@pytest.mark.parametrize("channels_last", [False, True])
def test_pytorchs_step_learns(channels_last):
    step = torch_work.training_step(Case(4, 32, 2), channels_last, "cpu")
    first = step()
    assert min(step() for _ in range(20)) < first


def test_the_layouts_differ():
    layer = torch.nn.Conv2d(3, 5, 3)
    for channels_last, layout in ((False, torch.contiguous_format), (True, torch.channels_last)):
        layer, images = torch_work._ready(layer, (2, 3, 8, 8), channels_last, "cpu")
        assert images.is_contiguous(memory_format=layout)
        assert layer.weight.is_contiguous(memory_format=layout)


def test_pytorchs_gradients_are_both_of_a_convolution():
    case = Convolution(8, 2, 3, 1)
    dx, dw = torch_work.convolution(case, True, True, "cpu")()
    assert (tuple(dx.shape), tuple(dw.shape)) == ((1, 2, 8, 8), (3, 2, 3, 3))
    y = torch_work.convolution(case, True, False, "cpu")()
    assert tuple(y.shape) == (1, 3, 8, 8)


def test_tf32_is_what_was_asked_for():
    switches = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [switch.allow_tf32 for switch in switches]
    try:
        for allowed in (True, False):
            torch_work.use_tf32(allowed)
            torch_work.use_tf32(None)  # leaves it
            assert [switch.allow_tf32 for switch in switches] == 2 * [allowed]
    finally:
        for switch, allowed in zip(switches, before, strict=True):
            switch.allow_tf32 = allowed


def test_pytorch_is_measured_where_minunet_was_never_imported(monkeypatch):
    started = []
    monkeypatch.setattr("minunet.tool.bench.processes.Process",
                        lambda name, command, what: started.append(command))
    start("PyTorch, channels last", "PyTorch", "cpu", "a step")
    *python, file, arguments = started[0]
    code = ("import runpy, sys; main = runpy.run_path(sys.argv[1])['main']; main(*eval(sys.argv[2]"
            ".replace('null', 'None'))); print('torch' in sys.modules, 'minunet' in sys.modules)")
    ask = '["prepare", 0, "training_step", [2, 32, 1], true]\n'
    done = subprocess.run([python[0], "-c", code, file, arguments], input=ask,
                          capture_output=True, text=True, check=True)
    assert done.stdout == '"ready"\n0\n'
    assert done.stderr == "True False\n"  # what is printed there is no answer


def test_on_a_gpu_each_layout_competes_in_both_precisions(monkeypatch):
    asked = {}

    class Fake:
        def __init__(self, name, library, device, what, tf32=None):
            self.name = (name, library, device, tf32)

        def ask(self, verb, *work):
            asked.setdefault(self.name, []).append((verb, *work))
            return 1.0

        answer = end = lambda self: None

    monkeypatch.setattr(torch_work, "can_use", lambda device: True)
    monkeypatch.setattr(parts, "start", Fake)
    [row] = parts.PARTS["step"](Sizes(step=(SMALL,)), 1, "cuda")
    assert set(row["ratio"]) == {"PyTorch float32", "PyTorch TF32"}
    assert [(name, tf32) for name, library, _, tf32 in asked if library == "PyTorch"] == [
        ("PyTorch float32, contiguous", False), ("PyTorch float32, channels last", False),
        ("PyTorch TF32, contiguous", True), ("PyTorch TF32, channels last", True)]
    prepared = [requests[0] for requests in asked.values()]
    assert prepared[0] == ("prepare", 0.2, "training_step", SMALL)
    assert [request[-1] for request in prepared[1:]] == [False, True, False, True]
