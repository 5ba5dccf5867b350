"""Timing side by side: contenders take turns, so that what disturbs one disturbs all."""

import math
import time
from statistics import median

import numpy as np

PAUSE = 0.05  # seconds: so long may a library's idle threads go on turning on the others' cores


def host_clock(run):
    """Give the seconds that ``run()`` takes, by the computer's own clock."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def device_clock(xp):
    """Give the clock for work done with the array module `xp`.

    A GPU works on after a call has returned, so it is asked itself: two events are put into its
    queue, before the work and after it, and the time between them is the GPU's own.
    """
    if xp is np:
        return host_clock

    def event_clock(run):
        began, ended = xp.cuda.Event(), xp.cuda.Event()
        began.record()
        run()
        ended.record()
        ended.synchronize()
        return xp.cuda.get_elapsed_time(began, ended) / 1e3  # from milliseconds

    return event_clock


def interleave(contenders, runs, pause=PAUSE):
    """Time each contender once a round, in turn; a first round warms up and does not count.

    Parameters
    ----------
    contenders : dict of str to callable
        By name: each call does the work and gives the seconds that it took. Names that agree
        before the comma are variants of one contender.
    runs : int
        Rounds that count.
    pause : float
        Seconds of rest before each.

    Returns
    -------
    dict
        For each name a list of `runs` times in seconds.
    """
    seconds = {name: [] for name in contenders}
    for turn in range(runs + 1):
        for name, measure in contenders.items():
            time.sleep(pause)
            elapsed = measure()
            if turn:
                seconds[name].append(elapsed)
    return seconds


def summarise(seconds, ours="minunet"):
    """Give medians, and the ratio of our time to each rival's in the same round.

    Of a rival's variants the one with the smallest median counts. A ratio of neighbours in time
    is steadier than the times themselves: whatever else the machine does slows down both.

    Parameters
    ----------
    seconds : dict
        From `interleave`.
    ours : str
        The name to compare.

    Returns
    -------
    dict
        ``"seconds"``: the median for each name. ``"ratio"``: for each rival the lowest, median
        and highest ratio over the rounds; below 1 we are faster.
    """
    medians = {name: median(times) for name, times in seconds.items()}
    ratios = {}
    for rival in dict.fromkeys(name.split(", ")[0] for name in seconds if ", " in name):
        best = better(medians, rival)
        ratio = sorted(a / b for a, b in zip(seconds[ours], seconds[best], strict=True))
        ratios[rival] = [digits(value) for value in (ratio[0], median(ratio), ratio[-1])]
    return {"seconds": {name: digits(value) for name, value in medians.items()}, "ratio": ratios}


def better(values, rival):
    """Name the variant of `rival` with the smallest value; None if there is none."""
    variants = [name for name in values if name.startswith(f"{rival}, ")]
    return min(variants, key=values.get) if variants else None


def slope(sizes, times):
    """Fit time = factor · size^slope by least squares of the logarithms.

    Returns
    -------
    slope, factor : float
        A slope of 1 is proportional growth; what costs the same at every size makes it less.
    """
    exponent, log_factor = np.polyfit(np.log(sizes), np.log(times), 1)
    return float(exponent), math.exp(log_factor)


def straight_line(sizes, times):
    """Fit time = fixed + each · size by least squares; give (fixed, each)."""
    each, fixed = np.polyfit(sizes, times, 1)
    return float(fixed), float(each)


def digits(value):
    """Round to four significant digits: more is noise."""
    return float(f"{value:.4g}")
