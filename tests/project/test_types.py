"""Type hints: every public function has them, the package keeps them, and users' mistakes show."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minunet
from minunet import UNet, gradcheck, metrics, ops, optim, predict, train

SOURCE = Path(minunet.__file__).parents[1]
# mypy finds what is installed by itself, and takes it amiss to be told of it.
ENVIRONMENT = os.environ | ({} if SOURCE.name == "site-packages" else {"MYPYPATH": str(SOURCE)})
CALLS = """
import numpy as np
from minunet import UNet, gradcheck, metrics, ops, optim, predict, train

net = UNet(in_channels=1, base_channels=8, depth=3)
adam = optim.Adam(net.params, lr=1e-3)
x = np.zeros((1, 32, 32, 1), np.float32)
logits, cache = net.forward(x, training=True)
loss, dlogits = ops.sigmoid_cross_entropy(logits, x)
dx, grads = net.backward(dlogits, cache)
adam.step(grads)
print(float(loss), grads["head.w"].shape, UNet.load("model.npz").to("cuda").folded().predict(x))
print(gradcheck.check(ops.relu_forward, ops.relu_backward, {"x": x}).ok, metrics.dice(x, x) + 1)
print(train.train([], [], train.Settings(epochs=3), "run").best_net())
"""
MISTAKES = {
    "UNet(base_channels='16')": "incompatible type",
    "net.forward(x, trianing=True)": 'Unexpected keyword argument "trianing"',
    "net.bakward(x)": 'has no attribute "bakward"',
    "optim.Adam(net)": "incompatible type",
    "ops.conv_forward([1, 2], x)": "incompatible type",
    "ops.max_pool_forward(x, 2)": "Too many positional arguments",
    "metrics.dice(x, x).mean()": 'has no attribute "mean"',
    "gradcheck.check(ops.relu_forward)": "Missing positional arguments",
    "predict.segment(net, x)": "Missing positional argument",
    "train.Settings(epoch=3)": 'Unexpected keyword argument "epoch"',
}


def public():
    """(name, function) of all that the public modules and `UNet` offer."""
    for module in (ops, optim, gradcheck, metrics, predict, train):
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", "").startswith(module.__name__)
            if not ours or name not in getattr(module, "__all__", [name]):
                continue
            if inspect.isfunction(value) and not name.startswith("_"):
                yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                yield from methods(value)
    yield from methods(UNet)


def methods(kind):
    for base in kind.__mro__:
        for name, value in vars(base).items() if base.__module__.startswith("minunet") else ():
            value = getattr(value, "fget", value)
            value = getattr(value, "__func__", value)
            if inspect.isfunction(value) and (name == "__init__" or not name.startswith("_")):
                yield f"{kind.__name__}.{name}", value


FUNCTIONS = dict(public())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_has_hints(name):
    signature = inspect.signature(FUNCTIONS[name])
    bare = [parameter.name for parameter in signature.parameters.values()
            if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
            and parameter.kind is not parameter.VAR_KEYWORD]
    assert not bare
    if not name.endswith("__init__"):
        assert signature.return_annotation is not signature.empty


def test_no_public_function_is_forgotten():
    assert {f"minunet.ops.{name}" for name in ops.__all__} <= set(FUNCTIONS)
    assert {"UNet.__init__", "UNet.forward", "UNet.load", "Adam.step", "minunet.metrics.dice",
            "minunet.predict.segment", "minunet.train.train", "Report.ok"} <= set(FUNCTIONS)


def test_the_package_says_that_it_has_hints():
    assert (Path(minunet.__file__).parent / "py.typed").exists()


def checked(folder, code):
    """What mypy says of a user's file: its lines of errors."""
    pytest.importorskip("mypy")
    (folder / "user.py").write_text(code)
    (folder / "mypy.ini").write_text("[mypy]\nfollow_imports = silent\n")
    # As one who has installed it: in this folder there is no configuration of ours.
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "user.py"], cwd=folder,
                          env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1].startswith(("Success", "Found")), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def test_a_users_file_passes_and_his_mistakes_are_found_line_by_line(tmp_path):
    assert checked(tmp_path, CALLS) == []
    first = CALLS.count("\n") + 1
    found = checked(tmp_path, CALLS + "\n".join(MISTAKES) + "\n")
    for line, (call, message) in enumerate(MISTAKES.items(), start=first):
        [error] = [error for error in found if error.startswith(f"user.py:{line}: ")]
        assert message in error, call
    assert len(found) == len(MISTAKES)
