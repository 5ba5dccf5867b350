"""``minunet bench``."""

from minunet.tool.bench.run import bench


def run(options):
    """Run the command; give its exit code, if it has one."""
    _, path = bench(options.parts or ["all"], options.out, runs=options.runs,
                    device=options.device)
    print(f"\nthe same as numbers: {path}, and as figures: {path.with_suffix('.png').name}")
