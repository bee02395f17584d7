#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests through one ctest over all builds.
#   ./test.sh           release with g++ and clang-19, ASan+UBSan with g++, TSan with clang-19
#   ./test.sh --quick   release with g++ only
#   ./test.sh --all     all ten builds, and the soaks (WEFT_SOAK_SECONDS each, 60 by default) in the ASan and TSan ones
#   ./test.sh NAME...   the builds (presets) of that name, such as tsan-gcc
# It ends with ctest's own closing lines; "100% tests passed" is the verdict.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. .ci/common.sh

all="dev-gcc dev-clang release-gcc release-clang asan-gcc asan-clang tsan-gcc tsan-clang ubsan-gcc ubsan-clang"
soak=OFF default=OFF
case "${1-}" in
  "") presets=(release-gcc release-clang asan-gcc tsan-clang); default=ON ;;
  --quick) presets=(release-gcc) ;;
  --all) read -ra presets <<< "$all"; soak=ON ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *)
    presets=("$@")
    for preset in "${presets[@]}"; do
      [[ " $all " == *" $preset "* ]] || { echo "error: no build is called '$preset'; there are: $all" >&2; exit 2; }
    done
    ;;
esac
weft_steps=$((${#presets[@]} + 2))
trap 'code=$?; printf "\nVERDICT: FAILED before the tests could run (exit code %d; the reason stands above)\n" "$code"' EXIT

step "Packages"
packages=(g++ cmake ninja-build pkg-config libgtest-dev libgmock-dev libbenchmark-dev libtbb-dev libcpp-httplib-dev
  nlohmann-json3-dev valgrind)
[[ "${presets[*]}" != *-clang* ]] || packages+=(clang-19 libclang-rt-19-dev libomp-19-dev)
need_packages "${packages[@]}"

jobs=$(weft_jobs)
mkdir -p build
for preset in "${presets[@]}"; do
  step "Build $preset"
  with_soak=OFF
  [[ $soak == OFF || $preset != [at]san-* ]] || with_soak=ON
  # In the default set one compiler is enough for what the other would only repeat, sources are compiled several at once, unit tests share processes,
  # and g++, which takes half of its time to optimise them, does so less: it is clang++ that compiles them with -O2. --all and builds called by name
  # leave nothing out.
  examples=ON headers=ON models=ON package=ON benchmarks=OFF together=OFF flags=
  [[ $preset != release-* ]] || benchmarks=ON
  if [[ $default == ON ]]; then
    together=ON
    headers=PUBLIC
    [[ $preset == release-gcc ]] || examples=OFF headers=OFF benchmarks=OFF
    [[ $preset == release-clang ]] || models=OFF
    [[ $preset == release-gcc || $preset == tsan-clang ]] || package=OFF
    [[ $preset != release-gcc ]] || flags="-Og;-foptimize-sibling-calls"
    [[ $preset != release-clang ]] || flags="-fno-vectorize;-fno-slp-vectorize;-fno-unroll-loops"
  fi
  cmake --preset "$preset" -DWEFT_BUILD_EXAMPLES=$examples -DWEFT_TEST_HEADERS=$headers -DWEFT_TEST_MODELS=$models -DWEFT_TEST_PACKAGE=$package \
    -DWEFT_BUILD_BENCHMARKS=$benchmarks -DWEFT_UNITY_BUILD=$together -DWEFT_TEST_SHARDS=$together "-DWEFT_TEST_FLAGS=$flags" \
    -DWEFT_SOAK_TESTS=$with_soak -DWEFT_SOAK_SECONDS="${WEFT_SOAK_SECONDS:-60}" \
    > "build/$preset.log" 2>&1 || { cat "build/$preset.log"; exit 1; }
  cmake --build --preset "$preset" -j "$jobs"
done

# One ctest over all builds: a folder whose test file does nothing but name theirs.
rm -rf build/all
mkdir -p build/all
for preset in "${presets[@]}"; do
  printf 'subdirs("%s/build/%s")\n' "$PWD" "$preset" >> build/all/CTestTestfile.cmake
done

# Only the soaks take their length from here; the short forms of the same tests have to stay short. In the default set some are shorter still,
# and small enough for one more than there are processors: some wait for their threads more than they compute.
unset WEFT_SOAK_SECONDS WEFT_SHORT_TESTS
parallel=$jobs
if [[ $default == ON ]]; then
  export WEFT_SHORT_TESTS=1
  parallel=$((jobs + 1))
fi
step "Tests of ${presets[*]}"
trap - EXIT
cd build/all
exec ctest --output-on-failure --no-tests=error --no-label-summary --parallel "$parallel"
