// The timer's half of a timeout, and how a block decides what its end means.
#include <weft/timeout.hpp>

#include <weft/runtime/runtime/runtime_core.hpp>

namespace weft {

void Timeout::Alarm::fire(engine::Timer& timer, engine::ReadyBatch&, engine::ReadyBatch& at_once) noexcept {
  auto& alarm = static_cast<Alarm&>(timer);
  if (alarm.timeout.handshake_.try_fire()) at_once.push(alarm);
}

void Timeout::Alarm::step(engine::Runnable& runnable, engine::Worker&) noexcept {
  Timeout& timeout = static_cast<Alarm&>(runnable).timeout;
  {
    engine::CancelRequest request(nullptr);
    (void)request.reach(timeout.scope_);
  }
  // LIFETIME: the block may be gone afterwards.
  timeout.handshake_.fired();
}

void Timeout::arm(engine::Worker& worker, bool ahead) noexcept {
  if (!when_ || *when_ == Clock::time_point::max()) return;
  std::int64_t const expiry = when_->time_since_epoch().count();
  bool const passed = !ahead && expiry <= worker.scheduler().now();
  worker.arm(timer_, passed ? engine::Worker::overdue : expiry);
}

void Timeout::reschedule(std::optional<Clock::time_point> when) {
  engine::Worker& worker = engine::require_task("Timeout::reschedule()");
  (void)engine::Worker::disarm(timer_);
  if (handshake_.expired()) throw RuntimeError("Timeout::reschedule() after the time was up");
  when_ = when;
  arm(worker, false);
}

namespace engine {

void TimeoutBlock::begin(bool ahead) noexcept {
  Worker& worker = *current_worker();
  requests_before_ = worker.state.scope->requests_around();
  timeout.scope_.enter(worker, Scope::Link::linked);
  // A deadline that has passed strikes at the first suspension, as in asyncio.
  timeout.arm(worker, ahead);
}

bool TimeoutBlock::end(bool body_cancelled) noexcept {
  (void)Worker::disarm(timeout.timer_);
  bool const expired = !timeout.handshake_.try_exit();
  if (expired) timeout.scope_.take_back_own();
  // CPython: uncancel() <= the count at entry. Requests from outside are counted by the scopes around the block.
  bool const timed_out = expired && body_cancelled && timeout.scope_.parent()->requests_around() <= requests_before_;
  // One that was pending when the block began, and struck together with the block's own, must not get lost in the TimeoutError.
  timeout.scope_.exit(*current_worker(), timed_out);
  return timed_out;
}

void throw_timeout() { throw TimeoutError(); }
void throw_bad_delay() { throw ValueError("a delay that is NaN or negative infinity"); }

}  // namespace engine

Clock::time_point Clock::now() noexcept {
  engine::Worker const* const worker = engine::current_worker();
  if (worker != nullptr) return time_point(duration(worker->scheduler().now()));
  return time_point(std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace weft
