// weft_oracle: runs programs of the language in GRAMMAR.md on weft, and compares with what CPython's asyncio made of them.
//
//   weft_oracle [--workers N] [--seed S] [--jitter] [--check] [--every K] FILE.jsonl...
//
// Each line is a program, or an object with the member "program". Prints one outcome a line, in input order. With --check it compares with the
// line's "outcome" instead, prints what differs, and ends with "N passed, M failed"; exit code 1 if any failed, or if there was
// nothing to check. --every K takes each K-th line only. With one worker, a seed
// other than 0 gives a deterministic order of ready tasks that depends on the seed; with several it chooses whom thieves try first.
// --jitter holds each thread up for a random moment before each statement: the programs are so short that one worker would else run most of
// them alone. "-" is standard input. Exit code 2: bad arguments or input.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "machine.hpp"

namespace {

using weft_parity::Json;

struct Arguments {
  unsigned workers = 0;
  std::uint64_t seed = 0;
  bool check = false;
  bool jitter = false;
  std::size_t every = 1;
  std::vector<std::string> files;
};

template <class T>
T number(std::string_view text) {
  T value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) throw std::invalid_argument("not a number: " + std::string(text));
  return value;
}

Arguments parse(std::vector<std::string_view> const& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto const value = [&] {
      if (i + 1 == words.size()) throw std::invalid_argument(std::string(words[i]) + " needs a number");
      return words[++i];
    };
    if (words[i] == "--workers") arguments.workers = number<unsigned>(value());
    else if (words[i] == "--seed") arguments.seed = number<std::uint64_t>(value());
    else if (words[i] == "--every") arguments.every = std::max<std::size_t>(1, number<std::size_t>(value()));
    else if (words[i] == "--jitter") arguments.jitter = true;
    else if (words[i] == "--check") arguments.check = true;
    else if (words[i].size() > 1 && words[i][0] == '-') throw std::invalid_argument("unknown option: " + std::string(words[i]));
    else arguments.files.emplace_back(words[i]);
  }
  if (arguments.files.empty())
    throw std::invalid_argument("usage: weft_oracle [--workers N] [--seed S] [--jitter] [--check] [--every K] FILE.jsonl...");
  return arguments;
}

Json run(Json const& program, Arguments const& arguments) {
  weft::Options options;
  options.workers = arguments.workers;
  options.seed = arguments.seed;
  options.deterministic = arguments.workers == 1 && arguments.seed != 0;
  weft_parity::Machine machine(program, arguments.jitter);
  return machine.run(options);
}

// Prints the parts that differ, each with the path to it.
void print_difference(std::string const& path, Json const& want, Json const& got) {
  if (want == got) return;
  if (want.is_object() && got.is_object()) {
    for (auto const& [key, value] : want.items()) print_difference(path + "/" + key, value, got.contains(key) ? got[key] : Json("(missing)"));
    for (auto const& [key, value] : got.items())
      if (!want.contains(key)) print_difference(path + "/" + key, "(missing)", value);
    return;
  }
  std::cout << "  " << path << "\n    asyncio: " << want << "\n    weft:    " << got << '\n';
}

struct Totals {
  std::size_t passed = 0;
  std::size_t failed = 0;
};

void check(std::string const& where, Json const& row, Json got, Arguments const& arguments, Totals& totals) {
  Json const want = weft_parity::with_sorted_groups(row.at("outcome"));
  got = weft_parity::with_sorted_groups(std::move(got));
  weft_parity::cut_at_end_of(want, got);
  if (arguments.workers != 1) weft_parity::forget_vain_starts(want, got);
  if (got == want) {
    ++totals.passed;
    return;
  }
  ++totals.failed;
  std::cout << where << ": seed " << row.at("program").value("seed", Json()) << '\n';
  print_difference("", want, got);
}

void process(std::istream& input, std::string const& name, Arguments const& arguments, Totals& totals) {
  std::string line;
  for (std::size_t count = 1; std::getline(input, line); ++count) {
    if (line.empty() || (count - 1) % arguments.every != 0) continue;
    std::string const where = name + ":" + std::to_string(count);
    try {
      Json const row = Json::parse(line);
      Json outcome = run(row.contains("program") ? row.at("program") : row, arguments);
      if (arguments.check) check(where, row, std::move(outcome), arguments, totals);
      else std::cout << outcome << std::endl;  // flushed: a program that never ends is the one after the last line
    } catch (Json::exception const& error) {
      throw std::invalid_argument(where + ": " + error.what());
    } catch (std::invalid_argument const& error) {
      throw std::invalid_argument(where + ": " + error.what());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Arguments const arguments = parse(std::vector<std::string_view>(argv + 1, argv + argc));
    Totals totals;
    for (std::string const& file : arguments.files) {
      if (file == "-") {
        process(std::cin, "-", arguments, totals);
        continue;
      }
      std::ifstream input(file);
      if (!input) throw std::invalid_argument("cannot read " + file);
      process(input, file, arguments, totals);
    }
    if (arguments.check) std::cout << totals.passed << " passed, " << totals.failed << " failed" << std::endl;
    return !arguments.check || (totals.failed == 0 && totals.passed != 0) ? 0 : 1;
  } catch (std::exception const& error) {
    std::cerr << "weft_oracle: " << error.what() << '\n';
    return 2;
  }
}
