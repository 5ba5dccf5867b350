"""The benchmark: what it counts, what it compares, what it writes. No time is asserted."""

import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from image_files import imread

from minunet.engine.files import InputError
from minunet.ops.fast.choose import METHODS, choose
from minunet.tool.bench import minunet_work, parts, ranks, report, run, torch_work
from minunet.tool.bench.clock import (
    device_clock,
    host_clock,
    interleave,
    slope,
    straight_line,
    summarise,
)
from minunet.tool.bench.minunet_work import FAST, Case, Convolution
from minunet.tool.bench.parts import PARTS, Sizes
from minunet.tool.bench.plots import PANELS, figure_of
from minunet.tool.bench.report import format_header, format_part
from minunet.tool.bench.run import bench
from minunet.tool.bench.worker import Worker
from minunet.tool.cli import main

SMALL, LARGE = Case(2, 32, 1), Case(2, 64, 1)
TINY = Sizes(step=(SMALL,), inference=(SMALL, LARGE), memory=(SMALL,),
             convolution=(Convolution(4, 2, 3, 1, ("loops", *FAST)),
                          Convolution(8, 32, 32, 1)),
             pixels=(SMALL, LARGE), batch=(SMALL, Case(2, 32, 2)), channels=(SMALL, Case(4, 32, 1)),
             image=LARGE, roofline=SMALL, product_side=32, copy_bytes=1 << 12, least=0,
             ranks=(Case(2, 32, 2),))


class Here:
    """Stands in for a process: a worker in this one, which answers as by JSON."""

    def __init__(self, name, library, device, what):
        self.worker = Worker(minunet_work, device)

    def ask(self, verb, *arguments):
        return json.loads(json.dumps(getattr(self.worker, verb)(*arguments)))

    def answer(self):
        """Say that it is ready."""

    def end(self):
        """Do nothing: there is no process."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Give (results, file, printed text) of all parts, on a machine without PyTorch."""
    out, printed = tmp_path_factory.mktemp("bench"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)  # import torch fails
        patch.setattr(parts, "start", Here)
        results, path = bench(["all"], out, runs=1, sizes=TINY, show=printed.append)
    return results, path, "\n".join(printed)


# Timing


def test_contenders_take_turns_and_the_first_round_does_not_count():
    order, ticks = [], iter(range(100))
    contenders = {name: lambda name=name: (order.append(name), next(ticks))[1] for name in "ab"}
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


def test_what_costs_the_same_at_every_size_is_told_from_what_grows():
    sizes = np.array([1, 2, 4, 8])
    assert straight_line(sizes, 40 + 30 * sizes) == pytest.approx((40, 30))


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
    for op in ("conv", "batch_norm_relu", "max_pool", "conv_transpose", "concat"):
        assert f"\n{op} forward" in printed
        assert f"\n{op} backward" in printed
    assert "\nadd backward" in printed
    assert printed.count("^slope, slope ") == 3
    assert "· pixels / 1,024" in printed
    assert "no PyTorch: its columns are –" in printed
    assert results["machine"]["torch"] is None
    assert re.search(f"^{results['image'][0]['name']} .* (ms|s) .* (MiB|–)$", printed, re.MULTILINE)
    assert set(results["dates"]) == set(PARTS)


def test_ranks_are_timed_where_there_is_an_mpi(measured):
    results, _, printed = measured
    [row] = results["ranks"]
    assert [*row["seconds"]] == list(ranks.VARIANTS)[:3 if ranks.mpiexec() else 2]
    assert re.search(r"^base 2, 32×32, batch 2 .* (1\.\d{3}|–)$", printed, re.MULTILINE)
    assert bool(row["sent"]) == bool(ranks.mpiexec())


def test_without_mpi_one_process_is_timed(monkeypatch):
    monkeypatch.setattr(ranks, "mpiexec", lambda: None)
    monkeypatch.setattr(ranks, "_run", lambda case, *how: {"seconds": sum(how), "sent": 0,
                                                           "gradients": 8})
    [row] = ranks.measure_ranks([SMALL], 3)
    assert row["seconds"] == {"1 rank, 1 thread": 2, "1 rank, 2 threads": 3}
    assert format_part({"ranks": [row], "device": "cpu"}, "ranks").endswith("–             –")


def test_a_case_that_two_axes_of_growth_share_is_timed_once(monkeypatch):
    timed = []
    monkeypatch.setattr(parts, "_compare", lambda kind, case, *_: timed.append(case) or len(timed))
    growth = PARTS["growth"](TINY, 1, "cpu")
    assert len(timed) == len(set(timed)) == 4
    assert [timed[number - 1] for number in growth["batch"]] == list(TINY.batch)
    assert growth["pixels"][0] == growth["batch"][0] == growth["channels"][0]


@pytest.mark.parametrize("runs, words", [(1, "Medians of 1 round,"), (7, "Medians of 7 rounds,")])
def test_one_round_is_no_rounds(measured, runs, words):
    header = format_header(measured[0] | {"runs": runs})
    assert words in header
    assert "1 threads" not in header


