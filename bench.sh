#!/usr/bin/env bash
# Installs what is missing, builds the benchmarks with both compilers, measures weft and its peers interleaved, and writes
# results.json, results.md and results.html into build/bench.
#   ./bench.sh                  the full sizes: an hour or two, and about 8 GB of memory
#   ./bench.sh --quick          small sizes: three minutes after the build
#   ./bench.sh --against FILE   also compares with an earlier results.json, and marks what got slower beyond noise
#   ./bench.sh --resume         goes on with a run that was interrupted
#   ./bench.sh --only TEXT      only the works with TEXT in their name
#   ./bench.sh --threads 1,2,4  --rounds N  --out FOLDER
#   ./bench.sh --no-install     installs nothing: peers whose packages are missing are skipped, with a line that says so
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. .ci/common.sh

size=full out=build/bench install=yes
options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) size=quick ;;
    --no-install) install=no ;;
    --out) out=${2:?--out needs a folder}; shift ;;
    --resume) options+=("$1") ;;
    --against | --only | --threads | --rounds) options+=("$1" "${2:?$1 needs a value}"); shift ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "error: unknown option '$1'; see ./bench.sh --help" >&2; exit 2 ;;
  esac
  shift
done
weft_steps=4
trap 'code=$?; [ $code -eq 0 ] || printf "\nVERDICT: FAILED (exit code %d; the reason stands above)\n" "$code"' EXIT

step "Packages"
if [ $install = yes ]; then
  need_packages g++ clang-19 libomp-19-dev cmake ninja-build pkg-config python3 libbenchmark-dev libtbb-dev libasio-dev libboost-fiber-dev
  # Whole languages, for one peer each: a machine that cannot have them is measured without.
  (need_packages golang-go) || echo "Without Go."
  (need_packages cargo rustc librust-tokio-dev) || echo "Without tokio."
else
  echo "Nothing is installed."
fi

mkdir -p build
skipped=(--skipped "Taskflow: Debian has no package of the C++ library")
for compiler in gcc clang; do
  step "Build (release, $compiler)"
  # Its own folder, so that the options of a developer's build stay as they are.
  cmake --preset release-$compiler -B build/bench-$compiler -DWEFT_BUILD_TESTS=OFF -DWEFT_BUILD_EXAMPLES=OFF -DWEFT_BENCH_PEERS=all \
    > build/bench-$compiler.log 2>&1 || { cat build/bench-$compiler.log; exit 1; }
  while read -r line; do
    echo "$line"
    skipped+=(--skipped "$compiler: $line")
  done < <(sed -n 's/^-- Benchmarks: skipped: //p' build/bench-$compiler.log)
  cmake --build build/bench-$compiler -j "$(weft_jobs)" --target weft_bench
done
peers=(--peer "asyncio=python3 benchmarks/peers/asyncio_peer.py")
built=build/bench-gcc/benchmarks
for peer in "Boost.Fiber weft_peer_boost_fiber weft_peer_boost_fiber" "Go weft_peer_go weft_peer_go_program" "tokio weft_peer_tokio weft_peer_tokio_program"; do
  read -r name program target <<< "$peer"
  ! grep -q "skipped: $name:" build/bench-gcc.log || continue
  # A peer that does not build is no reason to measure nothing.
  if cmake --build build/bench-gcc -j "$(weft_jobs)" --target "$target" > "build/$program.log" 2>&1; then
    peers+=(--peer "$name=$built/$program")
  else
    tail -n 5 "build/$program.log"
    skipped+=(--skipped "$name: does not build here, see build/$program.log")
  fi
done

step "Measuring ($size)"
python3 benchmarks/report/suite.py --weft g++=build/bench-gcc/benchmarks/weft_bench --weft clang=build/bench-clang/benchmarks/weft_bench \
  "${peers[@]}" "${skipped[@]}" --size $size --out "$out" ${options[@]+"${options[@]}"}

printf '\nVERDICT: OK. The page is %s/results.html (%dm%02ds).\n' "$out" $(((SECONDS - weft_started) / 60)) $(((SECONDS - weft_started) % 60))
