#!/usr/bin/env python3
"""Python's asyncio, as a program that measures when told to; the protocol is in report/serve.hpp. Each program is the same work as weft's."""

import asyncio
import sys
import time

HOUR = 3600


class Clock:
    """Time inside a call that counts."""

    def __init__(self):
        self.start = time.perf_counter()

    def restart(self):
        self.start = time.perf_counter()

    def seconds(self):
        return time.perf_counter() - self.start


async def fib(n, _clock=None):
    if n < 2:
        return n
    a, b = await asyncio.gather(fib(n - 1), fib(n - 2))
    return a + b


async def skynet_from(first, leaves):
    if leaves == 1:
        return first
    part = leaves // 10
    return sum(await asyncio.gather(*(skynet_from(first + i * part, part) for i in range(10))))


async def skynet(leaves, _clock):
    return await skynet_from(0, leaves)


async def echo(value):
    return value


async def call_await(times, _clock):
    total = 0
    for i in range(times):
        total += await echo(i)
    return total


async def spawn_await(tasks, _clock):
    total = 0
    for i in range(tasks):
        total += await asyncio.create_task(echo(i))
    return total


async def group(tasks, _clock):
    slots = [0] * tasks

    async def store(i):
        slots[i] = i

    async with asyncio.TaskGroup() as tg:
        for i in range(tasks):
            tg.create_task(store(i))
    return sum(slots)


def gathers(width):
    async def run(children, _clock):
        total = 0
        size = width or children
        for _ in range(0, children, size):
            total += sum(await asyncio.gather(*(echo(1) for _ in range(size))))
        return total

    return run


async def yield_often(times, _clock=None):
    for _ in range(times):
        await asyncio.sleep(0)
    return times


async def yield_in_turn(times, _clock):
    return sum(await asyncio.gather(*(yield_often(times // 100) for _ in range(100))))


async def take_turns(mine, other, times):
    for _ in range(times):
        await mine.wait()
        mine.clear()
        other.set()
    return times


async def event(times, _clock):
    a, b = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(take_turns(a, b, times // 2))
    second = asyncio.create_task(take_turns(b, a, times // 2))
    a.set()
    return await first + await second


def held_freely(make):
    async def run(times, _clock):
        mutex = make()
        for _ in range(times):
            await mutex.acquire()
            mutex.release()
        return times

    return run


def contended(make):
    async def run(times, _clock):
        mutex = make()

        async def hold():
            for _ in range(times // 4):
                await mutex.acquire()
                await asyncio.sleep(0)
                mutex.release()
            return times // 4

        return sum(await asyncio.gather(*(hold() for _ in range(4))))

    return run


def through_queue(bound, sides):
    async def run(items, _clock):
        queue = asyncio.Queue(bound)

        async def produce():
            for i in range(items // sides):
                await queue.put(i)

        async def consume():
            return sum([await queue.get() for _ in range(items // sides)])

        results = await asyncio.gather(*(consume() for _ in range(sides)), *(produce() for _ in range(sides)))
        return sum(results[:sides])

    return run


async def timeouts(times, _clock):
    for _ in range(times):
        await asyncio.wait_for(asyncio.sleep(0), HOUR)
    return times


async def cancel_asleep(tasks, clock):
    sleepers = [asyncio.create_task(asyncio.sleep(HOUR)) for _ in range(tasks)]
    await asyncio.sleep(0)
    clock.restart()
    for task in sleepers:
        task.cancel()
    ends = await asyncio.gather(*sleepers, return_exceptions=True)
    return sum(isinstance(end, asyncio.CancelledError) for end in ends)


async def to_thread(calls, _clock):
    total = 0
    for _ in range(calls):
        total += await asyncio.to_thread(lambda: 1)
    return total


async def submit(calls, _clock):
    loop = asyncio.get_running_loop()

    def foreign():
        return sum(asyncio.run_coroutine_threadsafe(echo(1), loop).result() for _ in range(calls))

    return await asyncio.to_thread(foreign)


def resident():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) * 1024


async def memory_asleep(tasks, _clock):
    before = resident()
    sleepers = [asyncio.create_task(asyncio.sleep(HOUR)) for _ in range(tasks)]
    await asyncio.sleep(0)
    after = resident()
    for task in sleepers:
        task.cancel()
    await asyncio.gather(*sleepers, return_exceptions=True)
    return [(after - before) / tasks]


async def wake_up(rounds, _clock):
    """From another thread's call until the loop, which was asleep, runs it."""
    loop = asyncio.get_running_loop()
    times = []

    async def first_step(start):
        times.append((time.perf_counter_ns() - start))

    def foreign():
        for _ in range(rounds):
            time.sleep(0.001)
            asyncio.run_coroutine_threadsafe(first_step(time.perf_counter_ns()), loop).result()

    await asyncio.to_thread(foreign)
    return times


PROGRAMS = {
    "fib": fib, "skynet": skynet, "call_await": call_await, "spawn_await": spawn_await, "group": group, "gather2": gathers(2), "gather10": gathers(10),
    "gather1000": gathers(1000), "gather_once": gathers(0), "yield": yield_often, "yield_in_turn": yield_in_turn, "event": event,
    "lock_free": held_freely(asyncio.Lock), "lock_contended": contended(asyncio.Lock), "semaphore_free": held_freely(asyncio.Semaphore),
    "semaphore_contended": contended(asyncio.Semaphore), "queue_1_1": through_queue(0, 1), "queue_4_4": through_queue(0, 4),
    "queue_bounded": through_queue(16, 1), "timeouts": timeouts, "cancel_asleep": cancel_asleep, "to_thread": to_thread, "submit": submit,
    "memory_asleep": memory_asleep, "wake_up": wake_up,
}


def measure(name, size, calls):
    seconds, result = 0.0, None
    for _ in range(calls):

        async def main():
            clock = Clock()
            result = await PROGRAMS[name](size, clock)
            return result, clock.seconds()

        result, once = asyncio.run(main())
        seconds += once
    if isinstance(result, list):
        return "samples " + " ".join(f"{value:.1f}" for value in result)
    return f"ok {seconds:.9f} {result}"


def main():
    for line in sys.stdin:
        words = line.split()
        if words == ["version"]:
            answer = "CPython " + sys.version.split()[0]
        elif words == ["programs"]:
            names = [name for name in PROGRAMS if name != "group" or hasattr(asyncio, "TaskGroup")]
            answer = " ".join(names)
        elif len(words) == 4 and words[0] == "run" and words[1] in PROGRAMS:
            try:
                answer = measure(words[1], int(words[2]), int(words[3]))
            except Exception as error:  # the one who asks decides what a failure means
                answer = f"error {type(error).__name__}: {error}"
        else:
            answer = "error not understood: " + line.strip()
        print(answer, flush=True)


if __name__ == "__main__":
    main()
