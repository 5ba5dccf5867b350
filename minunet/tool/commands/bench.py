"""``minunet bench``."""

from pathlib import Path

from minunet.tool.bench import bench


def run(options):
    """Run the command; give its exit code, if it has one."""
    bench(options.parts or ["all"], options.out, runs=options.runs, device=options.device)
    print(f"\nthe same as figures: {Path(options.out) / 'bench.png'}, and as numbers: bench.json")
