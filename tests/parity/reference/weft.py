"""Runs programs with weft_oracle and compares with asyncio."""
import copy
import json
import subprocess

import generator
import judge
from interpreter import run

HANG = 60       # seconds without a further outcome; a program takes milliseconds


class Weft:
    def __init__(self, executable, launcher=()):
        self.command = [*launcher, executable]

    def outcomes(self, programs, workers, seed=0):
        """One for each program: an outcome, or a word for what happened instead."""
        found = []
        while len(found) < len(programs):
            rest = programs[len(found):]
            lines, end = self._once(rest, workers, seed)
            found += [json.loads(line) for line in lines[:len(rest)]]
            if len(lines) < len(rest):
                found.append(end)       # the first program without an outcome; go on behind it
        return found

    def _once(self, programs, workers, seed):
        text = "".join(judge.dumps(p) + "\n" for p in programs)
        command = [*self.command, "--workers", str(workers), "--seed", str(seed), "-"]
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True,
                                  timeout=HANG + len(programs) * 0.5)
        except subprocess.TimeoutExpired as late:
            return self._whole_lines((late.stdout or b"").decode()), "HANG"
        return self._whole_lines(done.stdout), f"EXIT {done.returncode}: {done.stderr[-2000:]}"

    @staticmethod
    def _whole_lines(text):
        return [line for line in text.split("\n")[:-1] if line]


def ended(outcome):
    """Whether every frame and every task of it has ended."""
    return (isinstance(outcome, dict) and outcome["status"] == "OK"
            and all(f["end"] != "RUNNING" for f in outcome["frames"].values())
            and "PENDING" not in outcome["tasks"].values())


def asyncio_left_something(outcome):
    """asyncio does not end tasks that were made while it was cancelling already; weft does."""
    return not ended(outcome)


def comparable(program, outcome):
    """The text of an outcome without what the two sides are known to do differently: weft's outer future of a gather is a
    task, so the cancelling of everything at the end of run reaches the children once more, and they count it."""
    if not any(s["op"] == "gather" and "var" in s for s in generator.walk(program["main"])) or "m" not in outcome["frames"]:
        return judge.dumps(outcome)
    outcome = copy.deepcopy(outcome)
    main = outcome["frames"]["m"]["log"]
    for frame in outcome["frames"].values():
        for event in frame["log"]:
            if event[1] in ("cancelling", "uncancel") and event[0] >= main[-1][0]:
                event[2] = None
    return judge.dumps(outcome)


def agrees(row, outcome, workers):
    """Equal to the one outcome of an exact program; of others it is only asked that they end."""
    if row["class"] != "exact" or asyncio_left_something(row["outcome"]):
        return ended(outcome)
    if not isinstance(outcome, dict):
        return False
    if workers != 1:
        outcome = judge.without_vain_starts(row["outcome"], outcome)
    return comparable(row["program"], outcome) == comparable(row["program"], row["outcome"])


def shrink(weft, program, workers, repeat=5, count=60):
    """The smallest program of class exact on which weft differs in one of a few runs."""
    def bad(candidate):
        kind, outcomes = judge.classify(candidate, count)
        if kind != "exact" or asyncio_left_something(outcomes[0]):
            return False
        row = {"program": candidate, "class": kind, "outcome": outcomes[0]}
        return not all(agrees(row, o, workers) for o in weft.outcomes([candidate] * repeat, workers))
    return judge.shrink(program, bad)


def verdict(weft, row, outcome, workers, count=5000):
    """(whether it is weft's fault, text for people)."""
    program = row["program"]
    if isinstance(outcome, dict):
        order = judge.adjudicate(program, outcome, count, workers)
        if order is not False:
            return False, f"asyncio can do that, too (order {order}): the program was taken for exact and is not"
    small = shrink(weft, program, workers)
    return True, (f"not reached by asyncio in {count} orders\nsmallest program: {judge.dumps(small)}\n"
                  f"asyncio: {judge.dumps(run(small))}\nweft:    {judge.dumps(weft.outcomes([small], workers)[0])}")
