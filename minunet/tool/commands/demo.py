"""``minunet demo``."""

from minunet.engine.backend import check_device
from minunet.tool.demo import demo


def run(options):
    """Run the command; give its exit code, if it has one."""
    check_device(options.device)
    run = demo(options.out, seed=options.seed, device=options.device, axes=options.axes)
    print(f"held-out Dice {run.best:.3f}: the mean over {len(run.patients['validation'])} "
          f"synthetic patients that the network never saw\n"
          f"look at {run.out / 'predictions.png'} and {run.out / 'history.png'}")