@pytest.mark.parametrize("sizes, bars", [([None], []), ([0], []), ([0, 1 << 30], ["0.00", "1.00"])])
def test_memory_that_the_system_does_not_tell_has_no_bar(measured, sizes, bars):
    rows = [{"name": "a step", "bytes": {"minunet": size}} for size in sizes]
    axes = figure_of({**measured[0], "memory": rows}, ["memory"]).axes[0]
    assert [text.get_text() for text in axes.texts] == bars
    assert (axes.get_legend() is None) is (not bars)


def test_the_method_that_auto_takes_is_marked(measured):
    results, _, printed = measured
    for row, case in zip(results["convolution"][::2], TINY.convolution, strict=True):
        auto = choose("auto", (3, 3, case.c, case.f), (1, 1), (1, 1), (case.side, case.side))
        assert METHODS[row["auto"]] is auto
    lines = [line for line in printed.splitlines() if re.search("(for|back)ward  ", line)
             and "→" in line]
    for row, line in zip(results["convolution"], lines, strict=True):
        cells = dict(zip(report.METHODS, re.split("  +", line)[1:], strict=False))
        assert [name for name, cell in cells.items() if cell.startswith("*")] == [row["auto"]]
        assert (cells["loops"] == "–") is (row["c"] == 32)  # no loops at this size


def test_the_files_are_whole_and_alone(measured):
    results, path, _ = measured
    assert path.name.startswith("bench-")
    picture = path.with_suffix(".png")
    assert {each.name for each in path.parent.iterdir()} == {path.name, picture.name}
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == results
    assert str(path.parent) not in text
    assert imread(picture).shape[0] > 1000


def measure(path, parts, runs=1):
    """Measure parts with PARTS that only say that they ran."""
    return bench(parts, path, runs=runs, sizes=TINY, show=lambda _: None)


@pytest.fixture
def quick(monkeypatch):
    """Parts that measure nothing, and give a row."""
    row = {"name": str(SMALL), "seconds": {"minunet": 1.0}, "ratio": {}}
    for part in ("step", "inference"):
        monkeypatch.setitem(PARTS, part, lambda *_: [row])
    return row


def test_what_was_measured_before_a_part_fails_is_kept(tmp_path, monkeypatch, quick):
    def fail(*_):
        raise InputError("no memory")

    monkeypatch.setitem(PARTS, "memory", fail)
    with pytest.raises(InputError, match="no memory"):
        measure(tmp_path, ["inference", "memory"])
    [path] = tmp_path.glob("*.json")
    assert "inference" in json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".png").exists()


def test_parts_measured_alike_come_together_in_one_file(tmp_path, quick):
    measure(tmp_path, ["inference"])
    results, path = measure(tmp_path, ["step"])
    assert results["inference"] == results["step"] == [quick]
    assert json.loads(path.read_text(encoding="utf-8")) == results
    assert "inference" not in measure(tmp_path, ["step"], runs=2)[0]  # measured otherwise


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_file_that_is_none_of_ours_begins_anew(tmp_path, quick, text):
    _, path = measure(tmp_path, ["inference"])
    path.write_text(text, encoding="utf-8")
    assert "inference" not in measure(tmp_path, ["step"])[0]


def test_a_part_is_drawn_alone(measured):
    results, *_ = measured
    titles = {part: [axes.get_title() for axes in figure_of(results, [part]).axes]
              for part in PANELS}
    assert {part: len(panels) for part, panels in titles.items()} == {
        "step": 1, "inference": 1, "convolution": 2, "memory": 1, "growth": 1, "roofline": 2}


def test_on_a_gpu_the_ratio_is_taken_with_and_without_tf32(measured):
    results, *_ = measured
    seconds = {"minunet": [4]} | dict(zip(torch_work.VARIANTS["cuda"], ([8], [2], [1], [5]),
                                          strict=True))
    row = {"name": str(SMALL), **summarise(seconds)}
    assert row["ratio"] == {"PyTorch float32": [2, 2, 2], "PyTorch TF32": [4, 4, 4]}
    on_gpu = results | {"device": "cuda", "step": [row]}
    cells = re.split("  +", format_part(on_gpu, "step").splitlines()[-1])
    assert cells == [str(SMALL), "4 s", "8 s", "2 s", "1 s", "5 s", "2.00 (2.00 to 2.00)",
                     "4.00 (4.00 to 4.00)"]
    assert figure_of(on_gpu, ["step"]).axes


# The command


def test_the_command_measures_prints_and_writes(tmp_path, monkeypatch, capsys, quick):
    monkeypatch.setattr(run, "Sizes", lambda: TINY)
    assert main(["bench", "inference", "--out", str(tmp_path / "new"), "--runs", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("minunet bench --runs 1 --device cpu\n")
    assert str(SMALL) in printed
    [path] = tmp_path.glob("new/*.json")
    assert str(path) in printed
    assert json.loads(path.read_text(encoding="utf-8"))["runs"] == 1


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
