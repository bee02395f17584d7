#!/usr/bin/env python3
"""Measures weft and its peers, interleaved, over several programs; writes JSON, Markdown and HTML. ./bench.sh builds what it needs and calls it.

    suite.py --weft g++=build/bench-gcc/benchmarks/weft_bench --weft clang=... [--peer Go=PATH]... --out FOLDER [--size full|quick|smoke]
             [--against FILE] [--resume] [--only TEXT] [--rounds N] [--threads 1,2,4] [--skipped "TEXT"]...

For each work every contender (weft and peers in each compiler's weft_bench, and the programs of other languages) is called once to warm it and once
to see how long it takes; then in rounds A B C A B C ... one sample of each, so that a slow phase of the machine hits all of
them. Works of the section `memory` get a fresh process each. What would take longer than a limit for one call is left out, with a line
that says so. Every result is checked by the program that made it, or here.

The report is written after each work, so a run that is interrupted has lost nothing but its last work; --resume goes on with it.
"""

import argparse
import datetime
import hashlib
import json
import os
import platform
import sys
import time

import compare
import html_page
import markdown
from servers import PeerError, Server

# Seconds: of one sample, of one kernel in all its rounds, of a single call at most.
PACE = {
    "full": {"rounds": 7, "sample": 0.050, "kernel": 30.0, "call": 45.0},
    "quick": {"rounds": 3, "sample": 0.004, "kernel": 0.25, "call": 0.6},
    "smoke": {"rounds": 1, "sample": 0.0, "kernel": 0.0, "call": 60.0},
}


def quantile(ordered, q):
    place = q * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


class Candidate:
    """One contender at one work: where it is run and by what words, and its samples so far."""

    def __init__(self, server, what, kernel, contender, program, threads):
        self.server, self.what, self.kernel = server, what, kernel
        self.contender, self.program, self.threads = contender, program, threads
        self.form = kernel["form"] if contender == kernel["contender"] else ""  # a peer of another program has no forms
        self.own_samples = kernel["samples"]
        self.calls, self.seconds, self.rounds = 1, 0.0, 0
        self.samples = []

    def name(self):
        form = f", {self.form}" if self.form else ""
        return f"{self.contender} ({self.program}, {self.threads}t{form})"

    def measure(self, calls):
        answer = self.server.run(self.what, calls)
        if isinstance(answer, list):
            return answer
        seconds, result = answer
        if not self.own_samples and result != self.kernel["expected"]:
            raise PeerError(f"{self.name()}: {self.kernel['work']} gave {result}, not {self.kernel['expected']}")
        return seconds

    def result(self):
        ordered = sorted(self.samples)
        row = {key: self.kernel[key] for key in ("section", "work", "tasks", "unit")}
        row.update(form=self.form, contender=self.contender, program=self.program, threads=self.threads, rounds=self.rounds,
                   median=quantile(ordered, 0.5), low=quantile(ordered, 0.25), high=quantile(ordered, 0.75))
        if self.own_samples:
            row["percentiles"] = {str(p): quantile(ordered, p / 100) for p in (50, 90, 99, 99.9, 100)}
            row["count"] = len(ordered)
        else:
            row["samples"] = [round(sample, 4) for sample in self.samples]
        return row


