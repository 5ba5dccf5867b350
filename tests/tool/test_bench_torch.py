"""The benchmark's rival: the same network, the same loss, in PyTorch."""

import subprocess
import sys

import numpy as np
import pytest

import minunet.tool.bench
from minunet.tool.bench import Case, Convolution, Sizes, bench, memory, minunet_work, torch_work
from minunet.tool.bench.report import format_header, format_part
from minunet.train import segmentation_loss

torch = pytest.importorskip("torch")

SMALL = Case(2, 32, 1)
TINY = Sizes(inference=(SMALL,), convolution=(Convolution(8, 2, 3, 1),))


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
    results = bench(["inference", "convolution"], tmp_path, runs=1, sizes=TINY,
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
            assert torch_work.with_tf32(lambda: [switch.allow_tf32 for switch in switches],
                                        allowed)() == 2 * [allowed]
    finally:
        for switch, allowed in zip(switches, before, strict=True):
            switch.allow_tf32 = allowed


def test_pytorch_is_measured_where_minunet_was_never_imported():
    code = ("import runpy, sys; memory = runpy.run_path(sys.argv[1]); "
            "make, _ = memory['_torch_steps']('PyTorch, channels last', 1, 'cpu'); "
            "make((2, 32, 1))(); print('minunet' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code, memory.__file__], capture_output=True,
                          text=True, check=True)
    assert done.stdout.strip() == "False"


def test_on_a_gpu_each_layout_competes_in_both_precisions(monkeypatch):
    layouts = []
    monkeypatch.setattr(torch_work, "can_use", lambda device: True)
    monkeypatch.setattr(torch_work, "with_tf32", lambda run, allowed: allowed)
    contenders = minunet.tool.bench._rivals(layouts.append, "cuda")
    assert [contender.name for contender in contenders] == [
        "PyTorch float32, contiguous", "PyTorch float32, channels last",
        "PyTorch TF32, contiguous", "PyTorch TF32, channels last"]
    assert layouts == [False, True, False, True]  # channels last
    assert [contender.run for contender in contenders] == [False, False, True, True]  # TF32
    assert {contender.clock for contender in contenders} == {torch_work.event_clock}
