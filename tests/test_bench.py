"""The benchmark: what it counts, what it compares, what it writes. No time is asserted."""

import json
import math
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from skimage.io import imread

import minunet.bench
from minunet import UNet, ops
from minunet.bench import Case, Convolution, Sizes, bench, memory, minunet_work, torch_work
from minunet.bench.clock import Contender, device_clock, host_clock, interleave, slope, summarise
from minunet.bench.machine import processor
from minunet.bench.memory import peak_memory
from minunet.bench.plots import figure_of
from minunet.bench.report import by_op, format_header, format_part
from minunet.bench.roofline import PER_ELEMENT, watched_step
from minunet.cli import main
from minunet.files import InputError
from minunet.layers import list_layers, parameter_shapes, trace
from minunet.train import segmentation_loss, train_step

SMALL, LARGE = Case(2, 32, 1), Case(2, 64, 1)
TINY = Sizes(step=(SMALL,), inference=(SMALL, LARGE), memory=(SMALL,),
             convolution=(Convolution(4, 2, 3, 1, ("loops", "im2col", "winograd")),
                          Convolution(8, 32, 32, 1)),
             pixels=(SMALL, LARGE), batch=(SMALL, Case(2, 32, 2)), channels=(SMALL, Case(4, 32, 1)),
             roofline=SMALL, product_side=32, copy_bytes=1 << 12)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Give (results, folder, printed text) of all parts, on a machine without PyTorch."""
    out, printed = tmp_path_factory.mktemp("bench"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)  # import torch fails
        results = bench(["all"], out, runs=1, sizes=TINY, show=printed.append)
    return results, out, "\n".join(printed)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def copied(net):
    """Give a network's parameters, as they are now."""
    return {name: p.copy() for name, p in net.params.items()}


# Timing


def test_contenders_take_turns_and_the_first_round_does_not_count():
    order, ticks = [], iter(range(100))
    contenders = [Contender(name, lambda name=name: order.append(name),
                            lambda run: (run(), next(ticks))[1]) for name in "ab"]
    assert interleave(contenders, runs=2, pause=0) == {"a": [2, 4], "b": [3, 5]}
    assert order == ["a", "b"] * 3


def test_a_ratio_is_of_the_same_round_and_to_the_better_variant():
    seconds = {"minunet": [1, 2, 9], "PyTorch, contiguous": [8, 8, 8],
               "PyTorch, channels last": [2, 2, 3]}
    summary = summarise(seconds)
    assert summary["seconds"] == {"minunet": 2, "PyTorch, contiguous": 8,
                                  "PyTorch, channels last": 2}
    assert summary["ratio"] == {"PyTorch": [0.5, 1, 3]}


def test_without_a_rival_there_is_no_ratio():
    assert summarise({"minunet": [1.0]})["ratio"] == {}


def test_the_slope_of_a_power_is_its_exponent():
    sizes = np.array([1, 2, 4, 8])
    assert slope(sizes, 3 * sizes**1.5) == pytest.approx((1.5, 3))


def test_a_gpu_is_timed_by_its_own_events():
    log = []

    class Event:
        def record(self):
            log.append("event")

        def synchronize(self):
            log.append("wait")

    xp = SimpleNamespace(cuda=SimpleNamespace(Event=Event, get_elapsed_time=lambda a, b: 250.0))
    assert device_clock(xp)(lambda: log.append("work")) == 0.25
    assert log == ["event", "work", "event", "wait"]
    assert device_clock(np) is host_clock


# Results


def test_every_part_has_a_table_with_its_rows(measured):
    results, _, printed = measured
    for rows in (results["step"], results["inference"], results["convolution"], results["memory"],
                 *results["growth"].values()):
        for row in rows:
            assert re.search(f"^{row['name']}.* –$", printed, re.MULTILINE)
    assert [len(results[part]) for part in ("step", "inference", "convolution", "memory")] == [
        1, 2, 4, 1]
    for op in ("conv", "batch_norm", "relu", "max_pool", "conv_transpose", "concat"):
        assert f"\n{op} forward" in printed
        assert f"\n{op} backward" in printed
    assert printed.count("^slope, slope ") == 3
    assert "no PyTorch: its columns are –" in printed
    assert results["machine"]["torch"] is None


def test_the_method_that_auto_takes_is_marked(measured):
    results, _, printed = measured
    assert [row["auto"] for row in results["convolution"]] == 2 * ["im2col"] + 2 * ["winograd"]
    line = next(line for line in printed.splitlines() if line.startswith("32 → 32"))
    cells = re.split("  +", line)
    assert cells[1] == "–"  # no loops at this size
    assert not cells[2].startswith("*")
    assert cells[3].startswith("*")


def test_the_files_are_whole_and_alone(measured):
    results, out, _ = measured
    assert sorted(path.name for path in out.iterdir()) == ["bench.json", "bench.png"]
    text = (out / "bench.json").read_text(encoding="utf-8")
    assert json.loads(text) == results
    assert str(out) not in text
    assert imread(out / "bench.png").shape[0] > 1000


