"""Programs that measure when they are told to: weft_bench, once for each compiler, and the peers that are programs of their own.

The protocol is in serve.hpp. A Server is one process; it is started when it is first asked and started anew when `fresh` says so.
"""

import json
import subprocess


class PeerError(Exception):
    """The program answered `error`, or went away."""


class Server:
    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.process = None

    def ask(self, line):
        self._send(line)
        answer = self._receive()
        if answer.startswith("error"):
            raise PeerError(f"{self.name}: {answer[6:]}")
        return answer

    def list(self):
        self._send("list")
        kernels = []
        while (line := self._receive()) != "end":
            if line.startswith("error"):
                raise PeerError(f"{self.name}: {line[6:]}")
            kernels.append(json.loads(line))
        return kernels

    def run(self, what, calls):
        """Seconds and result, or a list of samples."""
        words = self.ask(f"run {what} {calls}").split()
        if words[0] == "samples":
            return [float(word) for word in words[1:]]
        return float(words[1]), words[2]

    def close(self):
        if self.process is None:
            return
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _send(self, line):
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def _receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise self._gone()
        return line.rstrip("\n")

    def _gone(self):
        code = self.process.wait()
        self.process = None
        return PeerError(f"{self.name} ended with code {code} instead of answering")
