"""The oracle: random programs, what asyncio makes of them, and whether weft does the same. See docs/parity.md.

  oracle.py generate SEED                    print a program
  oracle.py run FILE [CHAOSSEED]             its outcome on this Python
  oracle.py rows FIRST N [ORDERS]            a corpus of the exact ones among N seeds, one JSON object a line
  oracle.py stats FIRST N [ORDERS]           how the seeds fall into classes, and which statements they use
  oracle.py adjudicate FILE OUTCOME [ORDERS [WORKERS]]   can asyncio give this outcome in any order?
  oracle.py shrink FILE COMMAND...           the smallest program for which COMMAND FILE fails
  oracle.py fresh WEFT_ORACLE FIRST N [ORDERS]   N new seeds, compared at 1, 2 and 8 workers; every difference is adjudicated
                                             and what is weft's is shrunk; exit code 1 if there is any
"""
import collections
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile

import generator
import judge
from interpreter import run
from weft import Weft, agrees, verdict

WORKERS = (1, 2, 8)
CHUNK = 500
OURS = "of weft"


def load_program(path):
    with open(path) as file:
        program = json.load(file)
    return program.get("program", program)


def make(task):
    return judge.make_row(*task)


def rows_of(first, count, orders):
    """Rows of the seeds, in their order; None where this Python is no judge."""
    jobs = len(os.sched_getaffinity(0))
    with multiprocessing.Pool(jobs) as pool:
        yield from pool.imap(make, ((seed, orders) for seed in range(first, first + count)), chunksize=20)


def print_rows(first, count, orders=100):
    for row in rows_of(first, count, orders):
        if row and row["class"] == "exact":
            print(judge.dumps(row))


def stats(first, count, orders=100):
    classes, statements = collections.Counter(), collections.Counter()
    for row in rows_of(first, count, orders):
        classes[row["class"] if row else "left out"] += 1
        if row and row["class"] == "exact":
            statements.update(row["ops"])
    print(dict(classes))
    for name, n in statements.most_common():
        print(f"  {name:14} {n}")


def shrink(path, command):
    def bad(program):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(judge.dumps(program) + "\n")
            file.flush()
            return subprocess.run([*command, file.name], capture_output=True, timeout=60).returncode != 0
    print(json.dumps(judge.shrink(load_program(path), bad), indent=1))


def compare(weft, rows, tally):
    """Counts the programs with differences. A program counts once, at however many workers it differs."""
    programs = [row["program"] for row in rows]
    found = {}
    for workers in WORKERS:
        for row, outcome in zip(rows, weft.outcomes(programs, workers)):
            if agrees(row, outcome, workers):
                continue
            fault, text = verdict(weft, row, outcome, workers)
            seed = row["program"]["seed"]
            found[seed] = found.get(seed, False) or fault
            print(f"seed {seed} ({row['class']}) at {workers} workers: {text}", flush=True)
    tally.update(OURS if fault else "misclassified" for fault in found.values())


def fresh(executable, first, count, orders=100):
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"asyncio of Python {version}, seeds {first} to {first + count - 1}, {orders} orders each", flush=True)
    weft, tally = Weft(executable), collections.Counter()
    chunk = []

    def flush_chunk():
        compare(weft, chunk, tally)
        chunk.clear()

    for row in rows_of(first, count, orders):
        tally[row["class"] if row else "left out"] += 1
        if row and row["class"] != "stuck":
            chunk.append(row)
        if len(chunk) == CHUNK:
            flush_chunk()
    flush_chunk()
    if not judge.judged_here({op for ops in judge.CHANGED_IN.values() for op in ops}):
        print(f"Python {version} is older than the reference, 3.13: programs that use what has changed since were left out.")
    print(", ".join(f"{n} {name}" for name, n in tally.items()))
    tried = tally["exact"] + tally["multi"]
    print(f"{tried - tally[OURS]} passed, {tally[OURS]} failed")
    return 0 if tried and not tally[OURS] else 1


def main(arguments):
    if len(arguments) < 2:
        print(__doc__)
        return 2
    command, *args = arguments
    if command == "generate":
        print(json.dumps(generator.generate(int(args[0]), features=judge.features_here()), indent=1))
    elif command == "run":
        print(judge.dumps(run(load_program(args[0]), int(args[1]) if len(args) > 1 else None)))
    elif command == "rows":
        print_rows(*map(int, args))
    elif command == "stats":
        stats(*map(int, args))
    elif command == "adjudicate":
        with open(args[1]) as file:
            order = judge.adjudicate(load_program(args[0]), json.load(file), *map(int, args[2:]))
        print("not reached" if order is False else f"reached: {order}")
        return int(order is False)
    elif command == "shrink":
        shrink(args[0], args[1:])
    elif command == "fresh":
        return fresh(args[0], *map(int, args[1:]))
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
