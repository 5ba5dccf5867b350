#!/usr/bin/env bash
# All that a GPU is needed for, in one go, without the network, in under 8 minutes:
#
#     tests/gpu.sh [FOLDER]      with PYTHON=… for another Python than python3
#
# It needs this checkout and a Python with CuPy, pytest and what minunet needs; PyTorch is compared
# with if it is there. One table is printed; FOLDER (gpu-run, if none is given) gets it as
# bench-<gpu>.json, and log.txt with all that was printed on the way. A part that fails says so in
# its row and does not end the others; the exit code is 1 then, and where there is no GPU.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$root:$root/tests/helpers${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python3}" "$root/tests/helpers/gpu_figures.py" "${@:-gpu-run}"
