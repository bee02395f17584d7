// See serve.hpp.
#include "serve.hpp"

#include "machine.hpp"
#include "measure.hpp"
#include "text.hpp"

#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace bench {

namespace {

void write_kernel(Kernel const& kernel) {
  std::cout << "{\"work\": " << quoted(kernel.work) << ", \"form\": " << quoted(kernel.form) << ", \"contender\": " << quoted(name_of(kernel.contender))
            << ", \"threads\": " << kernel.threads << ", \"tasks\": " << kernel.tasks << ", \"expected\": \"" << kernel.expected
            << "\", \"section\": " << quoted(kernel.section) << ", \"unit\": " << quoted(kernel.unit) << ", \"spec\": " << quoted(kernel.spec)
            << ", \"samples\": " << (kernel.samples ? "true" : "false") << "}\n";
}

void answer(Kernels const& kernels, std::string const& line) {
  std::istringstream words(line);
  std::string command;
  std::size_t index = 0;
  words >> command;
  if (command == "list") {
    for (Kernel const& kernel : kernels) write_kernel(kernel);
    std::cout << "end\n";
    return;
  }
  if (command == "machine") {
    char const* separator = "{";
    for (auto const& [label, text] : describe_machine()) {
      std::cout << separator << quoted(label) << ": " << quoted(text);
      separator = ", ";
    }
    std::cout << "}\n";
    return;
  }
  if (!(words >> index) || index >= kernels.size()) throw std::runtime_error("not understood: " + line);
  Kernel const& kernel = kernels[index];
  if (command == "release") {
    if (kernel.release) kernel.release();
    std::cout << "ok\n";
    return;
  }
  std::uint64_t calls = 0;
  if (command != "run" || !(words >> calls) || calls == 0) throw std::runtime_error("not understood: " + line);
  Sample const sample = take_sample(kernel, calls);
  if (kernel.samples) {
    std::cout << "samples";
    for (double const value : sample.values) std::cout << ' ' << number(value, 1);
    std::cout << '\n';
  } else {
    std::cout << "ok " << number(sample.seconds, 9) << ' ' << kernel.expected << '\n';
  }
}

}  // namespace

int serve(Kernels const& kernels) {
  for (std::string line; std::getline(std::cin, line);) {
    try {
      answer(kernels, line);
    } catch (std::exception const& error) {
      std::cout << "error " << error.what() << '\n';
    }
    std::cout.flush();
  }
  return 0;
}

}  // namespace bench
