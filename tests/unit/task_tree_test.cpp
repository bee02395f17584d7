// task_tree, task_tree_json: every live task, its state, what it waits for, since when and where.
#include "support.hpp"

#include <thread>

#include <nlohmann/json.hpp>

namespace weft_test {
namespace {

using nlohmann::json;

class TaskTree : public AtWorkers {};

json tree() { return json::parse(weft::task_tree_json())["tasks"]; }

json task_named(json const& tasks, std::string const& name) {
  for (json const& task : tasks)
    if (task["name"] == name) return task;
  return {};
}

TEST_P(TaskTree, TellsWhatEachTaskWaitsForSinceWhenAndWhere) {
  run([]() -> Coro<> {
    weft::Event event;
    unsigned line = 0;
    Task<void> waiter = weft::create_task(named("waiter"), [&]() -> Coro<> {
      co_await weft::sleep(5ms);
      line = __LINE__ + 1;
      co_await event.wait();
    });
    co_await weft::sleep(20ms);
    json const task = task_named(tree(), "waiter");
    EXPECT_EQ(task["state"], "waiting");
    EXPECT_EQ(task["id"], waiter.id());
    EXPECT_EQ(task["age_ms"], 20);
    EXPECT_EQ(task["creator"], weft::current_task().id());
    EXPECT_EQ(task["in_group"], false);
    EXPECT_EQ(task["on_strand"], false);
    EXPECT_EQ(task["awaits"].size(), 1u);
    json const wait = task["awaits"][0];
    EXPECT_EQ(wait["what"], "Event.wait");
    EXPECT_EQ(wait["since_ms"], 15);
    EXPECT_EQ(wait["task"], nullptr);
    EXPECT_EQ(wait["where"]["line"], line);
    EXPECT_NE(wait["where"]["file"].get<std::string>().find("task_tree_test.cpp"), std::string::npos);
    event.set();
    co_await waiter;
    EXPECT_TRUE(task_named(tree(), "waiter").is_null());
  });
}

Coro<> named_coroutine() { co_await weft::sleep(1h); }

TEST_P(TaskTree, TellsTheCoroutineOfATask) {
  run([]() -> Coro<> {
    Task<void> task = weft::create_task(named_coroutine(), named("x"));
    co_await weft::sleep(1ms);
    json const place = task_named(tree(), "x")["coroutine"];
    EXPECT_NE(place["function"].get<std::string>().find("named_coroutine"), std::string::npos);
    EXPECT_NE(place["file"].get<std::string>().find("task_tree_test.cpp"), std::string::npos);
    EXPECT_GT(place["line"].get<int>(), 0);
    task.cancel();
  });
}

TEST_P(TaskTree, TellsTheStatesOfTasks) {
  run([]() -> Coro<> {
    Task<void> awaited = weft::create_task(named("awaited"), [] { return named_coroutine(); });
    Task<void> awaiter = weft::create_task(named("awaiter"), [awaited]() -> Coro<> { co_await awaited; });
    co_await weft::sleep(1ms);
    json const tasks = tree();
    EXPECT_EQ(task_named(tasks, "awaiter")["awaits"][0]["task"], awaited.id());
    EXPECT_EQ(task_named(tasks, weft::current_task().name())["state"], "runnable");
    EXPECT_EQ(task_named(tasks, weft::current_task().name())["creator"], nullptr);
    if (GetParam() == 1) {
      Task<void> fresh = weft::create_task(named_coroutine(), named("fresh"));
      EXPECT_EQ(task_named(tree(), "fresh")["state"], "created");
      fresh.cancel();
    }
    awaited.cancel();
    std::string const how = co_await outcome(awaiter);
    EXPECT_EQ(how, "CancelledError");
  });
}

TEST_P(TaskTree, ListsTheWaitsOfAllParts) {
  run([]() -> Coro<> {
    Task<void> parts = weft::create_task(named("parts"), []() -> Coro<> {
      std::vector<Coro<>> many;
      for (int i = 0; i < 100; ++i) many.push_back(named_coroutine());
      co_await weft::gather(std::move(many));
    });
    co_await weft::sleep(1ms);
    json const task = task_named(tree(), "parts");
    EXPECT_EQ(task["awaits"].size(), 100u);
    parts.cancel();
    std::string const how = co_await outcome(parts);
    EXPECT_EQ(how, "CancelledError");
  });
}

TEST_P(TaskTree, MarksChildrenOfGroupsAndTasksOfStrands) {
  run([]() -> Coro<> {
    weft::Strand strand;
    Task<void> on_strand = strand.create_task(named_coroutine(), named("on strand"));
    co_await weft::task_group([&](weft::TaskGroup& tg) -> Coro<> {
      Task<void> child = tg.create_task(named_coroutine(), named("child"));
      co_await weft::sleep(1ms);
      EXPECT_EQ(task_named(tree(), "child")["in_group"], true);
      EXPECT_EQ(task_named(tree(), "on strand")["on_strand"], true);
      tg.cancel();
    });
    on_strand.cancel();
  });
}

TEST_P(TaskTree, TextPutsTasksBelowTheirMakers) {
  run([]() -> Coro<> {
    Task<void> parent = weft::create_task(named("parent"), []() -> Coro<> {
      Task<void> child = weft::create_task(named("child"), []() -> Coro<> { co_await weft::sleep(1h); });
      co_await child;
    });
    co_await weft::sleep(7ms);
    std::string const text = weft::task_tree();
    std::size_t const at_parent = text.find("    parent: waits for task Task-");
    std::size_t const at_child = text.find("      child: waits for sleep (7 ms, task_tree_test.cpp:");
    EXPECT_NE(at_parent, std::string::npos) << text;
    EXPECT_NE(at_child, std::string::npos) << text;
    EXPECT_LT(at_parent, at_child);
    EXPECT_NE(text.find(weft::current_task().name() + ": ready or running\n"), std::string::npos) << text;
    parent.cancel();
  });
}

TEST_P(TaskTree, AnyNameMakesJsonThatParses) {
  run([]() -> Coro<> {
    std::string const name = "a \"quoted\" \\ name\n\t\x01 \xC3\xA4 \xFF\xC3";
    Task<void> task = weft::create_task(named_coroutine(), named(name));
    json const tasks = tree();
    EXPECT_FALSE(task_named(tasks, "a \"quoted\" \\ name\n\t\x01 \xC3\xA4 \xEF\xBF\xBD\xEF\xBF\xBD").is_null());
    task.cancel();
    co_return;
  });
}

TEST_P(TaskTree, IsThereFromOutsideAndInADeadlock) {
  weft::Runtime runtime(options());
  EXPECT_EQ(json::parse(runtime.task_tree_json())["tasks"].size(), 0u);
  EXPECT_EQ(runtime.task_tree(), "");
  EXPECT_EQ(outcome_of_call([] { (void)weft::task_tree_json(); }), "RuntimeError");
  EXPECT_EQ(outcome_of_call([] { (void)weft::task_tree(); }), "RuntimeError");
  std::string text;
  try {
    runtime.run([]() -> Coro<> {
      weft::Event never;
      weft::current_task().set_name("main");
      co_await never.wait();
    });
  } catch (weft::Deadlock const& deadlock) {
    text = deadlock.what();
  }
  EXPECT_NE(text.find("main: waits for Event.wait (0 ms, task_tree_test.cpp:"), std::string::npos) << text;
}

// Looks while tasks come, wait and go: whatever is seen is whole.
TEST_P(TaskTree, ANameStaysOnItsLine) {
  run([]() -> Coro<> {
    weft::TaskOptions named;
    named.name = "two\nlines\x1b";
    Task<int> waiting = weft::create_task(named, value_after, 1h, 1);
    co_await weft::sleep(1ms);
    std::string const text = weft::task_tree();
    EXPECT_NE(text.find("two\\nlines?: waits for sleep"), std::string::npos) << text;
    waiting.cancel();
  });
}

TEST_P(TaskTree, MayBeAskedForWhileEverythingRuns) {
  weft::Options o = options();
  o.clock = weft::ClockKind::steady;
  weft::Runtime runtime(o);
  std::atomic<bool> stop{false};
  std::thread asker([&] {
    while (!stop.load()) {
      json const tasks = json::parse(runtime.task_tree_json())["tasks"];
      for (json const& task : tasks) EXPECT_EQ(task["state"] == "waiting", !task["awaits"].empty());
      (void)runtime.task_tree();
    }
  });
  runtime.run([]() -> Coro<> {
    weft::Strand strand;
    for (int round = 0; round < 50; ++round) {
      (void)strand.create_task(value_after(0ms, 1));
      co_await weft::task_group([](weft::TaskGroup& tg) -> Coro<> {
        for (int i = 0; i < 20; ++i) tg.start_soon(weft::engine::as_coro(weft::gather(value_after(0ms, 1), value_after(1ms, 2))));
        co_return;
      });
    }
  });
  stop.store(true);
  asker.join();
}

WEFT_TEST_AT_1_2_8_WORKERS(TaskTree);

}  // namespace
}  // namespace weft_test
