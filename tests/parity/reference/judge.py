"""What asyncio makes of a program, which of that is contract, and the smallest program that shows a difference."""
import copy
import json
import sys

import generator
from interpreter import run


def dumps(value):
    """The text by which outcomes are compared."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


# ------------------------------------------------------------------ versions

# What CPython 3.13 changed and the programs hit (GRAMMAR.md, "Versions"). An older asyncio is no judge of these.
CHANGED_IN = {
    (3, 13): {"group", "uncancel", "cwait"},
    (3, 12): {"wait_for", "gather"},
}


def judged_here(ops, version=sys.version_info):
    """Whether this Python's asyncio has 3.13's rules for all of these statements."""
    return not any(version < since and changed & set(ops) for since, changed in CHANGED_IN.items())


def features_here(version=sys.version_info):
    return ("shutdown",) if version >= (3, 13) else ()


# ------------------------------------------------------------------ classes


def orders(count):
    """Chaos seeds: first in first out, then `count` perturbed orders."""
    return [None, *range(1, count + 1)]


def classify(program, count=100):
    """('exact', [o]) when every order gives the same outcome; ('multi', [o...]) when not; ('stuck', []) when some order
    deadlocks or never ends."""
    seen = {}
    for chaos in orders(count):
        outcome = run(program, chaos)
        if outcome["status"] != "OK":
            return "stuck", []
        seen.setdefault(dumps(outcome), outcome)
        if len(seen) > 8:
            break
    return ("exact" if len(seen) == 1 else "multi"), list(seen.values())


def make_row(seed, count):
    """A line of a corpus; None when this Python is no judge of the program."""
    program = generator.generate(seed, features=features_here())
    ops = generator.ops(program)
    if not judged_here(ops):
        return None
    kind, outcomes = classify(program, count)
    row = {"program": program, "ops": ops, "class": kind}
    if kind == "exact":
        row["outcome"] = outcomes[0]
    elif kind == "multi":
        row["outcomes"] = outcomes
    return row


def without_vain_starts(asyncio, weft):
    """On several workers a task that asyncio cancels in the step that made it, unstarted, may have begun: it is cancelled at its first
    await, in the same tick, and so is what it made; or it has ended before, if nothing in it waits. Weft's outcome without such beginnings (weft_oracle --check: forget_vain_starts)."""
    frames, tasks = dict(weft["frames"]), dict(weft["tasks"])

    def in_vain(frame):
        log = frame["log"]
        return len(log) >= 2 and log[-1][:2] == [log[0][0], "end"]

    for name, frame in weft["frames"].items():
        theirs = asyncio["frames"].get(name)
        if not theirs or theirs["end"] != "NEW" or not in_vain(frame):
            continue
        frames[name] = theirs
        for made in [other for other in frames if other.startswith(name + ".") and other not in asyncio["frames"]]:
            if frames[made]["end"] == "NEW" or in_vain(frames[made]):
                del frames[made]
                tasks.pop(made, None)
    return {**weft, "frames": frames, "tasks": tasks}


def adjudicate(program, outcome, count=5000, workers=1):
    """The order in which asyncio gives this outcome, too (a chaos seed), or False."""
    for chaos in orders(count):
        theirs = run(program, chaos)
        ours = outcome if workers == 1 else without_vain_starts(theirs, outcome)
        if dumps(theirs) == dumps(ours):
            return "first in, first out" if chaos is None else chaos
    return False


# ------------------------------------------------------------------ shrinking


def smaller_blocks(statements):
    """Statement lists a little smaller than this one."""
    for i, s in enumerate(statements):
        def instead(*middle):
            return statements[:i] + list(middle) + statements[i + 1:]
        yield instead()
        if s["op"] in ("try", "timeout", "group", "with", "loop"):
            yield instead(*s["body"])
        for key in ("body", "fin"):
            if s.get(key):
                for block in smaller_blocks(s[key]):
                    yield instead({**s, key: block})
        if s.get("fin") == []:
            yield instead({**s, "fin": None})
        for j, handler in enumerate(s.get("handlers", ())):
            before, after = s["handlers"][:j], s["handlers"][j + 1:]
            yield instead({**s, "handlers": before + after})
            for block in smaller_blocks(handler["body"]):
                yield instead({**s, "handlers": before + [{**handler, "body": block}] + after})
        for j, item in enumerate(s.get("items", ())):
            before, after = s["items"][:j], s["items"][j + 1:]
            if before or after:
                yield instead({**s, "items": before + after})
            for block in smaller_blocks(item.get("body", [])):
                yield instead({**s, "items": before + [{**item, "body": block}] + after})
        if "item" in s:
            for block in smaller_blocks(s["item"].get("body", [])):
                yield instead({**s, "item": {**s["item"], "body": block}})


def smaller(program):
    for main in smaller_blocks(program["main"]):
        used = {s["o"] for s in generator.walk(main) if "o" in s}
        objects = {name: d for name, d in program["objects"].items() if name in used}
        yield {**program, "main": main, "objects": objects}


def shrink(program, bad):
    """The smallest program, by steps of smaller(), for which bad(program) still holds."""
    program = copy.deepcopy(program)
    again = True
    while again:
        again = False
        for candidate in smaller(program):
            try:
                failing = bad(candidate)
            except Exception:       # a candidate may be no program at all, such as one that uses what it does not make
                failing = False
            if failing:
                program = candidate
                again = True
                break
    return program
