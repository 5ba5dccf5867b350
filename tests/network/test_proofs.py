"""What ``minunet gradcheck`` runs: complete, right, and unable to pass with a fault."""

import pytest

from minunet import ops, proofs


@pytest.mark.parametrize("seed", [0, 1])
def test_every_op_is_proved(seed):
    report = proofs.prove_ops(seed)
    assert report.ok, f"\n{report}"
    proved = {row.argument.split()[0].rstrip(":") for row in report}
    assert proved == {name.removesuffix("_forward") for name in ops.__all__
                      if name.endswith(("_forward", "_loss", "_entropy"))}


def test_every_argument_of_an_op_is_proved():
    arguments = [row.argument for row in proofs.prove_ops()]
    for op, names in {"conv im2col": "x w b", "conv_transpose": "x w b", "max_pool": "x",
                      "relu": "x", "batch_norm": "x gamma beta", "dropout": "x",
                      "concat": "skip up"}.items():
        assert {f"{op}: {name}" for name in names.split()} <= set(arguments)


def test_linear_arguments_are_held_to_rounding_and_no_others():
    tolerances = {row.argument: row.tolerance for row in proofs.prove_ops()}
    assert {tolerances[a] for a in ("conv im2col: x", "conv im2col: w", "concat: up")} == {1e-11}
    assert {tolerances[a] for a in ("max_pool: x", "batch_norm: x", "relu: x")} == {1e-7}


@pytest.mark.parametrize("seed", range(3))
def test_networks_are_proved(seed):
    report = proofs.prove_networks(seed)
    assert len(report) == 4
    assert report.ok, f"\n{report}"


def test_a_fault_in_one_op_shows_there_and_in_the_networks(monkeypatch):
    backward = ops.max_pool_backward
    monkeypatch.setattr(ops, "max_pool_backward", lambda dy, cache: 1.001 * backward(dy, cache))
    wrong = {row.argument for row in proofs.prove_ops() if not row.ok}
    assert wrong == {"max_pool: x", "max_pool overlap: x"}
    assert not any(row.ok for row in proofs.prove_networks())
