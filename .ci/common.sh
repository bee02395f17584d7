# What run.sh and test.sh share: packages, job count, progress. Sourced, with `set -euo pipefail` already on.

weft_started=$SECONDS
weft_step=0

# step WORDS: a progress line with its number and the time since the start.
step() {
  weft_step=$((weft_step + 1))
  printf '\n=== [%d/%d] %s (%dm%02ds since the start)\n' "$weft_step" "$weft_steps" "$*" \
    $(((SECONDS - weft_started) / 60)) $(((SECONDS - weft_started) % 60))
}

# need_packages NAMES: installs the Debian packages that are missing. Needs root (or sudo) only if any is.
need_packages() {
  local missing=() package
  if ! command -v dpkg-query > /dev/null; then
    echo "This is no Debian: nothing is installed, and these packages or their like are assumed: $*"
    return
  fi
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)" = installed ] || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "All $# packages are there."
    return
  fi
  echo "Missing: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null; then
      echo "error: installing them needs root. As root: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "error: apt-get could not install: ${missing[*]}" >&2
    exit 1
  fi
  rm -f "$log"
  echo "Installed ${#missing[@]} packages."
}

# How many compilers may run at once: one for each core, and for each 2 GiB of memory that is free.
weft_jobs() {
  local cores free
  cores=$(nproc)
  free=$(awk '/^MemAvailable:/ { print int($2 / 1024 / 1024 / 2) }' /proc/meminfo)
  [ "$free" -ge 1 ] || free=1
  echo $((cores < free ? cores : free))
}
