// The exceptions of weft.
//
// asyncio's exceptions keep asyncio's names. Two of them are deliberately no std::exception, as their models are no Exception
// in Python, so that a well-meant `catch (std::exception const&)` does not swallow them: CancelledError and KeyboardInterrupt.
// All of them can be copied, stored in a std::exception_ptr and passed between threads.
//
//   RuntimeError         a call in the wrong place: no running task, run() inside run(), release of a free Lock, await of an
//                        empty handle. Derives from std::runtime_error.
//   InvalidStateError    a result read before it is there, a Promise completed twice. Derives from RuntimeError.
//                        asyncio.InvalidStateError.
//   Deadlock             under the virtual clock: every task waits, no timer is set, and nothing outside can wake one.
//                        what() holds the task tree. Derives from RuntimeError. asyncio hangs in this case.
//   BrokenBarrierError   the Barrier was aborted, or reset while tasks waited. Derives from RuntimeError.
//   ValueError           an argument that can never be right: a negative semaphore, a NaN delay. Derives from std::invalid_argument.
//   TimeoutError         wait_for, timeout and as_completed ran out of time. Derives from std::runtime_error.
//   QueueFull, QueueEmpty, QueueShutDown
//                        put_nowait on a full queue, get_nowait on an empty one, either on a queue that was shut down.
//                        Derive from std::runtime_error.
//
//   CancelledError       thrown at an await when the task was cancelled. message() is what cancel() was given. Catching it and
//                        going on is allowed: the next cancel needs a new cancel(). Do not swallow it by accident: code that
//                        catches (...) to clean up should `throw;`.
//   KeyboardInterrupt    SIGINT arrived during run() with Options::handle_sigint.
//
//   ExceptionGroup       several failures at once, what a TaskGroup throws (Python's ExceptionGroup, whose `except*` C++ lacks):
//       message()        the text given to the constructor.
//       exceptions()     the members in order; a member may be a group itself.
//       split<E>()       {matching, rest}: the group cut in two by type, the nesting kept; a part that would be empty is
//                        nullopt. As in Python the group itself is tested first, so that split<std::exception>() and
//                        split<ExceptionGroup>() give the whole group, and then each member, groups before their members.
//       subgroup<E>()    the matching part alone.
//       contains<E>()    whether the matching part exists. No allocation.
//       flatten()        the exceptions that are no groups, depth first.
//       what()           the whole tree, a line for each member:
//
//           unhandled errors in a TaskGroup (2 sub-exceptions)
//             +- weft::ValueError: bad port
//             +- weft::ExceptionGroup: replicas (1 sub-exception)
//                  +- std::runtime_error: connection refused
//
//                        The text is made at the first call; any number of threads may call it.
//     The constructor throws ValueError when the list is empty or holds a null pointer. Copies share their state and never
//     throw. Unlike Python's there is one class for groups of errors and groups that hold a CancelledError.
//
//   describe_exception(error)   "type: message" of a stored exception, for logs: `std::exception_ptr` in, text out, no rethrow.
#pragma once

#include <weft/runtime/platform/errors.hpp>
