"""``minunet gradcheck``."""

from minunet.proofs import prove_networks, prove_ops


def run(options):
    """Run the command; give its exit code, if it has one."""
    reports = [prove_ops(options.seed), prove_networks(options.seed)]
    print(*reports, sep="\n\nwhole networks, each by its worst array:\n")
    wrong = sum(not row.ok for report in reports for row in report)
    print(f"\n{wrong} gradients are WRONG" if wrong else "\nall gradients are right")
    return 1 if wrong else 0
