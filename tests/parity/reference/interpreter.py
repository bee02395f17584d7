"""Runs a program (see GRAMMAR.md) on CPython's asyncio and returns its outcome.

The outcome holds only what the documented contract fixes: per frame, the sequence of
(virtual time, event) with no order between frames inside one tick; how each frame and task ended;
exception groups as multisets.
"""
import asyncio
import contextvars
import random
import sys
import warnings

from virtual_loop import Deadlock, Runaway, VirtualLoop, preempt

warnings.simplefilter("ignore", RuntimeWarning)     # "never awaited", after a deadlock

# ---------------------------------------------------------------- errors


class UserError(Exception):
    def __init__(self, n):
        super().__init__(n)
        self.n = n


class ErrA(UserError):
    kind = "A"


class ErrB(UserError):
    kind = "B"


USER = {"A": ErrA, "B": ErrB}
QueueShutDown = getattr(asyncio, "QueueShutDown", None)


def canon(e):
    """The canonical form of an exception."""
    if isinstance(e, UserError):
        return f"{e.kind}:{e.n}"
    if isinstance(e, asyncio.CancelledError):
        return "CANCEL"
    if isinstance(e, BaseExceptionGroup):
        return {"group": sorted((canon(x) for x in e.exceptions), key=_key)}
    if isinstance(e, TimeoutError):
        return "TIMEOUT"
    if isinstance(e, asyncio.QueueFull):
        return "QFULL"
    if isinstance(e, asyncio.QueueEmpty):
        return "QEMPTY"
    if QueueShutDown and isinstance(e, QueueShutDown):
        return "QSHUT"
    if isinstance(e, asyncio.BrokenBarrierError):
        return "BROKEN"
    if isinstance(e, asyncio.InvalidStateError):
        return "INVALID"
    if isinstance(e, RuntimeError):
        return "RT"
    if isinstance(e, ValueError):
        return "VAL"
    return "?" + type(e).__name__


def _key(c):
    return c if isinstance(c, str) else "\x7f" + repr(c)


def matches(e, kinds):
    c = canon(e)
    for k in kinds:
        if k == "ALL":
            return True
        if k == "ANY":
            if isinstance(e, Exception):       # everything but cancellation
                return True
        elif k == "GROUP":
            if isinstance(c, dict):
                return True
        elif isinstance(c, str) and c.split(":")[0] == k:
            return True
    return False


def show(v):
    """A value for the log: an int, None, an exception, or a list of these."""
    if isinstance(v, BaseException):
        return canon(v)
    if isinstance(v, (list, tuple)):
        return [show(x) for x in v]
    return v


# ---------------------------------------------------------------- the interpreter

NEXT = object()     # fell off the end of a statement list


class Frame:
    __slots__ = ("id", "log", "end", "counts")

    def __init__(self, fid):
        self.id, self.log, self.end, self.counts = fid, [], "NEW", {}


