// Reads the includes of the library and says where they break its order.
//
// The floors, lowest first:
//   platform < algorithms < scheduler < runtime      runtime/include/weft/runtime/<floor>/, and runtime/src (floor: runtime)
//   < api                                            api/include/weft/, api/src
//   < interop                                        api/include/weft/interop/
// A file includes only its own floor or those below. Besides:
//   - a header of the engine stands on one of its four floors;
//   - no header but those of interop includes oneTBB: a file that sees oneTBB has over 100,000 lines, and weft's users
//     should not pay for a dependency of its benchmarks;
//   - weft.hpp names every header of api/include/weft itself, and none of interop.
//
//   weft_check_layers ROOT              prints what is wrong in the tree at ROOT, one line each; ends with 1 if anything is
//   weft_check_layers --self-test DIR   checks the trees DIR/good (nothing to find) and DIR/bad (exactly DIR/bad/expected.txt)
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 6> floors{"platform", "algorithms", "scheduler", "runtime", "api", "interop"};
constexpr int runtime_floor = 3;
constexpr int api_floor = 4;
constexpr int interop_floor = 5;

struct Include {
  int line;
  std::string path;
};

// The lines `#include <path>` and `#include "path"`. Comments need no care: an include in one would be odd enough to report.
std::vector<Include> includes_of(fs::path const& file) {
  std::vector<Include> found;
  std::ifstream in(file);
  std::string text;
  for (int line = 1; std::getline(in, text); ++line) {
    std::size_t at = text.find_first_not_of(" \t");
    if (at == std::string::npos || text[at] != '#') continue;
    at = text.find_first_not_of(" \t", at + 1);
    if (at == std::string::npos || text.compare(at, 7, "include") != 0) continue;
    std::size_t const open = text.find_first_of("<\"", at + 7);
    if (open == std::string::npos) continue;
    std::size_t const close = text.find_first_of(">\"", open + 1);
    if (close == std::string::npos) continue;
    found.push_back({line, text.substr(open + 1, close - open - 1)});
  }
  return found;
}

// The floor of an include path such as weft/runtime/algorithms/deque.hpp; nothing for what is not ours. -1: a header of the
// engine that is on no floor.
std::optional<int> floor_of(std::string_view include) {
  if (!include.starts_with("weft/")) return std::nullopt;
  if (include.starts_with("weft/interop/")) return interop_floor;
  if (!include.starts_with("weft/runtime/")) return api_floor;
  for (int floor = 0; floor <= runtime_floor; ++floor) {
    std::string const folder = "weft/runtime/" + std::string(floors[static_cast<std::size_t>(floor)]) + "/";
    if (include.starts_with(folder)) return floor;
  }
  return -1;
}

bool is_onetbb(std::string_view include) { return include.starts_with("tbb/") || include.starts_with("oneapi/"); }

class Checker {
 public:
  explicit Checker(fs::path root) : root_(std::move(root)) {}

  std::vector<std::string> run() {
    headers("runtime/include");
    headers("api/include");
    sources("runtime/src", runtime_floor);
    sources("api/src", api_floor);
    umbrella();
    return findings_;
  }
  int files() const { return files_; }