class Suite:
    def __init__(self, arguments):
        self.arguments = arguments
        self.against = compare.load(arguments.against) if arguments.against else None
        self.pace = dict(PACE[arguments.size])
        if arguments.rounds:
            self.pace["rounds"] = arguments.rounds
        self.skipped = [{"who": "", "why": text} for text in arguments.skipped]
        self.errors = []
        self.results = []
        self.per_task = {}  # (contender, program, threads, form, name of the work's program) -> seconds per task
        self.seconds = {}  # work -> how long measuring it took
        self.works_in_all = 0
        self.when = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        self.minutes_before = 0.0
        self.started = time.monotonic()

    # ---- who takes part

    def start(self):
        options = {"full": ["--full"], "quick": [], "smoke": ["--smoke"]}[self.arguments.size]
        threads = ",".join(str(n) for n in self.arguments.threads)
        self.weft = {}
        for name, path in self.arguments.weft:
            self.weft[name] = Server(f"weft_bench of {name}", [path, "--serve", "--threads", threads, *options])
        self.peers = {}  # name -> {threads: server}
        for name, command in self.arguments.peer:
            by_threads = {n: Server(name, [*command.split(), str(n)]) for n in self.arguments.threads}
            first = by_threads[self.arguments.threads[0]]
            try:
                programs = first.ask("programs").split()
                version = first.ask("version")
            except (PeerError, OSError) as error:
                self.skip(name, f"does not run: {error}")
                continue
            only = [1] if name.startswith("asyncio") else self.arguments.threads
            self.peers[name] = {"servers": {n: by_threads[n] for n in only}, "programs": programs, "version": version}
        self.kernels = {name: server.list() for name, server in self.weft.items()}

    def works(self):
        """The works in the order of the list: name -> candidates."""
        works = {}
        for program, kernels in self.kernels.items():
            for index, kernel in enumerate(kernels):
                if self.arguments.only not in kernel["work"]:
                    continue
                candidate = Candidate(self.weft[program], str(index), kernel, kernel["contender"], program, kernel["threads"])
                works.setdefault(kernel["work"], []).append(candidate)
        for work, candidates in works.items():
            kernel = candidates[0].kernel
            spec = next((c.kernel["spec"] for c in candidates if c.kernel["spec"]), "")
            if not spec:
                continue
            for name, peer in self.peers.items():
                if spec.split()[0] not in peer["programs"]:
                    continue
                for threads, server in peer["servers"].items():
                    candidates.append(Candidate(server, spec, kernel, name, name, threads))
        return works

    def skip(self, who, why):
        self.skipped.append({"who": who, "why": why})
        print(f"  skipped: {who}: {why}", file=sys.stderr)

    def resume(self, earlier):
        """Goes on with the run that has left this report."""
        now = self.report()
        for what in ("size", "only", "rounds", "threads", "programs"):
            if earlier.get(what) != now[what]:
                sys.exit(f"error: --resume: the earlier run had other {what}: {earlier.get(what)}, now {now[what]}")
        self.results, self.skipped, self.seconds = earlier["results"], earlier["skipped"], earlier["seconds per work"]
        self.errors = earlier["errors"]
        self.when, self.minutes_before = earlier["when"], earlier["minutes"]

    # ---- measuring

    def calibrate(self, candidate):
        """Warms it and finds how many calls make a sample. False: it takes too long, or fails."""
        kernel = candidate.kernel
        spec = kernel["spec"].split()
        key = (candidate.contender, candidate.program, candidate.threads, candidate.form, spec[0] if spec else kernel["work"])
        # weft itself is never left out.
        limit = float("inf") if candidate.contender == "weft" else self.pace["call"]
        foreseen = self.per_task.get(key, 0) * kernel["tasks"]
        if foreseen > limit:
            self.skip(candidate.name(), f"{kernel['work']} would take about {foreseen:.0f} s")
            return False
        begin = time.monotonic()
        seconds = candidate.measure(1)
        if candidate.own_samples or self.arguments.size == "smoke":
            candidate.samples = seconds if candidate.own_samples else [seconds * 1e9 / kernel["tasks"]]
            candidate.rounds = 1
            candidate.seconds = time.monotonic() - begin
            return True
        self.per_task[key] = seconds / kernel["tasks"]
        if seconds > limit:
            self.skip(candidate.name(), f"{kernel['work']} takes {seconds:.1f} s")
            return False
        if seconds < self.pace["kernel"] / 4:
            begin = time.monotonic()
            seconds = candidate.measure(1)
        else:
            candidate.samples.append(seconds * 1e9 / kernel["tasks"])
            candidate.rounds = 1
        wall = time.monotonic() - begin
        candidate.calls = max(1, round(self.pace["sample"] / max(seconds, 1e-7)))
        candidate.seconds = max(wall, seconds * candidate.calls)
        return True

    def rounds_of(self, candidate):
        if self.arguments.size == "smoke":
            return 0
        most = self.pace["rounds"]
        if candidate.own_samples and candidate.kernel["section"] == "memory":
            most = 2
        return max(1, min(most, int(self.pace["kernel"] / max(candidate.seconds, 1e-6))))

    def attempt(self, candidate, step):
        try:
            return step()
        except (PeerError, OSError) as error:
            candidate.failed = True
            mine = candidate.server in self.weft.values()
            self.skip(candidate.name(), f"FAILED: {error}")
            if mine:
                self.errors.append(str(error))
            return False

    def measure(self, candidates):
        fresh = candidates[0].kernel["section"] == "memory"
        ready = []
        for candidate in candidates:
            if fresh:
                candidate.server.close()
            if self.attempt(candidate, lambda c=candidate: self.calibrate(c)):
                ready.append(candidate)
        wanted = {candidate: self.rounds_of(candidate) for candidate in ready}
        for number in range(max(wanted.values(), default=0)):
            for candidate in ready:
                if number >= wanted[candidate] or getattr(candidate, "failed", False):
                    continue
                if fresh:
                    candidate.server.close()
                sample = self.attempt(candidate, lambda c=candidate: [c.measure(c.calls)])
                if not sample:
                    continue
                if candidate.own_samples:
                    candidate.samples.extend(sample[0])
                else:
                    candidate.samples.append(sample[0] * 1e9 / (candidate.calls * candidate.kernel["tasks"]))
                candidate.rounds += 1
        for candidate in ready:
            if candidate.samples and not getattr(candidate, "failed", False):
                self.results.append(candidate.result())
        for program, server in self.weft.items():
            for candidate in candidates:
                if candidate.program == program:
                    self.attempt(candidate, lambda c=candidate: server.ask(f"release {c.what}"))

    def run(self):
        works = self.works()
        if not works:
            sys.exit(f"no work has '{self.arguments.only}' in its name")
        self.works_in_all = len(works)
        works = {work: candidates for work, candidates in works.items() if work not in self.seconds}
        total = sum(len(candidates) for candidates in works.values())
        before = self.arguments.seconds_before
        done, begin = 0, time.monotonic()
        for at_work, (work, candidates) in enumerate(works.items()):
            elapsed = time.monotonic() - begin
            left = sum(before.get(w, 0) for w in list(works)[at_work:]) if before else (elapsed / done * (total - done) if done else 0)
            about = f"about {left / 60:.1f} min left" if done or before else "time left not known yet"
            print(f"[{100 * done // total:3d} %] {elapsed / 60:4.1f} min, {about}: {work} ({len(candidates)} contenders)", file=sys.stderr, flush=True)
            at = time.monotonic()
            self.measure(candidates)
            self.seconds[work] = time.monotonic() - at
            done += len(candidates)
            self.write()
        for server in [*self.weft.values(), *(s for peer in self.peers.values() for s in peer["servers"].values())]:
            server.close()

    def report(self):
        programs = {}
        for name, path in self.arguments.weft:
            programs[name] = self.described[name]
        for name, peer in self.peers.items():
            programs[name] = {"version": peer["version"]}
        return {
            "format": 1,
            "when": self.when,
            "works": f"{len(self.seconds)} of {self.works_in_all}",
            "command": self.arguments.words,
            "size": self.arguments.size,
            "only": self.arguments.only,
            "rounds": self.pace["rounds"],
            "threads": self.arguments.threads,
            "machine": {"processors": os.cpu_count(), "system": platform.platform(), "load at the end": f"{os.getloadavg()[0]:.1f}",
                        **{k: v for k, v in next(iter(self.described.values())).items() if k == "machine"}},
            "programs": programs,
            "minutes": round(self.minutes_before + (time.monotonic() - self.started) / 60, 1),
            "seconds per work": {work: round(s, 2) for work, s in self.seconds.items()},
            "skipped": self.skipped,
            "errors": self.errors,
            "results": self.results,
        }

    def describe(self):
        self.described = {name: json.loads(server.ask("machine")) for name, server in self.weft.items()}
        # Which build it was: --resume goes on with no other.
        for name, path in self.arguments.weft:
            with open(path, "rb") as file:
                self.described[name]["build"] = hashlib.sha256(file.read()).hexdigest()[:12]

    def write(self):
        report = self.report()
        if self.against:
            report["against"] = compare.compare(report, self.against, self.arguments.against)
        os.makedirs(self.arguments.out, exist_ok=True)
        for name, text in (("results.json", json.dumps(report, indent=1)), ("results.md", markdown.page(report)), ("results.html", html_page.page(report))):
            # Whole or not at all.
            path = os.path.join(self.arguments.out, name)
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(text + "\n")
            os.replace(path + ".new", path)
        return report