def test_what_was_measured_before_a_part_fails_is_kept(tmp_path, monkeypatch):
    def fail(*_):
        raise InputError("no memory")

    monkeypatch.setitem(minunet.bench.PARTS, "memory", fail)
    with pytest.raises(InputError, match="no memory"):
        bench(["inference", "memory"], tmp_path, runs=1, sizes=TINY, show=lambda _: None)
    assert "inference" in json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert (tmp_path / "bench.png").exists()


def test_a_part_is_drawn_alone(measured):
    results, *_ = measured
    titles = {part: [axes.get_title() for axes in figure_of(results, [part]).axes]
              for part in minunet.bench.PARTS}
    assert {part: len(panels) for part, panels in titles.items()} == {
        "step": 1, "inference": 1, "convolution": 2, "memory": 1, "growth": 1, "roofline": 2}


def test_on_a_gpu_the_ratio_is_taken_with_and_without_tf32(measured):
    results, *_ = measured
    rivals = minunet.bench.torch_work.VARIANTS["cuda"]
    seconds = {"minunet": [4.0]} | {name: [float(i)] for i, name in enumerate(rivals, start=1)}
    row = {"name": str(SMALL), **summarise(seconds)}
    assert row["ratio"] == {"PyTorch float32": [4, 4, 4], "PyTorch TF32": [4 / 3] * 3} or (
        row["ratio"]["PyTorch TF32"][1] == pytest.approx(4 / 3, rel=1e-3))
    on_gpu = results | {"device": "cuda", "step": [row]}
    assert "4.00 (4.00 to 4.00)  1.33 (1.33 to 1.33)" in format_part(on_gpu, "step")
    assert figure_of(on_gpu, ["step"]).axes