 private:
  static std::vector<fs::path> files_below(fs::path const& folder) {
    std::vector<fs::path> all;
    if (!fs::is_directory(folder)) return all;
    for (auto const& entry : fs::recursive_directory_iterator(folder)) {
      fs::path const ending = entry.path().extension();
      if (entry.is_regular_file() && (ending == ".hpp" || ending == ".cpp" || ending == ".h")) all.push_back(entry.path());
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  void report(fs::path const& file, int line, std::string const& what) {
    findings_.push_back(file.lexically_relative(root_).generic_string() + ":" + std::to_string(line) + ": " + what);
  }

  void headers(std::string const& include_root) {
    for (fs::path const& file : files_below(root_ / include_root)) {
      std::string const own = file.lexically_relative(root_ / include_root).generic_string();
      int const floor = floor_of(own).value_or(-1);
      if (floor < 0) {
        report(file, 1, "this header is on no floor");
        continue;
      }
      check(file, floor, fs::path(own).parent_path(), true);
    }
  }

  void sources(std::string const& folder, int floor) {
    for (fs::path const& file : files_below(root_ / folder)) check(file, floor, {}, false);
  }

  void check(fs::path const& file, int floor, fs::path const& own_folder, bool header) {
    ++files_;
    for (auto const& [line, path] : includes_of(file)) {
      if (header && floor != interop_floor && is_onetbb(path)) report(file, line, "a public header includes oneTBB: " + path);
      std::optional<int> target = floor_of(path);
      // A quoted include that is relative to the file.
      if (!target && header) target = floor_of((own_folder / path).lexically_normal().generic_string());
      bool const exists = target && (fs::exists(root_ / "runtime/include" / path) || fs::exists(root_ / "api/include" / path) ||
                                     fs::exists(file.parent_path() / path));
      if (!exists) continue;
      if (*target < 0) {
        report(file, line, "includes a header that is on no floor: " + path);
      } else if (*target > floor) {
        report(file, line, std::string(floors[static_cast<std::size_t>(floor)]) + " includes " +
                               std::string(floors[static_cast<std::size_t>(*target)]) + ", which is above it: " + path);
      }
    }
  }

  void umbrella() {
    fs::path const folder = root_ / "api/include/weft";
    fs::path const weft = folder / "weft.hpp";
    if (!fs::is_directory(folder)) return;
    if (!fs::exists(weft)) {
      report(weft, 1, "there is no weft.hpp");
      return;
    }
    std::set<std::string> named;
    for (auto const& [line, path] : includes_of(weft)) {
      named.insert(path);
      if (path.starts_with("weft/interop/")) report(weft, line, "weft.hpp includes interop: " + path);
    }
    std::vector<std::string> missing;
    for (auto const& entry : fs::directory_iterator(folder)) {
      std::string const path = "weft/" + entry.path().filename().string();
      if (entry.path().extension() == ".hpp" && path != "weft/weft.hpp" && !named.contains(path)) missing.push_back(path);
    }
    std::sort(missing.begin(), missing.end());
    for (std::string const& path : missing) report(weft, 1, "weft.hpp does not include " + path);
  }

  fs::path root_;
  std::vector<std::string> findings_;
  int files_ = 0;
};

int self_test(fs::path const& folder) {
  int wrong = 0;
  for (char const* tree : {"good", "bad"}) {
    Checker checker(folder / tree);
    std::vector<std::string> found = checker.run();
    std::vector<std::string> expected;
    std::ifstream in(folder / tree / "expected.txt");
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) expected.push_back(line);
    }
    std::sort(found.begin(), found.end());
    std::sort(expected.begin(), expected.end());
    auto const differences = [&](auto const& a, auto const& b, char const* what) {
      std::vector<std::string> only;
      std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(only));
      for (std::string const& line : only) std::printf("%s: %s: %s\n", tree, what, line.c_str());
      wrong += static_cast<int>(only.size());
    };
    differences(expected, found, "not found");
    differences(found, expected, "not expected");
    if (checker.files() == 0) {
      std::printf("%s: no file was read\n", tree);
      ++wrong;
    }
    std::printf("%s: %d files, %zu findings\n", tree, checker.files(), found.size());
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--self-test") return self_test(argv[2]);
  if (argc != 2) {
    std::fprintf(stderr, "usage: weft_check_layers ROOT | --self-test DIR\n");
    return 2;
  }
  Checker checker{fs::path(argv[1])};
  std::vector<std::string> const found = checker.run();
  for (std::string const& line : found) std::printf("%s\n", line.c_str());
  std::printf("%d files read, %zu findings\n", checker.files(), found.size());
  return found.empty() && checker.files() > 0 ? 0 : 1;
}