class Machine:
    def __init__(self, prog, chaos_seed=None):
        self.prog = prog
        self.rng = random.Random(chaos_seed) if chaos_seed is not None else None
        self.frames = {}
        self.tasks = {}             # frame id -> Task, for those that are tasks
        self.vars = {}              # name -> Task or gather future
        self.groups = {}
        self.timeouts = {}
        self.objs = {}
        self.cv = contextvars.ContextVar("cv", default=0)
        self.frozen = False
        self.keep = []

    # -- setup

    def make_objects(self):
        for name, d in self.prog["objects"].items():
            k = d["kind"]
            self.objs[name] = {
                "event": lambda: asyncio.Event(),
                "lock": lambda: asyncio.Lock(),
                "sem": lambda: asyncio.Semaphore(d["value"]),
                "bsem": lambda: asyncio.BoundedSemaphore(d["value"]),
                "cond": lambda: asyncio.Condition(),
                "barrier": lambda: asyncio.Barrier(d["parties"]),
                "queue": lambda: asyncio.Queue(d["maxsize"]),
                "pqueue": lambda: asyncio.PriorityQueue(d["maxsize"]),
                "lqueue": lambda: asyncio.LifoQueue(d["maxsize"]),
            }[k]()

    def new_frame(self, parent, site):
        if parent is None:
            fid = "m"
        else:
            k = parent.counts.get(site, 0)
            parent.counts[site] = k + 1
            fid = f"{parent.id}.{site}" + (f"#{k}" if k else "")
        fr = Frame(fid)
        self.frames[fid] = fr
        return fr

    def log(self, fr, *ev):
        if not self.frozen:
            fr.log.append([self.loop.time(), *ev])

    # -- frames

    async def run_frame(self, fr, body):
        fr.end = "RUNNING"
        self.log(fr, "start")
        try:
            r = await self.block(fr, body)
            v = 0 if r is NEXT else r
        except BaseException as e:
            if not self.frozen and not isinstance(e, (GeneratorExit, Deadlock, Runaway)):
                fr.end = canon(e)
                self.log(fr, "end", fr.end)
            raise
        if not self.frozen:
            fr.end = v
            self.log(fr, "end", v)
        return v

    def coro(self, fr, item):
        """A coroutine object for an inline body, and its frame."""
        child = self.new_frame(fr, item["site"])
        return child, self.run_frame(child, item["body"])

    def task(self, fr, item):
        child, c = self.coro(fr, item)
        t = asyncio.create_task(c)
        self.tasks[child.id] = t
        return t

    def awaitable(self, fr, item):
        """An item as the library function takes it: a handle, or a fresh coroutine object."""
        if "var" in item:
            return self.vars[item["var"]]
        return self.coro(fr, item)[1]

    def ready_items(self, items):
        return all("var" not in i or i["var"] in self.vars for i in items)

    # -- statements

    async def block(self, fr, stmts):
        for s in stmts:
            await preempt(self.loop)
            r = await getattr(self, "op_" + s["op"])(fr, s)
            if r is not NEXT:
                return r
        await preempt(self.loop)
        return NEXT

    async def op_log(self, fr, s):
        self.log(fr, "log", s["n"])
        return NEXT

    async def op_sleep(self, fr, s):
        await asyncio.sleep(s["d"])
        return NEXT

    async def op_ret(self, fr, s):
        return s["v"]

    async def op_raise(self, fr, s):
        raise USER[s["x"]](s["n"])

    async def op_call(self, fr, s):
        child, c = self.coro(fr, s["item"])
        self.log(fr, "call", await c)
        return NEXT

    async def op_loop(self, fr, s):
        for _ in range(s["n"]):
            r = await self.block(fr, s["body"])
            if r is not NEXT:
                return r
        return NEXT

    async def op_try(self, fr, s):
        r = NEXT
        try:
            try:
                r = await self.block(fr, s["body"])
            except (GeneratorExit, Deadlock, Runaway):
                raise
            except BaseException as e:
                for h in s["handlers"]:
                    if matches(e, h["k"]):
                        self.log(fr, "caught", canon(e))
                        r = await self.block(fr, h["body"])
                        if r is NEXT and h["re"]:
                            raise
                        break
                else:
                    raise
        finally:
            if s["fin"] is not None and not isinstance(
                    sys.exc_info()[1], (GeneratorExit, Deadlock, Runaway)):
                self.log(fr, "finally")
                await self.block(fr, s["fin"])
        return r

    # tasks

    async def op_spawn(self, fr, s):
        self.vars[s["var"]] = self.task(fr, s["item"])
        return NEXT

    async def op_await(self, fr, s):
        t = self.vars.get(s["var"])
        if t is None:
            self.log(fr, "unset")
            return NEXT
        self.log(fr, "await", show(await t))
        return NEXT

    async def op_cancel(self, fr, s):
        t = self.vars.get(s["var"])
        if t is None:
            self.log(fr, "unset")
        else:
            self.log(fr, "cancel", t.cancel())
        return NEXT

    async def op_status(self, fr, s):
        t = self.vars.get(s["var"])
        if t is None:
            self.log(fr, "unset")
        else:
            self.log(fr, "status", self.status(t))
        return NEXT

    @staticmethod
    def status(t):
        if not t.done():
            return "PENDING"
        if t.cancelled():
            return "CANCEL"
        e = t.exception()
        return canon(e) if e is not None else show(t.result())

    async def op_on_done(self, fr, s):
        t = self.vars.get(s["var"])
        if t is None:
            self.log(fr, "unset")
            return NEXT
        cb = self.new_frame(fr, s["site"])
        cb.end = "CB"
        t.add_done_callback(lambda f: self.log(cb, "done", self.status(f)))
        return NEXT

    async def op_cancel_self(self, fr, s):
        self.log(fr, "cancel", asyncio.current_task().cancel())
        return NEXT

    async def op_uncancel(self, fr, s):
        self.log(fr, "uncancel", asyncio.current_task().uncancel())
        return NEXT

    async def op_cancelling(self, fr, s):
        self.log(fr, "cancelling", asyncio.current_task().cancelling())
        return NEXT

    async def op_cv_set(self, fr, s):
        self.cv.set(s["n"])
        return NEXT

    async def op_cv_get(self, fr, s):
        self.log(fr, "cv", self.cv.get())
        return NEXT

    # combinators

    async def op_gather(self, fr, s):
        if not self.ready_items(s["items"]):
            self.log(fr, "unset")
            return NEXT
        fut = asyncio.gather(*[self.awaitable(fr, i) for i in s["items"]],
                             return_exceptions=s["rex"])
        if s.get("var"):
            self.vars[s["var"]] = fut
            return NEXT
        self.log(fr, "gather", show(await fut))
        return NEXT

    async def op_group(self, fr, s):
        async with asyncio.TaskGroup() as tg:
            self.groups[s["g"]] = tg
            return await self.block(fr, s["body"])
        return NEXT                 # 3.15: a cancelled group suppresses the cancellation

    async def op_gspawn(self, fr, s):
        tg = self.groups.get(s["g"])
        if tg is None:
            self.log(fr, "unset")
            return NEXT
        child, c = self.coro(fr, s["item"])
        try:
            t = tg.create_task(c)
        except RuntimeError:
            c.close()
            child.end = "REFUSED"
            raise
        self.tasks[child.id] = t
        if s.get("var"):
            self.vars[s["var"]] = t
        return NEXT

    async def op_timeout(self, fr, s):
        cm = asyncio.timeout(s["d"])
        self.timeouts[s["T"]] = cm
        try:
            async with cm:
                r = await self.block(fr, s["body"])
        finally:
            self.log(fr, "expired", cm.expired())
        return r

    async def op_resched(self, fr, s):
        self.timeouts[s["T"]].reschedule(
            None if s["d"] is None else self.loop.time() + s["d"])
        return NEXT

    async def op_wait_for(self, fr, s):
        if not self.ready_items([s["item"]]):
            self.log(fr, "unset")
            return NEXT
        self.log(fr, "wait_for", show(await asyncio.wait_for(
            self.awaitable(fr, s["item"]), s["d"])))
        return NEXT

    async def op_shield(self, fr, s):
        if not self.ready_items([s["item"]]):
            self.log(fr, "unset")
            return NEXT
        item = s["item"]
        t = self.vars[item["var"]] if "var" in item else self.task(fr, item)
        self.keep.append(t)
        self.log(fr, "shield", show(await asyncio.shield(t)))
        return NEXT

    async def op_wait(self, fr, s):
        if not self.ready_items(s["items"]):
            self.log(fr, "unset")
            return NEXT
        ts = [self.vars[i["var"]] if "var" in i else self.task(fr, i) for i in s["items"]]
        self.keep.extend(ts)
        done, pending = await asyncio.wait(ts, timeout=s["d"], return_when=s["when"])
        self.log(fr, "wait", [self.status(t) if t in done else "PENDING" for t in ts])
        if s["cancel"]:
            for t in pending:
                t.cancel()
        return NEXT

    async def op_as_completed(self, fr, s):
        if not self.ready_items(s["items"]):
            self.log(fr, "unset")
            return NEXT
        ts = [self.vars[i["var"]] if "var" in i else self.task(fr, i) for i in s["items"]]
        self.keep.extend(ts)
        for c in asyncio.as_completed(ts, timeout=s["d"]):
            self.log(fr, "next", show(await c))
        return NEXT

    # synchronisation objects

    async def op_with(self, fr, s):
        try:
            async with self.objs[s["o"]]:
                self.log(fr, "locked")
                return await self.block(fr, s["body"])
        finally:
            # Whoever has been given the lock may run before the exception does more, such as ending a group.
            if not isinstance(sys.exc_info()[1], (GeneratorExit, Deadlock, Runaway)):
                await preempt(self.loop)

    async def op_acquire(self, fr, s):
        await self.objs[s["o"]].acquire()
        self.log(fr, "acquired")
        return NEXT

    async def op_release(self, fr, s):
        self.objs[s["o"]].release()
        return NEXT

    async def op_set(self, fr, s):
        self.objs[s["o"]].set()
        return NEXT

    async def op_clear(self, fr, s):
        self.objs[s["o"]].clear()
        return NEXT

    async def op_ewait(self, fr, s):
        await self.objs[s["o"]].wait()
        self.log(fr, "event")
        return NEXT

    async def op_cwait(self, fr, s):
        await self.objs[s["o"]].wait()
        self.log(fr, "notified")
        return NEXT

    async def op_notify(self, fr, s):
        self.objs[s["o"]].notify(s["n"])
        return NEXT

    async def op_bwait(self, fr, s):
        self.log(fr, "barrier", await self.objs[s["o"]].wait())
        return NEXT

    async def op_babort(self, fr, s):
        await self.objs[s["o"]].abort()
        return NEXT

    async def op_breset(self, fr, s):
        await self.objs[s["o"]].reset()
        return NEXT

    async def op_put(self, fr, s):
        await self.objs[s["o"]].put(s["v"])
        self.log(fr, "put")
        return NEXT

    async def op_get(self, fr, s):
        self.log(fr, "got", await self.objs[s["o"]].get())
        return NEXT

    async def op_put_nw(self, fr, s):
        self.objs[s["o"]].put_nowait(s["v"])
        return NEXT

    async def op_get_nw(self, fr, s):
        self.log(fr, "got", self.objs[s["o"]].get_nowait())
        return NEXT

    async def op_task_done(self, fr, s):
        self.objs[s["o"]].task_done()
        return NEXT

    async def op_join(self, fr, s):
        await self.objs[s["o"]].join()
        self.log(fr, "joined")
        return NEXT

    async def op_shutdown(self, fr, s):
        self.objs[s["o"]].shutdown(immediate=s["now"])
        return NEXT

    # -- the run

    async def main(self):
        self.make_objects()
        fr = self.new_frame(None, 0)
        return await self.run_frame(fr, self.prog["main"])

    def run(self):
        self.loop = VirtualLoop(self.rng)
        status = "OK"
        result = None
        try:
            with asyncio.Runner(loop_factory=lambda: self.loop) as r:
                try:
                    result = r.run(self.main())
                except (Deadlock, Runaway):
                    raise
                except BaseException as e:
                    result = canon(e)
        except Deadlock:
            status = "DEADLOCK"
        except Runaway:
            status = "RUNAWAY"
        end = self.loop.time()
        self.frozen = True
        out = {
            "status": status,
            "result": result,
            "time": end,
            "frames": {f.id: {"end": f.end, "log": f.log}
                       for f in sorted(self.frames.values(), key=lambda f: f.id)},
            "tasks": {i: self.status(t) for i, t in sorted(self.tasks.items())},
        }
        if not self.loop.is_closed():
            self.loop.close()
        return out


def run(prog, chaos_seed=None):
    old = sys.unraisablehook
    sys.unraisablehook = lambda *a: None
    try:
        return Machine(prog, chaos_seed).run()
    finally:
        sys.unraisablehook = old
