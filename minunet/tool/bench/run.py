"""``minunet bench``: measure some parts, show them, and keep them in two files."""

import json
from datetime import date
from functools import partial

from minunet.engine.backend import check_device
from minunet.engine.files import InputError, output_folder, replacing
from minunet.tool.bench.machine import describe, file_name
from minunet.tool.bench.parts import PARTS, Sizes
from minunet.tool.bench.plots import plot_bench
from minunet.tool.bench.report import format_header, format_part


def bench(parts, out, *, runs=7, device="cpu", sizes=None, show=None):
    """Measure, show a table for each part, and write the results and their figure after each.

    They are ``bench-MACHINE.json`` and ``bench-MACHINE.png``, with the name of the processor or
    GPU. Parts that the file has already are kept if they were measured by the same versions with
    the same settings on the same machine.

    Parameters
    ----------
    parts : list of str
        Some of `PARTS`, or ``"all"``.
    out : str or Path
        Folder for the two files.
    runs : int
        Rounds; each figure is a median over them.
    device : {"cpu", "cuda"}
    sizes : Sizes, optional
    show : callable
        Gets the tables, as text; by default they are printed as they come.

    Returns
    -------
    results : dict
        What the JSON file holds.
    path : Path
        That file.

    Raises
    ------
    InputError
        If there is no such part or device, the folder cannot be written to, or a process that
        measures ends too early.
    """
    for part in parts:
        if part not in (*PARTS, "all"):
            raise InputError(f"part must be one of {', '.join((*PARTS, 'all'))}; got {part!r}")
    check_device(device)
    out, sizes = output_folder(out), sizes or Sizes()
    show = show or partial(print, flush=True)  # also into a pipe: it takes minutes
    machine = describe(device)
    path = out / f"bench-{file_name(machine)}.json"
    results = _go_on(path, {"command": f"minunet bench --runs {runs} --device {device}",
                            "runs": runs, "device": device, "machine": machine})
    show(format_header(results))
    for part, measure in PARTS.items():
        if part in parts or "all" in parts:
            results[part] = measure(sizes, runs, device)
            results["dates"][part] = date.today().isoformat()
            show("\n" + format_part(results, part))
            _write(path, results)
    return results, path


def _go_on(path, settings):
    """What `path` holds if it was measured with these settings, else the settings alone."""
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        if {key: earlier.get(key) for key in settings} == settings:
            return earlier
    except (OSError, ValueError, AttributeError):  # none there, or none of ours
        pass
    return settings | {"dates": {}}


def _write(path, results):
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n",
                             encoding="utf-8")
    plot_bench(results, path.with_suffix(".png"))
