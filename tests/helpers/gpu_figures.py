"""Run the parts of `gpu_parts`, each in a process of its own, and put their figures in a table.

``tests/gpu.sh`` starts it. Nothing but Python's own modules is imported here, so that a library
that is missing or broken costs the parts that need it, and no more.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMITS = {"device": 30, "first": 95, "step": 50, "step in TF32": 40, "PyTorch": 65,
          "convolution": 50, "counts": 20, "tests": 120, "plain": 120, "demo": 120}  # seconds
# What is timed runs alone; then what is only looked at runs together. In sum 470 seconds at most.
TURNS = (["first"], ["step"], ["step in TF32"], ["PyTorch"], ["convolution"], ["counts"],
         ["tests", "plain", "demo"])


def main(out, *options):
    """Run everything; give the exit code."""
    out, began = Path(out), time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        [device] = take_turn(["device"], Path(scratch), options)
        problem = device.get("failed") or device["rows"][0].get("problem")
        results = [device]
        for names in TURNS:
            results += ([{"part": name, "failed": problem} for name in names] if problem
                        else take_turn(names, Path(scratch), options))
        logs = sorted(Path(scratch).glob("*.log"), key=lambda path: path.stat().st_mtime)
        (out / "log.txt").write_text("".join(f"=== {path.stem}\n{path.read_text('utf-8')}\n"
                                             for path in logs), encoding="utf-8")
    print(table(results, device))
    if not problem:
        facts = device["rows"][0]
        path = out / f"bench-{re.sub('[^a-z0-9]+', '-', facts['gpu'].lower()).strip('-')}.json"
        path.write_text(json.dumps({"machine": facts, "seconds": round(time.monotonic() - began),
                                    "parts": results[1:]}, indent=1, ensure_ascii=False) + "\n",
                        encoding="utf-8")
    return int(any("failed" in result for result in results))


def take_turn(names, scratch, options):
    """Run some parts at the same time; give a dict for each, with what it found."""
    print(f"{', '.join(names)} …", file=sys.stderr, flush=True)
    running = [start(name, scratch, options) for name in names]
    began = time.monotonic()
    patience = 20 if "--tiny" in options else 1  # not a GPU's machine, and maybe a busy one
    return [finish(name, *started, began + patience * LIMITS[name])
            for name, started in zip(names, running, strict=True)]


def start(name, scratch, options):
    """Start a part; give its process, and the file that takes what it prints."""
    log = scratch / f"{name}.log"
    environment = os.environ | {"CUPY_TF32": str(int("TF32" in name)), "PYTHONUNBUFFERED": "1"}
    with open(log, "wb") as file:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("gpu_parts.py")), name,
             str(scratch / "demo"), *options], cwd=ROOT, env=environment, stdout=file,
            stderr=subprocess.STDOUT, start_new_session=True), log


def finish(name, process, log, latest):
    """Wait for a part until `latest`; give its rows, and why it failed if it did."""
    late = False
    try:
        process.wait(max(0, latest - time.monotonic()))
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, signal.SIGKILL)  # with the processes that it started
        process.wait()
    lines = log.read_text("utf-8", errors="replace").splitlines()
    rows = [json.loads(line[4:]) for line in lines if line.startswith("ROW ")]
    result = {"part": name, "rows": rows}
    if late:
        result["failed"] = f"took longer than {LIMITS[name]} s"
    elif process.returncode or not rows:
        said = [line.strip() for line in lines if line.strip() and not line.startswith("ROW ")]
        result["failed"] = said[-1] if said else f"ended with {process.returncode} without a word"
    return result


def table(results, device):
    """Give the text of all rows."""
    lines = [", ".join(f"{key} {value}" for key, value in row.items())
             for row in device.get("rows", [])]
    for result in results[1:]:
        part = result["part"]
        lines += [f"{part:14}{row['what']:58}{row['value']}" for row in result.get("rows", [])]
        if "failed" in result:
            lines.append(f"{part:14}{'failed':58}{result['failed']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
