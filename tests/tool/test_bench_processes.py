"""Contenders in processes of their own: asked in turn, and gone afterwards, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from minunet import UNet
from minunet.engine.files import InputError
from minunet.engine.rates import using_balance
from minunet.engine.threads import using_threads
from minunet.tool.bench import minunet_work, parts, worker
from minunet.tool.bench.clock import interleave
from minunet.tool.bench.minunet_work import Case
from minunet.tool.bench.parts import TINY, _peak
from minunet.tool.bench.processes import Process, running, start
from minunet.tool.bench.worker import Worker, timer

SMALL = Case(2, 32, 1)
READY = "print('1', flush=True); "
ANSWERS = READY + "import sys\nfor line in sys.stdin: print(line.strip(), flush=True)"


def contender(code, name="fake"):
    """Start a process that is no worker, but runs a line of Python."""
    return Process(name, [sys.executable, "-c", code], "a step")


def gone(process):
    return process._process.returncode is not None


def test_a_process_answers_each_request():
    with running({name: partial(contender, ANSWERS, name) for name in "ab"}) as processes:
        assert [processes[name].ask(name, 1) for name in "aba"] == [["a", 1], ["b", 1], ["a", 1]]
    assert all(map(gone, processes.values()))


def test_processes_work_in_turn():
    """Each writes when it begins and ends; nobody begins before the one before has ended."""
    code = READY + ("import sys, time\nfor line in sys.stdin:\n"
                    "    t = time.monotonic(); time.sleep(0.02)\n"
                    "    print([t, time.monotonic()], flush=True)")
    with running({name: partial(contender, code, name) for name in "ab"}) as processes:
        spans = interleave({name: partial(process.ask, "go")
                            for name, process in processes.items()}, 3, pause=0)
    turns = [span for pair in zip(*spans.values(), strict=True) for span in pair]  # a, b, a, b, …
    assert all(ended <= began for (_, ended), (began, _) in zip(turns, turns[1:], strict=False))


@pytest.mark.parametrize("code, words", [
    (READY + "input(); raise SystemExit('no memory\\nat all')", r"ended \(at all\)"),
    (READY + "input(); raise SystemExit(3)", r"ended \(exit code 3\)"),
    (READY + "import os; input(); os.kill(os.getpid(), 9)", r"ended \(by SIGKILL\)"),
    (READY + "input(); print('12', end='')", r"ended \(exit code 0\)"),  # half an answer
    (READY + "input(); print('Zzz'); input()", "answered 'Zzz'"),
    ("raise MemoryError", r"ended \(MemoryError\)"),
])
def test_a_process_that_fails_is_one_line_that_names_it_and_ends_the_others(code, words):
    others = []
    with (pytest.raises(InputError, match=f"^the process that measures bad .a step. {words}") as e,
          running({"good": partial(contender, ANSWERS), "bad": partial(contender, code, "bad")}
                  ) as processes):
        others.append(processes["good"])
        processes["bad"].ask("go")
    assert "\n" not in str(e.value)
    assert "leave out that part" in str(e.value)
    assert all(map(gone, others))


def test_what_a_library_prints_is_no_answer():
    code = ("import runpy, sys; w = runpy.run_path(sys.argv[1]); print('hello'); "
            "w['Worker'].time = lambda self, number: (print('noise'), number)[1]; "
            "w['main']('minunet', 'cpu', 1, 8, None)")
    done = subprocess.run([sys.executable, "-c", code.replace("print('hello'); ", ""),
                           worker.__file__], input='["time", 5]\n', capture_output=True,
                          text=True, check=True)
    assert (done.stdout, done.stderr) == ('"ready"\n5\n', "noise\n")


def test_an_interrupt_leaves_no_process_behind():
    seen = []
    with pytest.raises(KeyboardInterrupt), running({"a": partial(contender, ANSWERS)}) as found:
        seen += found.values()
        raise KeyboardInterrupt
    assert all(map(gone, seen))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_process_ends_when_the_one_that_asks_was_killed():
    code = ("from minunet.tool.bench.processes import *\n"
            "p = start('minunet', 'minunet', 'cpu', 'x'); p.answer()\n"
            "print(p._process.pid, flush=True); import time; time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    for _ in range(600):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if "State:\tZ" in Path(f"/proc/{child}/status").read_text(encoding="utf-8"):
            return  # it has ended, and nobody has asked how
        time.sleep(0.1)
    pytest.fail("it goes on")


# The worker


def ticking(each=1.0):
    """Work that counts, and a clock by which it takes `each` seconds."""
    done = []

    def clock(run):
        before = len(done)
        run()
        return each * (len(done) - before)

    return done, clock


@pytest.mark.parametrize("each, least, count", [(1, 0.2, 1), (0.05, 0.2, 4), (0.06, 0.2, 4),
                                                (0.01, 0, 1)])
def test_short_work_is_repeated_and_long_work_is_not(each, least, count):
    done, clock = ticking(each)
    seconds = timer(lambda: done.append(1), clock, least)
    done.clear()
    assert seconds() == pytest.approx(each)
    assert len(done) == (1 if count == 1 else 1 + count)  # once before, without the clock


def test_work_has_been_done_before_it_is_timed():
    done, clock = ticking()
    timer(lambda: done.append(1), clock, 0)
    assert done


def test_a_worker_prepares_several_works_and_times_each():
    mine = Worker(minunet_work, "cpu")
    assert [mine.prepare(0, "convolution", (8, 2, 3, 1), method, backward)
            for method in ("im2col", "winograd") for backward in (False, True)] == [0, 1, 2, 3]
    assert all(mine.time(number) > 0 for number in range(4))


def test_the_process_has_the_threads_and_balance_of_the_one_that_starts_it(monkeypatch):
    started = []
    monkeypatch.setattr("minunet.tool.bench.processes.Process",
                        lambda name, command, what: started.append(json.loads(command[-1])))
    with using_threads(3), using_balance(4):
        start("minunet", "minunet", "cpu", "a step")
    assert started == [["minunet", "cpu", 3, 4, None]]


# Memory


@pytest.mark.skipif(worker.status("VmHWM") is None, reason="peak memory is read from /proc")
def test_peak_memory_holds_at_least_weights_images_and_optimiser():
    case = Case(8, 64, 4)
    weights = sum(p.nbytes for p in UNet(3, 1, 8).params.values())
    activation = 4 * 64 * 64 * 8 * 4  # of the first level, in bytes; norm and ReLU keep two
    least = 3 * weights + 4 * 2 * activation
    peak, seconds = _peak("minunet", "minunet", 2, "training_step", case, "cpu")
    assert least < peak < 20 * least
    assert seconds > 0


def peak_of_a_step():
    return Worker(minunet_work, "cpu").peak(1, "training_step", TINY, SMALL)[0]


def test_the_peak_counts_from_what_was_held_before(monkeypatch):
    monkeypatch.setattr(worker, "status", {"VmRSS": 100, "VmHWM": 1000}.get)
    assert peak_of_a_step() == 900


def test_the_median_process_counts(monkeypatch):
    peaks = iter([30, 10, 20])
    monkeypatch.setattr(parts, "_rivals", lambda device: {})
    monkeypatch.setattr(parts.torch_work, "can_use", lambda device: False)
    monkeypatch.setattr(parts, "_peak", lambda *_: (next(peaks), 1.0))
    assert parts.PARTS["memory"](parts.Sizes(memory=(SMALL,)), 3, "cpu") == [
        {"name": str(SMALL), "bytes": {"minunet": 20}}]


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch):
    def missing(_, encoding):
        raise FileNotFoundError

    monkeypatch.setattr(worker.Path, "read_text", missing)
    assert worker.status("VmHWM") is None
    assert peak_of_a_step() is None


def test_a_network_that_cannot_be_built_is_one_line():
    with pytest.raises(InputError, match="minunet .base 0.* base_channels must be .*got 0") as e:
        _peak("minunet", "minunet", 1, "training_step", Case(0, 32, 1), "cpu")
    assert "\n" not in str(e.value)
