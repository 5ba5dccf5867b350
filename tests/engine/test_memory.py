"""When the C library is asked to keep freed memory, and when it is left alone."""

import ctypes
import os
import subprocess
import sys

import pytest

from minunet.engine import memory
from minunet.engine.files import InputError

SCRIPT = """
import ctypes
from types import SimpleNamespace
asked, real = [], ctypes.CDLL
ctypes.CDLL = lambda name, *rest, **more: real(name, *rest, **more) if name else SimpleNamespace(
    mallopt=lambda *setting: asked.append(setting))
import numpy as np
import minunet.tool.commands.train
from minunet.optim import Adam
from minunet.train import train_step

net, x = minunet.UNet(base_channels=2, depth=1), np.zeros((1, 8, 8, 1), np.float32)
net.predict(x)
print(len(asked))
for _ in range(2):
    train_step(net, Adam(net.params), x, x)
print(len(asked))
"""


@pytest.mark.parametrize("setting, expected", [(None, ["0", "2"]), ("1", ["0", "2"]),
                                               ("0", ["0", "0"])])
def test_freed_memory_is_kept_from_the_first_training_step_on(setting, expected):
    environment = {k: v for k, v in os.environ.items() if k != "MINUNET_KEEP_MEMORY"}
    environment |= {} if setting is None else {"MINUNET_KEEP_MEMORY": setting}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True,
                          text=True, check=True)
    assert done.stdout.split() == expected  # two thresholds, set once


@pytest.mark.parametrize("way, expected", [("runpy.run_module('minunet', run_name='__main__')", 2),
                                           ("minunet.tool.cli.main(['--version'])", 0)])
def test_the_program_keeps_its_memory_and_leaves_that_of_others_alone(way, expected):
    head, _, _ = SCRIPT.partition("import minunet.tool")
    script = f"""{head}import runpy, sys, minunet.tool.cli
sys.argv = ["minunet", "--version"]
try:
    {way}
except SystemExit:
    pass
print(len(asked))"""
    environment = {k: v for k, v in os.environ.items() if k != "MINUNET_KEEP_MEMORY"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True,
                          text=True, check=True)
    assert done.stdout.split()[-1] == str(expected)


def test_a_switch_that_is_neither_is_named(monkeypatch):
    monkeypatch.setenv("MINUNET_KEEP_MEMORY", "no")
    memory.keep_freed_memory.cache_clear()
    with pytest.raises(InputError, match="MINUNET_KEEP_MEMORY must be 0 or 1, got 'no'"):
        memory.keep_freed_memory()


def test_a_c_library_without_the_knob_is_no_error(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    memory._set_thresholds()
