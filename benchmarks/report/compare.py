"""Compares two runs: what got slower, or faster, by more than both runs' noise.

Noise of a measurement: half the distance of its quartiles, relative to its median. A change counts if it is larger than 5 % and larger than
three times the two runs' noises added. Two runs on different machines, or of different sizes, are compared all the same, with a warning.
"""

import json


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except OSError as error:
        raise SystemExit(f"error: {path}: {error.strerror}")
    except json.JSONDecodeError:
        report = None
    if not isinstance(report, dict) or report.get("format") != 1:
        raise SystemExit(f"error: {path} was not written by this suite")
    return report


def key(row):
    return (row["work"], row["form"], row["contender"], row["program"], row["threads"])


def noise(row):
    return (row["high"] - row["low"]) / 2 / row["median"] if row["median"] else 0


def compare(report, before, path):
    old = {key(row): row for row in before["results"]}
    changes = []
    compared = 0
    for row in report["results"]:
        if row["contender"] != "weft" or key(row) not in old:
            continue
        compared += 1
        was = old[key(row)]
        if not was["median"] or not row["median"]:
            continue
        ratio = row["median"] / was["median"]
        limit = 1 + max(0.05, 3 * (noise(row) + noise(was)))
        if ratio > limit or ratio < 1 / limit:
            changes.append({"work": row["work"], "form": row["form"], "program": row["program"], "threads": row["threads"], "unit": row["unit"],
                            "before": was["median"], "now": row["median"], "ratio": ratio, "slower": ratio > 1})
    warnings = []
    if before["machine"].get("machine") != report["machine"].get("machine"):
        warnings.append(f"another machine: {before['machine'].get('machine')}")
    if before["size"] != report["size"]:
        warnings.append(f"other sizes: {before['size']}")
    changes.sort(key=lambda change: -change["ratio"])
    return {"path": path, "when": before["when"], "compared": compared, "changes": changes, "warnings": warnings}
