"""How sharp is the oracle?  Break asyncio in one way at a time and count the programs that notice.

  mutants.py FIRST N [K]      programs in class 'exact' among the seeds are used
"""
import asyncio
import contextlib
import contextvars
import sys

import generator
import interpreter
import judge
from interpreter import Machine, run

TG, Q, L = asyncio.TaskGroup, asyncio.Queue, asyncio.Lock


@contextlib.contextmanager
def patched(obj, name, new):
    old = getattr(obj, name)
    setattr(obj, name, new)
    try:
        yield
    finally:
        setattr(obj, name, old)


def flag_only(self):
    self._aborting = True


gather0, shield0, wait0, wait_for0 = asyncio.gather, asyncio.shield, asyncio.wait, asyncio.wait_for


def gather_cancels(*a, **kw):
    f = gather0(*a, **kw)
    kids = getattr(f, "_children", ())

    def cb(f):
        if not f.cancelled() and f.exception() is not None:
            for k in kids:
                k.cancel()
    f.add_done_callback(cb)
    return f


def gather_no_cancel(*a, **kw):
    return shield0(gather0(*a, **kw))


def gather_reversed(*a, **kw):
    f = gather0(*a, **kw)

    async def flip():
        return list(reversed(await f))
    return asyncio.ensure_future(flip())


async def wait_for_abandons(aw, timeout):
    t = asyncio.ensure_future(aw)
    done, _ = await wait0([t], timeout=timeout)
    if not done:
        t.cancel()
        raise TimeoutError
    return t.result()


async def wait_all(ts, *, timeout=None, return_when=None):
    return await wait0(ts, timeout=timeout)


async def await_shielded(self, fr, s):
    t = self.vars.get(s["var"])
    if t is None:
        self.log(fr, "unset")
    else:
        self.log(fr, "await", interpreter.show(await shield0(t)))
    return interpreter.NEXT


def set_one(self):
    self._value = True
    for f in self._waiters:
        if not f.done():
            f.set_result(True)
            break


def wake_last(self):
    for f in reversed(self._waiters or ()):
        if not f.done():
            f.set_result(True)
            break


async def leaky_acquire(self, acq=asyncio.Semaphore.acquire):
    try:
        return await acq(self)
    except asyncio.CancelledError:
        release = self.release

        def lost():
            self.release = release
        self.release = lost
        raise


def bare_task(self, fr, item):
    child, c = self.coro(fr, item)
    t = asyncio.create_task(c, context=contextvars.Context())
    self.tasks[child.id] = t
    return t


async def swallow_group(self, exc_type, exc, tb, ex=TG.__aexit__):
    try:
        return await ex(self, exc_type, exc, tb)
    except BaseExceptionGroup as e:
        raise e.exceptions[0] from None


def late_create(self, coro, cr=TG.create_task, **kw):
    self._aborting, a = False, self._aborting
    try:
        return cr(self, coro, **kw)
    finally:
        self._aborting = a


async def no_uncancel(self, *a, ex=asyncio.Timeout.__aexit__):
    task = self._task
    n = task.cancelling()
    try:
        return await ex(self, *a)
    finally:
        if task.cancelling() < n:
            task.cancel()


MUTANTS = {
    "group: siblings not cancelled": (TG, "_abort", flag_only),
    "group: first error only, not aggregated": (TG, "__aexit__", swallow_group),
    "group: accepts tasks while shutting down": (TG, "create_task", late_create),
    "gather: first error cancels the others": (asyncio, "gather", gather_cancels),
    "gather: cancel does not reach the children": (asyncio, "gather", gather_no_cancel),
    "gather: results reversed": (asyncio, "gather", gather_reversed),
    "shield: does not shield": (asyncio, "shield", asyncio.ensure_future),
    "await task: cancel does not reach the awaited task": (Machine, "op_await", await_shielded),
    "wait: FIRST_* treated as ALL": (asyncio, "wait", wait_all),
    "wait_for: abandons instead of waiting for the cancelled": (asyncio, "wait_for",
                                                               wait_for_abandons),
    "timeout: cancel count not restored": (asyncio.Timeout, "__aexit__", no_uncancel),
    "event: set wakes one": (asyncio.Event, "set", set_one),
    "lock: last in first out": (L, "_wake_up_first", wake_last),
    "queue: last in first out": (Q, "_get", lambda self: self._queue.pop()),
    "semaphore: cancelled acquire loses a permit": (asyncio.Semaphore, "acquire", leaky_acquire),
    "condition: notify wakes all": (asyncio.Condition, "notify",
                                    lambda self, n=1, no=asyncio.Condition.notify: no(self, 99)),
    "context: not inherited": (Machine, "task", bare_task),
}


def main(first, n, k=30):
    exact = []
    for seed in range(first, first + n):
        p = generator.generate(seed)
        cls, outs = judge.classify(p, k)
        if cls == "exact":
            exact.append((p, judge.dumps(outs[0])))
    print(len(exact), "exact programs")
    for name, (obj, attr, new) in MUTANTS.items():
        with patched(obj, attr, new):
            hits = [p["seed"] for p, want in exact if judge.dumps(run(p)) != want]
        print(f"{len(hits):5}  {name}   first seeds: {hits[:3]}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
