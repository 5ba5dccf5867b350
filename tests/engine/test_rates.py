"""The balance of two rates of the machine: measured once, or set."""

import subprocess
import sys

import pytest

from minunet.engine import rates
from minunet.engine.files import InputError


@pytest.fixture
def unset(monkeypatch):
    """The environment says nothing, and nothing has been measured yet."""
    monkeypatch.delenv("MINUNET_BALANCE", raising=False)
    rates._measured.cache_clear()


def test_the_machine_is_asked_once(unset, monkeypatch):
    asked = []
    monkeypatch.setattr(rates, "_best", lambda a, b: asked.append(a) or 1.0)
    assert rates.balance() == rates.balance()
    assert len(asked) == 2  # a product and a transform


@pytest.mark.parametrize("numbers_per_second, balance", [(1e9, 8), (8e9, 2), (3e8, 16), (1e7, 16),
                                                         (1.1e9, 8), (0.9e9, 8), (1e12, 2)])
def test_the_nearest_balance_is_taken(unset, monkeypatch, numbers_per_second, balance):
    """Here a product makes 8e9 multiplications per second."""
    monkeypatch.setattr(rates, "_best", lambda a, b: len(a) * a.shape[1] * b.shape[1] / 8e9
                        if len(a) > 6 else b.size / numbers_per_second)
    assert rates.balance() == balance


def test_what_is_measured_is_one_of_the_balances(unset):
    assert rates.balance() in rates.BALANCES


@pytest.mark.parametrize("value", rates.BALANCES)
def test_the_environment_sets_it(unset, monkeypatch, value):
    monkeypatch.setenv("MINUNET_BALANCE", str(value))
    assert rates.balance() == value


def test_a_block_sets_it_for_a_while(monkeypatch):
    monkeypatch.setenv("MINUNET_BALANCE", "4")
    with pytest.raises(ZeroDivisionError), rates.using_balance(16):
        assert rates.balance() == 16
        with rates.using_balance(None):  # as otherwise
            assert rates.balance() == 16
        raise ZeroDivisionError
    assert rates.balance() == 4


@pytest.mark.parametrize("value", ["", "3", "8.0", "fast"])
def test_another_value_is_refused_in_a_line(unset, monkeypatch, value):
    monkeypatch.setenv("MINUNET_BALANCE", value)
    with pytest.raises(InputError, match=f"MINUNET_BALANCE must be one of 2, 4, 8, 16, got "
                                         f"'{value}'"):
        rates.balance()


def test_the_command_line_says_so_too(tmp_path):
    done = subprocess.run([sys.executable, "-m", "minunet", "demo", "--out", str(tmp_path / "run")],
                          env={"MINUNET_BALANCE": "7", "PYTHONPATH": sys.path[0]},
                          capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("minunet: error: MINUNET_BALANCE")
