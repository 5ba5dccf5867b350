"""Forked children, and threads that share BLAS: each script in a process of its own."""

import os
import subprocess
import sys

import pytest

TIMEOUT = 120  # seconds; all ends in two unless it hangs

START = """
import multiprocessing, os, signal, threading
import numpy as np
from threadpoolctl import threadpool_info
from minunet import UNet, optim
from minunet.engine.blas import blas_on_one_thread
from minunet.engine.threads import parallel
from minunet.train import train_step

def blas():
    return [library["num_threads"] for library in threadpool_info()
            if library["user_api"] == "blas"]

def learn(x):
    net = UNet(1, 1, base_channels=4, depth=2)
    return float(train_step(net, optim.Adam(net.params), x, (x > 0).astype(np.float32)))

net, before = UNet(1, 1, base_channels=4, depth=2), blas()
x = np.random.default_rng(0).normal(size=(4, 64, 64, 1)).astype(np.float32)
expected = {"predict": net.predict(x), "learn": learn(x)}
"""

CHILDREN = START + """
def meet():
    return sorted(parallel(np, threading.Barrier(2, timeout=20).wait, [(), ()]))

with multiprocessing.get_context("fork").Pool(2) as pool:
    for work in ("predict", "learn"):
        got = pool.map_async({"predict": net.predict, "learn": learn}[work], [x] * 2).get(30)
        assert all(np.array_equal(y, expected[work]) for y in got), work
    # Two threads work: neither would come back from the meeting without the other.
    assert pool.apply_async(meet).get(30) == [0, 1]
"""

HELD_BY_ANOTHER = START + """
inside, end = threading.Event(), threading.Event()

def hold():
    with blas_on_one_thread():
        inside.set()
        end.wait()

holder = threading.Thread(target=hold)
holder.start()
inside.wait()
with blas_on_one_thread():  # this thread too, and its own hold lives on in the child
    child = os.fork()
    if not child:
        signal.alarm(30)
    held = max(blas()) == 1
if not child:
    right = held and blas() == before and np.array_equal(net.predict(x), expected["predict"])
    os._exit(0 if right else 1)
assert os.waitpid(child, 0)[1] == 0
assert max(blas()) == 1
end.set()
holder.join()
assert blas() == before
"""

LOCKED_BY_ANOTHER = START + """
import time
from minunet.engine.blas import _hold
locked = threading.Event()

def lock():
    with _hold.lock:
        locked.set()
        time.sleep(0.2)

locker = threading.Thread(target=lock)
locker.start()
locked.wait()
child = os.fork()
if not child:
    signal.alarm(30)
    os._exit(0 if np.array_equal(net.predict(x), expected["predict"]) else 1)
assert os.waitpid(child, 0)[1] == 0
assert np.array_equal(net.predict(x), expected["predict"])
"""

IN_TURNS = START + """
from threadpoolctl import ThreadpoolController
limit = ThreadpoolController().limit(limits=2, user_api="blas")  # this thread's, without an end
second_is_in, first_is_out, end = threading.Event(), threading.Event(), threading.Event()
counts = []

def first():
    with blas_on_one_thread():
        counts.append(blas())
        second_is_in.wait()
    first_is_out.set()
    end.wait()  # it lives on

def second():
    with blas_on_one_thread():
        second_is_in.set()
        first_is_out.wait()
        counts.append(blas())

users = [threading.Thread(target=first), threading.Thread(target=second)]
users[0].start()
while not counts:
    pass
users[1].start()
users[1].join()
counts.append(blas())
end.set()
assert counts == [[1] * len(before)] * 2 + [before], counts
"""

SHARED = START + """
right = []

def use():
    for _ in range(20):
        right.append(np.array_equal(net.predict(x), expected["predict"]))
        with blas_on_one_thread():
            right.append(max(blas()) == 1)

users = [threading.Thread(target=use) for _ in range(4)]
[user.start() for user in users]
[user.join() for user in users]
assert all(right) and len(right) == 160
assert blas() == before, (before, blas())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("script", [CHILDREN, HELD_BY_ANOTHER, LOCKED_BY_ANOTHER],
                         ids=["pool of processes", "BLAS held by another thread",
                              "lock held by another thread"])
def test_a_forked_child_computes_what_its_parent_does(script):
    run(script)


@pytest.mark.parametrize("script", [SHARED, IN_TURNS], ids=["at once", "in turns"])
def test_user_threads_share_a_network_and_blas_gets_its_threads_back(script):
    run(script)


def run(script, **environment):
    """Run a script with two threads, ours and BLAS', and no word about forks; give its output."""
    environment = os.environ | {"MINUNET_THREADS": "2", "OPENBLAS_NUM_THREADS": "2",
                                "PYTHONWARNINGS": "ignore"} | environment
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True,
                          text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr
    return done.stdout
