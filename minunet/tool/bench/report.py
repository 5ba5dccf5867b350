"""The benchmark's results as text: what they were measured on, and a table for each part."""

from collections import defaultdict

import numpy as np

from minunet.engine.words import plural
from minunet.tool.bench.clock import better, slope, straight_line
from minunet.tool.bench.machine import label
from minunet.tool.bench.ranks import RANKS
from minunet.tool.bench.ranks import VARIANTS as RANK_VARIANTS
from minunet.tool.bench.torch_work import VARIANTS

METHODS = ("loops", "im2col", "winograd_rows", "winograd")
GROWTH = {"pixels": lambda row: row["side"] ** 2, "batch": lambda row: row["batch"],
          "channels": lambda row: row["base"]}  # what grows: the size of a row


def format_header(results):
    """Say what was measured on what, and how to read it."""
    machine = results["machine"]
    torch = f"PyTorch {machine['torch']}" if machine["torch"] else "no PyTorch: its columns are –"
    return "\n".join([
        results["command"],
        f"{label(machine)}, {plural(machine['threads'], 'thread')}",
        f"minunet {machine['minunet']}, Python {machine['python']}, NumPy {machine['numpy']} "
        f"({machine['blas']}), {torch}",
        f"Medians of {plural(results['runs'], 'round')}, contenders in turn, each in a process of "
        "its own. A ratio is minunet's",
        "time to the better PyTorch's of the same round, median (lowest to highest): below 1, "
        "minunet is faster."])


def format_part(results, part):
    """Give the table of one part of what `bench` returns."""
    return FORMATS[part](results[part], results["device"])


def _comparison(title):
    def table(rows, device):
        names = ["minunet", *VARIANTS[device]]
        return _table([title, *names, *_ratio_heads(device)],
                      [[row["name"], *_times(row, names), *_ratios(row, device)] for row in rows])

    return table


def _convolutions(rows, device):
    names = [*METHODS, *VARIANTS[device]]
    lines = []
    for row in rows:
        times = dict(zip(names, _times(row, names), strict=True))
        times[row["auto"]] = "*" + times[row["auto"]]
        lines.append([f"{row['name']}, {row['direction']}", *times.values(),
                      *_ratios(row, device)])
    return (_table(["3×3 convolution", *names, *_ratio_heads(device)], lines)
            + '\n* what method="auto" takes; the ratio is its')


def _memory(rows, device):
    names = ["minunet", *VARIANTS["cpu"]]
    lines = []
    for row in rows:
        sizes = row["bytes"]
        best = better(sizes, "PyTorch")
        ratio = f"{sizes['minunet'] / sizes[best]:.2f}" if sizes.get(best) else "–"
        lines.append([row["name"], *(size_text(sizes.get(name)) for name in names), ratio])
    return _table(["peak memory of a step", *names, "ratio"], lines)


def _image(rows, device):
    return _table(["one image by tiles (minunet predict)", "time", "peak memory"],
                  [[row["name"], time_text(row["seconds"]["minunet"]),
                    size_text(row["bytes"]["minunet"])] for row in rows])


def _growth(axes, device):
    return "\n\n".join(_comparison(f"training step by {axis}")(rows, device) + "\n"
                       + _fits(axis, rows, device) for axis, rows in axes.items())


def _fits(axis, rows, device):
    sizes = np.array([GROWTH[axis](row) for row in rows])
    times = {name: [row["seconds"][name] for row in rows]
             for name in ("minunet", *VARIANTS[device]) if name in rows[0]["seconds"]}
    slopes = [f"{slope(sizes, seconds)[0]:.2f} ({name})" for name, seconds in times.items()]
    text = f"time ~ {axis}^slope, slope {', '.join(slopes)}"
    if axis == "channels":  # between linear and square: no straight line
        return text
    fixed, each = straight_line(sizes / sizes[0], times["minunet"])
    return (f"{text}\nas a straight line, minunet takes {time_text(fixed)} "
            f"{'−' if each < 0 else '+'} {time_text(abs(each))} · {axis} / {sizes[0]:,}")


