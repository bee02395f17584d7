#!/usr/bin/env bash
# Installs what is missing, builds weft optimised, and shows it at work: two examples, the benchmark table, and facts about latency and memory.
#   ./run.sh            about five minutes on two cores
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
weft_steps=6
. .ci/common.sh
trap 'code=$?; [ $code -eq 0 ] || printf "\nVERDICT: FAILED (exit code %d; the reason stands above)\n" "$code"' EXIT

step "Packages"
need_packages g++ cmake ninja-build pkg-config libbenchmark-dev libtbb-dev libcpp-httplib-dev

step "Build (release, g++)"
# Its own folder, so that the options of a developer's build/release-gcc stay as they are.
mkdir -p build
cmake --preset release-gcc -B build/run -DWEFT_BUILD_TESTS=OFF > build/run.log 2>&1 || { cat build/run.log; exit 1; }
cmake --build build/run -j "$(weft_jobs)" --target example_asyncfoo example_fetch weft_bench weft_facts

step "Example: asyncfoo (gather and create_task with sleeps; takes about 5 s)"
build/run/examples/asyncfoo

step "Example: fetch (create_task, gather and TaskGroup over real HTTP on loopback)"
build/run/examples/fetch

step "Benchmarks: weft beside oneTBB, OpenMP tasks and a plain serial function"
build/run/benchmarks/weft_bench --table

step "Facts: two leaves on two cores, how fast a tree stops, lateness under load, memory, speed-up"
build/run/benchmarks/weft_facts

printf '\nVERDICT: OK. Built, both examples ran to their end, and the table above is this machine (%dm%02ds).\n' \
  $(((SECONDS - weft_started) / 60)) $(((SECONDS - weft_started) % 60))
