#!/usr/bin/env bash
# New random programs, judged by the asyncio of this machine's Python, run on weft at 1, 2 and 8 workers. Every difference is
# adjudicated (can asyncio do that in any order?), and what is weft's is shrunk to the smallest program that shows it.
#   nightly.sh WEFT_ORACLE [SEEDS] [FIRST] [ORDERS]
#                              20000 seeds by default, from a first one that is new every day, in 100 orders each.
# It takes about 90 minutes of a core. Needs a Python of 3.12 or later, better 3.13; 3.11 does, with less to judge.
# PYTHON in the environment names one. It ends with "N passed, M failed".
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
oracle=$(realpath "$1")
seeds=${2:-20000}
first=${3:-$((1000000 + $(date +%s) / 86400 * 100000))}
orders=${4:-100}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# at_least MINOR PYTHON
at_least() { "$2" -c "import sys; sys.exit(sys.version_info < (3, $1))" 2> /dev/null; }

find_python() {
  local minor candidate
  for minor in 13 12 11; do
    for candidate in python3.14 python3.13 python3.12 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
      if command -v "$candidate" > /dev/null && at_least "$minor" "$candidate"; then
        command -v "$candidate"
        return
      fi
    done
  done
  return 1
}

if ! python=${PYTHON:-$(find_python)}; then
  echo "error: no Python of 3.12 or later is here (3.11 would do): name one by PYTHON=/path/to/python3" >&2
  exit 2
fi
exec "$python" "$here/reference/oracle.py" fresh "$oracle" "$first" "$seeds" "$orders"
