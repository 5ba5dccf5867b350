"""Optimisers by hand, the shape of the schedule, and what is refused."""

import numpy as np
import pytest
import strict_backend

from minunet import UNet, optim


def params(backend, **values):
    return {name: backend.asarray(np.array(value)) for name, value in values.items()}


def steps(backend, optimiser, gradients):
    """Step once with each gradient (the same for every parameter); give the parameters."""
    for g in gradients:
        optimiser.step({name: backend.asarray(np.full(p.shape, g))
                        for name, p in optimiser.params.items()})
    return {name: backend.asnumpy(p) for name, p in optimiser.params.items()}


def test_sgd_by_hand(backend):
    opt = optim.SGD(params(backend, w=[10.0]), lr=0.1, momentum=0.5)
    assert steps(backend, opt, [4.0])["w"][0] == pytest.approx(10 - 0.1 * 4)
    # m = 0.5 · 4 + 2 = 4
    assert steps(backend, opt, [2.0])["w"][0] == pytest.approx(9.6 - 0.1 * 4)


def test_adam_by_hand(backend):
    opt = optim.Adam(params(backend, w=[10.0]), lr=0.1, beta1=0.5, beta2=0.75, eps=1.0)
    # m̂ = 4, v̂ = 16
    assert steps(backend, opt, [4.0])["w"][0] == pytest.approx(10 - 0.1 * 4 / (4 + 1))
    # m = 0.5·2 + 0.5·8 = 5, m̂ = 5 / (1 − 0.5²);  v = 0.75·4 + 0.25·64 = 19, v̂ = 19 / (1 − 0.75²)
    second = 0.1 * (5 / 0.75) / (np.sqrt(19 / 0.4375) + 1)
    assert steps(backend, opt, [8.0])["w"][0] == pytest.approx(9.92 - second)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_adam_steps_by_lr_whatever_the_scale_of_the_gradient(backend, scale):
    opt = optim.Adam(params(backend, w=[0.0]), lr=0.1)
    assert steps(backend, opt, [scale] * 5)["w"][0] == pytest.approx(-0.5, rel=1e-4)


def test_decay_shrinks_weights_only_and_is_not_in_the_means(backend):
    names = {"conv.w": [10.0], "conv.b": [10.0], "norm.gamma": [10.0], "norm.beta": [10.0]}
    opt = optim.Adam(params(backend, **names), lr=0.1, weight_decay=0.5)
    after = steps(backend, opt, [0.0])
    assert {name: float(p[0]) for name, p in after.items()} == {
        "conv.w": 10 * (1 - 0.1 * 0.5), "conv.b": 10, "norm.gamma": 10, "norm.beta": 10}
    assert all(float(state.sum()) == 0 for state in opt.state.values())


def test_the_running_mean_by_hand(backend):
    mean, now = params(backend, w=[8.0], b=[1.0]), params(backend, w=[18.0], b=[1.0])
    optim.follow(mean, now, 0)  # d = 1/10
    assert backend.asnumpy(mean["w"])[0] == pytest.approx(0.1 * 8 + 0.9 * 18)
    optim.follow(mean, now, 10_000)  # the growing d would be 0.9991
    assert 18 - backend.asnumpy(mean["w"])[0] == pytest.approx(0.998 * (18 - 17))
    assert backend.asnumpy(mean["b"])[0] == 1 and backend.asnumpy(now["w"])[0] == 18


def test_the_running_mean_lies_still_where_the_weights_jump(backend):
    mean, after = params(backend, w=[5.0]), []
    for step in range(400):
        optim.follow(mean, params(backend, w=[3.0 + (-1.0) ** step]), step)
        after.append(float(mean["w"][0]))
    assert np.abs(np.array(after[300:]) - 3).max() < 0.05  # of weights that are 1 away


@pytest.mark.parametrize("optimiser", [optim.SGD, optim.Adam])
def test_parameters_change_in_place_and_keep_their_precision(backend, optimiser):
    single = {"w": backend.asarray(np.ones(3, np.float32))}
    opt, same = optimiser(single), single["w"]
    gradient = np.ones(3, np.float32)
    opt.step({"w": backend.asarray(gradient)})
    assert single["w"] is same and same.dtype == np.float32
    assert all(state.dtype == np.float32 for state in opt.state.values())
    assert (backend.asnumpy(same) < 1).all() and (gradient == 1).all()


@pytest.mark.parametrize("optimiser", [optim.SGD, optim.Adam])
@pytest.mark.parametrize("grads, error, message", [
    ({}, ValueError, "grads must have the keys of params; they differ at 'w'"),
    ({"w": np.ones(3), "b": np.ones(3)}, ValueError, "they differ at 'b'"),
    ((np.ones(3), {}), TypeError, "grads must be a dict of arrays, got tuple"),
    ({"w": np.ones(4)}, ValueError, r"grads\['w'\] must have shape \(3,\), got \(4,\)"),
    ({"w": np.ones(3, np.float32)}, TypeError, r"grads\['w'\] is float32"),
])
def test_gradients_that_do_not_fit_are_named(optimiser, grads, error, message):
    opt = optimiser({"w": np.ones(3)})
    with pytest.raises(error, match=message):
        opt.step(grads)
    np.testing.assert_array_equal(opt.params["w"], 1)