def pair(text):
    name, _, value = text.partition("=")
    if not value:
        raise argparse.ArgumentTypeError(f"not NAME=PATH: {text}")
    return name, value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weft", type=pair, action="append", required=True)
    parser.add_argument("--peer", type=pair, action="append", default=[])
    parser.add_argument("--out", required=True)
    parser.add_argument("--size", choices=PACE, default="full")
    parser.add_argument("--against")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=None)
    parser.add_argument("--skipped", action="append", default=[])
    arguments = parser.parse_args()
    if arguments.threads is None:
        processors = len(os.sched_getaffinity(0))
        arguments.threads = sorted({n for n in (1, 2, 4, 8, 16, 32, 64, 128) if n <= processors} | {processors})
    arguments.words = " ".join(os.path.basename(word) if i == 0 else word for i, word in enumerate(sys.argv))
    suite = Suite(arguments)
    same_size = suite.against and suite.against["size"] == arguments.size
    arguments.seconds_before = suite.against.get("seconds per work", {}) if same_size else {}

    suite.start()
    suite.describe()
    if arguments.resume:
        suite.resume(compare.load(os.path.join(arguments.out, "results.json")))
    else:
        suite.write()
    try:
        suite.run()
    except KeyboardInterrupt:
        print(f"\nInterrupted after {len(suite.seconds)} of {suite.works_in_all} works; they are in {arguments.out}, and --resume goes on.", file=sys.stderr)
        sys.exit(130)
    report = suite.write()
    if arguments.size != "smoke":
        print(markdown.page(report, detail=False))
    print(f"{len(report['results'])} measurements, {len(report['skipped'])} skipped, {report['minutes']} min; written: {arguments.out}/results.json, .md, .html")
    if suite.errors:
        sys.exit("FAILED: " + "; ".join(suite.errors))


if __name__ == "__main__":
    main()