def _roofline(result, device):
    rows, step = by_op(result), result["seconds"]
    lines = [[f"{op} {direction}", time_text(row["seconds"]),
              f"{100 * row['seconds'] / step:.0f} %",
              f"{row['flop'] / row['seconds'] / 1e9:.0f}",
              f"{row['bytes'] / row['seconds'] / 1e9:.1f}", time_text(row["bound"]),
              "arithmetic" if row["arithmetic"] > row["memory"] else "memory"]
             for (op, direction), row in rows.items()]
    rest = step - sum(row["seconds"] for row in rows.values())
    lines.append(["the rest", time_text(rest), f"{100 * rest / step:.0f} %", *4 * [""]])
    head = ["op", "time", "share", "GFLOP/s", "GB/s", "at least", "bound by"]
    return (f"a training step, {result['name']}: {time_text(step)}\n"
            f"matrix product {result['flop_rate'] / 1e9:.0f} GFLOP/s, "
            f"copy {result['byte_rate'] / 1e9:.1f} GB/s\n" + _table(head, lines))


def _ranks(rows, device):
    least = 2 * (RANKS - 1) / RANKS  # of the gradients' bytes, that a rank must send for their sum
    lines = [[row["name"], *_times(row, RANK_VARIANTS),
              *((size_text(row["sent"]), f"{row['sent'] / (least * row['gradients']):.3f}")
                if row["sent"] else ("–", "–"))] for row in rows]
    return _table(["training step", *RANK_VARIANTS, "sent by a rank", "sent ÷ bound"], lines)


def by_op(result):
    """Sum the rows of a roofline over the image sides.

    Returns
    -------
    dict
        For each (op, direction), in falling order of time: ``seconds``, ``flop``, ``bytes``;
        ``arithmetic`` and ``memory``, the seconds that they would take at the machine's rates;
        and ``bound``, the larger of the two, side by side and then summed.
    """
    sums = defaultdict(lambda: defaultdict(float))
    for row in result["rows"]:
        group = sums[row["op"], row["direction"]]
        arithmetic = row["flop"] / result["flop_rate"]
        memory = row["bytes"] / result["byte_rate"]
        for key, value in (("seconds", row["seconds"]), ("flop", row["flop"]),
                           ("bytes", row["bytes"]), ("arithmetic", arithmetic),
                           ("memory", memory), ("bound", max(arithmetic, memory))):
            group[key] += value
    return dict(sorted(sums.items(), key=lambda item: -item[1]["seconds"]))


def _times(row, names):
    return [time_text(row["seconds"][name]) if name in row["seconds"] else "–" for name in names]


def _ratio_heads(device):
    rivals = dict.fromkeys(name.split(", ")[0] for name in VARIANTS[device])
    return [f"ratio to {rival}" for rival in rivals]


def _ratios(row, device):
    texts = []
    for head in _ratio_heads(device):
        ratio = row["ratio"].get(head.removeprefix("ratio to "))
        texts.append("{1:.2f} ({0:.2f} to {2:.2f})".format(*ratio) if ratio else "–")
    return texts


def time_text(seconds):
    """Three digits of a time, in seconds or milliseconds."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def size_text(size):
    """Whole MiB, or "–": not every system tells the memory."""
    return f"{size / 2**20:.0f} MiB" if size else "–"


def _table(head, rows):
    """Columns as wide as they must be, the first flush left and the others flush right."""
    above, below = zip(*(name.rpartition(", ")[::2] for name in head), strict=True)
    rows = [*([above] if any(above) else []), below, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join([row[0].ljust(widths[0]),
                                *(cell.rjust(width) for cell, width in
                                  zip(row[1:], widths[1:], strict=True))]).rstrip()
                     for row in rows)


FORMATS = {"step": _comparison("training step"), "inference": _comparison("inference"),
           "convolution": _convolutions, "memory": _memory, "growth": _growth,
           "image": _image, "roofline": _roofline, "ranks": _ranks}