@pytest.mark.parametrize("optimiser, rates", [
    (optim.SGD, {"lr": -1}), (optim.SGD, {"lr": "0.1"}), (optim.Adam, {"lr": np.inf}),
    (optim.Adam, {"lr": True}), (optim.Adam, {"weight_decay": -0.1}), (optim.Adam, {"eps": -1}),
])
def test_a_rate_that_is_none_is_named(optimiser, rates):
    name, = rates
    with pytest.raises(ValueError, match=f"{name} must be a finite number from 0, got"):
        optimiser({"w": np.ones(3)}, **rates)


@pytest.mark.parametrize("optimiser, name", [
    (optim.SGD, "momentum"), (optim.Adam, "beta1"), (optim.Adam, "beta2")])
@pytest.mark.parametrize("value", [1.0, -0.1, np.nan])
def test_a_mean_that_never_forgets_is_refused(optimiser, name, value):
    with pytest.raises(ValueError, match=f"{name} must be at least 0 and below 1, got {value}"):
        optimiser({"w": np.ones(3)}, **{name: value})


@pytest.mark.parametrize("optimiser", [optim.SGD, optim.Adam])
def test_rates_of_numpys_give_the_same_bits(optimiser):
    after = []
    for number in (float, np.float64):
        single = {"w": np.linspace(0, 1, 9, dtype=np.float32)}
        opt = optimiser(single, lr=number(0.1))
        for rate in (0.1, 0.05):
            opt.lr = number(rate)
            opt.step({"w": np.full(9, 1 / 3, np.float32)})
        after.append(single["w"])
    np.testing.assert_array_equal(*after)


# The network that it is for

GIVEN_OTHERS = "is not the array that this optimiser was made for.* make the optimiser after that"


def move(net, backend):
    for name, array in net.params.items():
        net.params[name] = backend.asarray(array)


@pytest.mark.parametrize("change", [
    lambda net: setattr(net, "params", {name: p.copy() for name, p in net.params.items()}),
    lambda net: net.params.update({"head.w": net.params["head.w"].copy()}),
    lambda net: net.params.pop("head.b"),
    lambda net: move(net, strict_backend),
], ids=["all replaced", "one replaced", "one taken away", "moved"])
@pytest.mark.parametrize("optimiser", [optim.SGD, optim.Adam])
def test_a_network_of_other_arrays_is_noticed_at_the_next_step(optimiser, change):
    net = UNet(base_channels=1, depth=1)
    opt = optimiser(net.params)
    change(net)
    gradients = {name: p.copy() for name, p in net.params.items()}
    with pytest.raises(ValueError, match=GIVEN_OTHERS):
        opt.step(gradients)
    optimiser(net.params).step(gradients)


def test_a_network_that_stays_where_it_is_keeps_its_optimiser():
    net = UNet(base_channels=1, depth=1)
    opt = optim.Adam(net.params)
    net.to("cpu").folded().params["head.b"] = None  # a network of its own
    opt.step({name: p.copy() for name, p in net.params.items()})


@pytest.mark.parametrize("optimiser", [optim.SGD, optim.Adam])
@pytest.mark.parametrize("params, error, message", [
    (UNet(base_channels=1, depth=1), TypeError, "must be a dict of arrays, such as net.params; "
     "got UNet"),
    ([np.ones(3)], TypeError, "must be a dict of arrays, such as net.params; got list"),
    ({}, ValueError, "params must not be empty"),
    ({"w": [1.0]}, TypeError, r"params\['w'\] must be a NumPy or CuPy array, got list"),
    ({"w": np.ones(3, int)}, TypeError, r"params\['w'\] must be floating-point, got int64"),
])
def test_what_are_no_parameters_is_named(optimiser, params, error, message):
    with pytest.raises(error, match=message):
        optimiser(params)


def test_the_schedule_goes_up_a_line_and_down_half_a_cosine():
    rates = [optim.warmup_cosine(step, 100, 2.0, warmup=0.1, floor=0.01) for step in range(100)]
    np.testing.assert_allclose(rates[:10], 2.0 * np.arange(1, 11) / 10)
    assert rates[10] == max(rates) == 2.0
    assert (np.diff(rates[10:]) < 0).all()
    assert rates[55] == pytest.approx(2.0 * (1 + 0.01) / 2)  # half way down
    assert rates[99] == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("total, warmup", [(1, 0.1), (2, 0), (3, 1)])
def test_short_schedules_work(total, warmup):
    rates = [optim.warmup_cosine(step, total, 1.0, warmup=warmup) for step in range(total)]
    assert 0 < min(rates) and max(rates) == 1


@pytest.mark.parametrize("step", [-1, 100])
def test_a_step_outside_the_training_is_refused(step):
    with pytest.raises(ValueError, match=f"step must be from 0 to total − 1 = 99, got {step}"):
        optim.warmup_cosine(step, 100, 1.0)
