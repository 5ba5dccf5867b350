"""Every public op has an example with numbers small enough to follow by hand, and it runs."""

import doctest

import numpy as np
import pytest

from minunet import ops


@pytest.mark.parametrize("name", ops.__all__)
def test_the_example_of_every_op_prints_what_it_says(name):
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    [test] = finder.find(getattr(ops, name), name, globs={"np": np, "ops": ops})
    assert test.examples, f"ops.{name} has no example"
    assert runner.run(test).failed == 0, "the difference is printed below"
