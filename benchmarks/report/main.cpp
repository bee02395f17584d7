// weft_bench: the kernels of programs/ and micro/, in one process.
//
//     weft_bench [Google Benchmark options]           each kernel as a Google Benchmark
//     weft_bench --table [--rounds N] [--only TEXT] [--threads 1,2] [--json FILE] [--full | --smoke] [--all-peers]
//     weft_bench --serve [--threads 1,2] [--full | --smoke]            measured by another program (serve.hpp)
//
// --table measures all contenders interleaved and prints ns per task and the ratios; --only keeps the works whose name holds TEXT; --full takes
// the sizes of ./bench.sh (an hour and several gigabytes); --smoke takes small sizes and one round, to see that everything
// runs and computes the right thing; --all-peers measures more than oneTBB and OpenMP.
#include "../kernel.hpp"
#include "measure.hpp"
#include "serve.hpp"
#include "table.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace {

using namespace bench;

struct Arguments {
  bool table = false, serve = false, all_peers = false;
  Plan plan{Size::quick, {1, 2}};
  MeasureOptions measure{};
  std::string only{};
  std::string json{};
};

unsigned positive(std::string_view text) {
  unsigned value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0 || value > 4096) {
    throw std::runtime_error("not a number from 1 to 4096: '" + std::string(text) + "'");
  }
  return value;
}

std::vector<unsigned> positives(std::string_view text) {
  std::vector<unsigned> values;
  while (true) {
    std::size_t const comma = text.find(',');
    values.push_back(positive(text.substr(0, comma)));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

Arguments parse_table_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    std::string_view const name = argv[i];
    auto value = [&]() -> std::string_view {
      if (++i == argc) throw std::runtime_error(std::string(name) + " needs a value");
      return argv[i];
    };
    if (name == "--table") {
      arguments.table = true;
      if (arguments.plan.size == Size::quick) arguments.plan.size = Size::table;
    } else if (name == "--serve") {
      arguments.serve = true;
    } else if (name == "--all-peers") {
      arguments.all_peers = true;
    } else if (name == "--full") {
      arguments.plan.size = Size::full;
    } else if (name == "--rounds") {
      arguments.measure.rounds = positive(value());
    } else if (name == "--only") {
      arguments.only = value();
    } else if (name == "--threads") {
      arguments.plan.threads = positives(value());
    } else if (name == "--json") {
      arguments.json = value();
    } else if (name == "--smoke") {
      arguments.plan.size = Size::smoke;
      arguments.measure.rounds = 1;
      arguments.measure.min_sample = std::chrono::milliseconds(1);
    } else {
      throw std::runtime_error("unknown option " + std::string(name) +
                               "; with --table there are --rounds N, --only TEXT, --threads 1,2, --json FILE, --full, --smoke, --all-peers");
    }
  }
  return arguments;
}

int run_table(int argc, char** argv) {
  Arguments const arguments = parse_table_arguments(argc, argv);
  std::string command;
  for (int i = 0; i < argc; ++i) {
    std::string_view word = argv[i];
    if (i == 0) word.remove_prefix(word.find_last_of('/') + 1);
    command += (i == 0 ? "" : " ") + std::string(word);
  }

  Kernels kernels = all_kernels(arguments.plan);
  if (arguments.serve) return serve(kernels);
  constexpr Contender shown[] = {Contender::serial, Contender::weft, Contender::tbb, Contender::openmp, Contender::hardware};
  std::erase_if(kernels, [&](Kernel const& kernel) {
    bool const known = arguments.all_peers || std::find(std::begin(shown), std::end(shown), kernel.contender) != std::end(shown);
    return !known || kernel.work.find(arguments.only) == std::string::npos;
  });
  if (kernels.empty()) throw std::runtime_error("no work has '" + arguments.only + "' in its name");
  std::optional<std::ofstream> json;  // opened first: a path that cannot be written should not cost a minute
  if (!arguments.json.empty()) {
    json.emplace(arguments.json);
    if (!*json) throw std::runtime_error("cannot write " + arguments.json);
  }

  std::vector<Measured> const measured = measure(kernels, arguments.measure);
  print_table(std::cout, measured, arguments.plan, arguments.measure, command);
  if (json) {
    write_json(*json, measured, arguments.measure, command);
    if (!*json) throw std::runtime_error("cannot write " + arguments.json);
  }
  return 0;
}

void register_kernel(Kernel const& kernel) {
  if (!kernel.run) return;
  std::string const name = kernel.work + (kernel.form.empty() ? "" : ", " + kernel.form) + "/" + name_of(kernel.contender) + "/" + std::to_string(kernel.threads);
  benchmark::RegisterBenchmark(name.c_str(), [kernel](benchmark::State& state) {
    for ([[maybe_unused]] auto const& iteration : state) {
      if (kernel.run() == kernel.expected) continue;
      state.SkipWithError("wrong result");
      break;
    }
    state.counters["per_task"] = benchmark::Counter(
        double(kernel.tasks), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  })->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
}

int run_google_benchmark(int argc, char** argv) {
  for (Kernel const& kernel : all_kernels(Plan{Size::quick, {1, 2}})) register_kernel(kernel);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bool table = false;
  for (int i = 1; i < argc; ++i) table = table || std::strcmp(argv[i], "--table") == 0 || std::strcmp(argv[i], "--serve") == 0;
  try {
    return table ? run_table(argc, argv) : run_google_benchmark(argc, argv);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "weft_bench: %s\n", error.what());
    return 2;
  }
}
