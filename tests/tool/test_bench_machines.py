"""Machines: what a file says of its own, and several beside each other."""

import pytest

from minunet.tool.bench.machine import LIMITS, describe, file_name, label, processor
from minunet.tool.bench.machines import format_machines, format_summary, machines_figure, ratios

CPUINFO = """processor\t: 0
vendor_id\t: {vendor}
cpu family\t: {family}
model\t\t: {model}
model name\t: {name}
flags\t\t: fpu sse2 {flags}

processor\t: 1
model name\t: {name}
"""


def machine(tmp_path, vendor, family, model, name, flags, cores=2):
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO.format(vendor=vendor, family=family, model=model, name=name,
                                   flags=flags), encoding="utf-8")
    return {**processor(path), "limits": {}, "cores": cores, "gpu": None}


@pytest.mark.parametrize("said, words, file", [
    (("AuthenticAMD", 25, 17, "AMD EPYC", "avx2 avx512f"),
     "AMD EPYC (Zen 4, AVX-512), 2 cores", "amd-epyc-zen-4-2-cores"),
    (("AuthenticAMD", 25, 1, "AMD EPYC 7713 Processor", "avx2"),
     "AMD EPYC 7713 (Zen 3, AVX2), 2 cores", "amd-epyc-7713-zen-3-2-cores"),
    (("GenuineIntel", 6, 143, "Intel(R) Xeon(R) Processor @ 2.70GHz", "avx2 avx512f amx_tile"),
     "Intel Xeon (Sapphire Rapids, AVX-512), 2 cores", "intel-xeon-sapphire-rapids-2-cores"),
    (("GenuineIntel", 6, 151, "12th Gen Intel(R) Core(TM) i7", "avx2"),
     "12th Gen Intel Core i7 (AVX2), 2 cores", "12th-gen-intel-core-i7-2-cores"),
    (("Another", 1, 1, "Abacus 3", ""), "Abacus 3, 1 core", "abacus-3-1-core"),
])
def test_a_machine_is_named_by_its_processor(tmp_path, said, words, file):
    found = machine(tmp_path, *said, cores=1 if "1 core" in words else 2)
    assert label(found) == words
    assert file_name(found) == file


@pytest.mark.parametrize("limits, word", [
    ({"OPENBLAS_CORETYPE": "Haswell"}, "limited"),
    ({"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}, "limited to AVX2"),
    ({"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "default"}, "limited"),
])
def test_a_machine_that_is_kept_from_its_instructions_says_so(tmp_path, monkeypatch, limits, word):
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)
    for name, value in limits.items():
        monkeypatch.setenv(name, value)
    assert describe("cpu")["limits"] == limits
    found = machine(tmp_path, "AuthenticAMD", 25, 17, "AMD EPYC", "avx512f") | {"limits": limits}
    assert label(found) == f"AMD EPYC (Zen 4, {word}), 2 cores"
    assert file_name(found) == "amd-epyc-zen-4-2-cores-limited"


def test_a_gpu_is_its_machines_name():
    found = {"gpu": "NVIDIA H100 80GB HBM3"}
    assert label(found) == "NVIDIA H100 80GB HBM3"
    assert file_name(found) == "nvidia-h100-80gb-hbm3"


def test_without_linux_the_processor_is_as_python_knows_it(tmp_path):
    found = processor(tmp_path / "missing")
    assert found["processor"]
    assert (found["family"], found["model"], found["instructions"]) == (None, None, [])


def test_this_machine_is_described_without_names_of_hosts_or_paths():
    found = describe("cpu")
    assert label(found) and file_name(found)
    assert "/" not in " ".join(str(value) for key, value in found.items() if key != "processor")


# Several


def results(tmp_path, name, ratio, **more):
    """What one machine measured: a step, and its memory."""
    case, theirs = "base 2, 32×32, batch 1", {"PyTorch, contiguous": 2.0}
    found = machine(tmp_path, "Another", 1, 1, name, "")
    return {"machine": found | {"threads": 2, "numpy": "2.4", "torch": "2.1+cpu"}, "runs": 5,
            "step": [{"name": case, "seconds": {"minunet": 1.0} | theirs,
                      "ratio": {"PyTorch": ratio}}], "inference": [],
            "memory": [{"name": case, "bytes": {
                "minunet": 3 << 20, "PyTorch, contiguous": 4 << 20,
                "PyTorch, channels last": 6 << 20}}]} | more


def test_each_machine_has_a_row_with_its_ratios(tmp_path):
    one = results(tmp_path, "Abacus 3", [0.4, 0.5, 0.625])
    two = results(tmp_path, "Slide Rule", [1, 2, 3], memory=[])
    assert format_machines([one, two]).splitlines() == [
        "| | training step<br>base 2<br>32×32<br>batch 1 | peak memory of a step<br>base 2"
        "<br>32×32<br>batch 1 |",
        "| --- | --- | --- |",
        "| Abacus 3, 2 cores | 0.50 (0.40 to 0.62) | 0.75 |",
        "| Slide Rule, 2 cores | 2.00 (1.00 to 3.00) | – |"]


def test_a_summary_has_times_memory_and_ratios(tmp_path):
    image = {"name": "base 2, 64×64, batch 1", "seconds": {"minunet": 9.0},
             "bytes": {"minunet": None}}
    text = format_summary(results(tmp_path, "Abacus 3", [0.4, 0.5, 0.6], image=[image]))
    assert text.splitlines() == [
        "Measured on: Abacus 3, 2 cores; 2 threads each, NumPy 2.4, PyTorch 2.1, medians of 5 "
        "rounds:", "",
        "| | minunet | PyTorch | ratio |", "|---|---|---|---|",
        "| training step, base 2, 32×32, batch 1 | 1 s | 2 s | 0.50 (0.40 to 0.60) |",
        "| peak memory of a step, base 2, 32×32, batch 1 | 3 MiB | 4 MiB | 0.75 |",
        "| inference by tiles, base 2, 64×64, batch 1 | 9 s | | |", "| its peak memory | – | | |"]


def test_a_machine_without_pytorch_has_no_ratios(tmp_path):
    case = {"name": "a step", "seconds": {"minunet": 1.0}, "ratio": {}}
    memory = {"name": "a step", "bytes": {"minunet": None}}
    assert ratios({"step": [case], "memory": [memory]}) == {}


def test_the_picture_has_a_bar_for_each_machine_and_case(tmp_path):
    machines = [results(tmp_path, "Abacus 3", [0.4, 0.5, 0.6]),
                results(tmp_path, "Slide Rule", [1, 2, 3], memory=[])]
    [axes] = machines_figure(machines).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "Abacus 3, 2 cores", "Slide Rule, 2 cores"]
    assert {"0.50", "0.75", "2.00"} <= {text.get_text() for text in axes.texts}
    assert len(axes.get_yticks()) == 2
