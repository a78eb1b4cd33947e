#!/usr/bin/env bash
# The check of benchmarks/gpu_check.py on a machine with a GPU and without a network.
#
#   bash benchmarks/gpu_check.sh gather [DATA]    where there is a network: wheels and data, into
#                                                 .gpu_check/; DATA or KSSL_DATA_DIR has the data sets
#   bash benchmarks/gpu_check.sh run [OPTION...]  on the other machine, from a copy of the checkout
#                                                 with .gpu_check/; options are gpu_check.py's
#
# The other machine must have Python 3.12, JAX with CUDA and, for the peers, PyTorch and
# transformers; and of what Keras and kssl need the packages that come with those: h5py, Pillow,
# rich, scikit-learn, psutil, pluggy, wrapt. What is usually not there travels as wheels. OUT is the
# folder for the tables, PYTHON the interpreter, KSSL_TRAVEL_MIB (64) the most that may travel.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.gpu_check
python=${PYTHON:-python3}

# In the versions that are installed here, with which the tests have run; the others in the newest.
packages=(keras keras-hub optree namex ruamel.yaml diffusers importlib-metadata)

version_of() {
  "$python" -c 'import importlib.metadata as m, sys
try: print("==" + m.version(sys.argv[1]))
except m.PackageNotFoundError: pass' "$1"
}

gather() {
  local data=${1:-${KSSL_DATA_DIR:-}}
  if [ -z "$data" ]; then
    echo "give the folder of the data sets, or set KSSL_DATA_DIR" >&2
    exit 2
  fi
  rm -rf "$folder"
  mkdir -p "$folder/wheels"
  local platforms=() platform package
  for platform in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014 manylinux1; do
    platforms+=(--platform "${platform}_x86_64")
  done
  for package in "${packages[@]}"; do
    "$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 \
      --implementation cp "${platforms[@]}" -d "$folder/wheels" "$package$(version_of "$package")"
  done
  "$python" benchmarks/gpu/gather.py data "$data" "$folder/data"
  "$python" benchmarks/gpu/gather.py size "${KSSL_TRAVEL_MIB:-64}" "$folder"
  echo "Copy the checkout and $folder/ to the other machine, and run there, in the checkout:"
  echo "  bash benchmarks/gpu_check.sh run --minutes 9"
}

run() {
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --upgrade \
    --target "$folder/site" "$folder"/wheels/*.whl
  PYTHONPATH="$PWD/$folder/site" PYTHONUNBUFFERED=1 "$python" benchmarks/gpu_check.py \
    --data "$folder/data" --out "${OUT:-$folder/out}" "$@"
}

case "${1:-}" in
  gather | run) "$@" ;;
  *)
    echo "usage: bash benchmarks/gpu_check.sh gather [DATA] | run [OPTION...]" >&2
    exit 2
    ;;
esac