def test_the_processor_is_named(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Abacus 3\nflags\t: x\n")
    assert processor(tmp_path / "cpuinfo") == "Abacus 3"
    assert processor(tmp_path / "missing")  # as Python knows it


# The roofline


def test_a_step_counts_the_multiplications_of_the_layers():
    case = Case(4, 32, 3)
    calls = watched_step(*minunet_work.learner(case, "cpu"), host_clock)
    config = UNet(3, 1, 4).config
    expected = 0
    for layer, (h, w) in zip(list_layers(config), trace(config, (32, 32)), strict=True):
        weight = parameter_shapes(layer, "batch").get("w")
        if weight:
            expected += 2 * 3 * h * w * math.prod(weight) // (4 if layer.kind == "up" else 1)
    flop = {direction: sum(call.flop for call in calls if call.direction == direction
                           and call.op in ("conv", "conv_transpose"))
            for direction in ("forward", "backward")}
    assert flop == {"forward": expected, "backward": 2 * expected}


def test_every_array_of_an_op_is_moved_once():
    case, itemsize = Case(4, 32, 2), 4
    calls = watched_step(*minunet_work.learner(case, "cpu"), host_clock)
    largest = {(call.op, call.direction): call for call in reversed(calls) if call.side == 32}
    map_bytes = 2 * 32 * 32 * 4 * itemsize  # an activation of the first level
    assert largest["relu", "forward"].bytes == 2 * map_bytes  # reads x, writes y
    assert largest["relu", "backward"].bytes == 3 * map_bytes  # reads dy and y, writes dx
    assert largest["concat", "forward"].bytes == 4 * map_bytes
    # Reads dy, of two maps, and writes one; the other stays where it is, a view.
    assert largest["concat", "backward"].bytes == 3 * map_bytes
    images = map_bytes * 3 // 4
    assert largest["conv", "forward"].bytes == images + 9 * 3 * 4 * itemsize + map_bytes


def test_a_watched_step_is_a_step():
    watched, plain = (minunet_work.learner(SMALL, "cpu") for _ in range(2))
    before = {name: getattr(ops, name) for name in ops.__all__}
    calls = watched_step(*watched, host_clock)
    train_step(*plain)
    assert {name: getattr(ops, name) for name in ops.__all__} == before
    after = copied(plain[0])
    assert all((p == after[name]).all() for name, p in watched[0].params.items())
    assert calls[-1].op == "adam"


def test_the_ops_are_put_back_after_an_error(monkeypatch):
    arguments = minunet_work.learner(SMALL, "cpu")
    before = ops.relu_forward
    monkeypatch.setattr("minunet.bench.roofline.train_step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watched_step(*arguments, host_clock)
    assert ops.relu_forward is before


def test_every_op_whose_arithmetic_is_counted_exists():
    assert set(PER_ELEMENT) - {"adam_update"} <= set(ops.__all__)


def test_the_bound_is_the_larger_of_arithmetic_and_memory():
    rows = [{"op": "conv", "direction": "forward", "side": side, "seconds": 1.0, "flop": flop,
             "bytes": 10} for side, flop in ((64, 200), (32, 20))]
    [row] = by_op({"rows": rows, "flop_rate": 10, "byte_rate": 2}).values()
    assert (row["arithmetic"], row["memory"], row["bound"]) == (22, 10, 20 + 5)


# Memory


@pytest.mark.skipif(memory.status("VmHWM") is None, reason="peak memory is read from /proc")
def test_peak_memory_holds_at_least_weights_images_and_optimiser():
    case = Case(8, 64, 4)
    weights = sum(p.nbytes for p in UNet(3, 1, 8).params.values())
    activation = 4 * 64 * 64 * 8 * 4  # of the first level, in bytes; norm and ReLU keep two
    least = 3 * weights + 4 * 2 * activation
    assert least < peak_memory("minunet", case, 1, "cpu") < 20 * least


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch):
    def missing(_):
        raise FileNotFoundError

    monkeypatch.setattr(memory.Path, "read_text", missing)
    assert memory.status("VmHWM") is None
    assert memory._measure("minunet", SMALL, 1, "cpu") is None


def test_a_process_that_fails_is_one_line():
    with pytest.raises(InputError, match="memory of minunet .*base_channels must be .*got 0") as e:
        peak_memory("minunet", Case(0, 32, 1), 1, "cpu")
    assert "\n" not in str(e.value)


def test_pytorch_is_measured_where_minunet_was_never_imported(torch):
    code = ("import runpy, sys; memory = runpy.run_path(sys.argv[1]); "
            "make, _ = memory['_torch_steps']('PyTorch, channels last', 1, 'cpu'); "
            "make((2, 32, 1))(); print('minunet' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code, memory.__file__], capture_output=True,
                          text=True, check=True)
    assert done.stdout.strip() == "False"


# PyTorch


def as_torch(torch, array):
    return torch.from_numpy(array).movedim(-1, 1).contiguous()


def test_the_twin_computes_the_same_and_so_does_its_loss(torch):
    net, _, images, target = minunet_work.learner(Case(2, 32, 2), "cpu")
    twin = torch_work.twin(2)
    weights = {name: torch.from_numpy(np.moveaxis(p, (-1, -2), (0, 1)).copy() if p.ndim == 4 else p)
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
    theirs = twin(as_torch(torch, images))
    assert np.abs(logits - theirs.detach().movedim(1, -1).numpy()).max() < 1e-4
    ours, _ = segmentation_loss(logits, target)
    assert float(torch_work.loss(theirs, as_torch(torch, target))) == pytest.approx(float(ours))


def test_both_layouts_compete(torch, tmp_path):
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
def test_pytorchs_step_learns_and_its_images_have_the_layout(torch, channels_last):
    run = torch_work.training_step(SMALL, channels_last, "cpu")
    net, images = run.__closure__ and (
        {cell.cell_contents.__class__.__name__: cell.cell_contents for cell in run.__closure__}[name]
        for name in ("Twin", "Tensor"))
    before = [p.detach().clone() for p in net.parameters()]
    run()
    assert all((p != q).any() for p, q in zip(net.parameters(), before, strict=True))


def test_pytorchs_gradients_are_both_of_a_convolution(torch):
    case = Convolution(8, 2, 3, 1)
    dx, dw = torch_work.convolution(case, True, True, "cpu")()
    assert (tuple(dx.shape), tuple(dw.shape)) == ((1, 2, 8, 8), (3, 2, 3, 3))
    y = torch_work.convolution(case, True, False, "cpu")()
    assert tuple(y.shape) == (1, 3, 8, 8)


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_what_was_asked_for(torch, monkeypatch, allowed):
    for switches in (torch.backends.cudnn, torch.backends.cuda.matmul):
        monkeypatch.setattr(switches, "allow_tf32", not allowed)
    seen = torch_work.with_tf32(lambda: (torch.backends.cudnn.allow_tf32,
                                         torch.backends.cuda.matmul.allow_tf32), allowed)()
    assert seen == (allowed, allowed)


# The command


def test_the_command_measures_prints_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(minunet.bench, "Sizes", lambda: TINY)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["bench", "inference", "--out", str(tmp_path / "new"), "--runs", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("minunet bench inference --runs 1 --device cpu\n")
    assert str(SMALL) in printed
    assert json.loads((tmp_path / "new" / "bench.json").read_text(encoding="utf-8"))["runs"] == 1


@pytest.mark.parametrize("arguments, text", [
    (["speed"], "part must be one of step, inference, .* got 'speed'"),
    (["--runs", "0"], "0 is not a whole number from 1"),
    (["--device", "tpu"], "device must be"),
    (["--out", "/proc/self/bench"], "cannot write to the folder"),
])
def test_bad_arguments_are_one_line(arguments, text, capsys):
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(f"minunet: error: .*{text}.*\n", error)


def test_a_wrong_count_of_threads_is_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MINUNET_THREADS", "many")
    assert main(["bench", "step", "--out", str(tmp_path)]) == 2
    assert "MINUNET_THREADS must be" in capsys.readouterr().err
