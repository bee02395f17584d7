// weft-gcc12-lint: finds the coroutine expressions that g++ 12 compiles wrongly and without a word.
//
//   rule 1  an await in the condition of if, while, do, switch or for, where the condition declares nothing: the program
//           crashes or takes the wrong branch. `bool ok = co_await x; if (ok)` and `if (bool ok = co_await x)` are right,
//           and so is an await in an init-statement, in a for's increment and in the range of a range-for.
//   rule 2  a temporary that is a lambda with a by-value capture, an aggregate or a designated initialiser, in a full
//           expression with an await: destroyed twice if it has a destructor. Name it first, and move it in.
//   rule 3  an await in the second or third operand of ?:, in a braced initialiser, or in the arguments of a new
//           expression: its result is destroyed twice if it has a destructor. Name it first.
//
// It reads tokens, not types, so it errs on the safe side: much that cannot be harmful (a small struct captured by value) is
// reported as well, unless the line of the finding, the line above it or a line in between that belongs to the same statement has a
// comment with `GCC12:` in it that says why. Not reported, because they are known to be harmless: types of namespace std but
// std::array (they have constructors), arithmetic types, classes named ...Error, weft's own TaskOptions, WaitOptions and
// MapOptions (no destructor) and their designators, and what `--safe NAME` names. Not seen, because nothing in the text shows
// it: aggregates written with parentheses, Agg(x), and default arguments that are aggregates.
//
// How: each file (or each ```cpp block of a .md file) becomes tokens, without comments, literals and preprocessor lines.
// Each brace is a body or an initialiser. A statement is then a list of tokens without the bodies inside it (a lambda's body
// is a list of statements of its own), and the three rules look at the brackets around each await in such a list.
//
// Usage: weft-gcc12-lint [--safe NAME]... [--skip PATH]... FILE|FOLDER...     prints file:line: rule N: ..., ends with 1 if any
//        weft-gcc12-lint --self-test DIR     DIR/good/*.txt: nothing is found; DIR/bad/*.txt: exactly the lines with // bad: N
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "tokens.hpp"

namespace fs = std::filesystem;

namespace {

using namespace gcc12_lint;

// ---- rules

struct Finding {
  int line;
  int rule;
  std::string text;
  bool operator<(Finding const& other) const { return std::tie(line, rule) < std::tie(other.line, other.rule); }
};

using Words = std::set<std::string, std::less<>>;

Words const numbers{"bool", "char", "short", "int", "long", "unsigned", "signed", "float", "double", "size_t", "ptrdiff_t",
                    "int8_t", "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "uintptr_t",
                    "intptr_t", "duration", "time_point", "nanoseconds", "microseconds", "milliseconds", "seconds"};
Words const no_destructor{"TaskOptions", "WaitOptions", "MapOptions"};
Words const their_fields{"name", "timeout", "return_when", "concurrency"};
// Words after which an expression starts, so that what follows is no declared name.
Words const before_expression{"return", "co_return", "co_await", "co_yield", "throw", "case", "else", "do", "new", "not"};

class Linter {
 public:
  Linter(Lexed const& lexed, Words const& safe) : tokens_(lexed.tokens), exempt_(lexed.exempt), safe_(safe) { match(); }

  std::set<Finding> run() {
    block(0, static_cast<int>(tokens_.size()));
    return std::move(findings_);
  }

 private:
  enum class Brace { body, lambda, initialiser };

  std::string_view text(int i) const {
    return i >= 0 && i < static_cast<int>(tokens_.size()) ? std::string_view(tokens_[static_cast<std::size_t>(i)].text) : "";
  }
  bool is(int i, std::string_view what) const {
    return i >= 0 && i < static_cast<int>(tokens_.size()) && tokens_[static_cast<std::size_t>(i)].kind != Kind::literal &&
           text(i) == what;
  }
  Kind kind(int i) const { return i >= 0 && i < static_cast<int>(tokens_.size()) ? tokens_[static_cast<std::size_t>(i)].kind : Kind::mark; }
  bool is_word(int i) const { return kind(i) == Kind::word; }
  int line(int i) const { return tokens_[static_cast<std::size_t>(i)].line; }
  int partner(int i) const { return partner_[static_cast<std::size_t>(i)]; }
  // `operator co_await` is a name.
  bool awaits(int i) const { return (is(i, "co_await") || is(i, "co_yield")) && !is(i - 1, "operator"); }

  // Pairs brackets. Text that does not balance (an #if with both branches) loses the brackets that have no partner.
  void match() {
    partner_.assign(tokens_.size(), -1);
    std::vector<int> open;
    for (int i = 0; i < static_cast<int>(tokens_.size()); ++i) {
      if (is(i, "(") || is(i, "[") || is(i, "{")) open.push_back(i);
      if (!is(i, ")") && !is(i, "]") && !is(i, "}")) continue;
      std::string_view const wanted = is(i, ")") ? "(" : is(i, "]") ? "[" : "{";
      auto const found = std::find_if(open.rbegin(), open.rend(), [&](int o) { return is(o, wanted); });
      if (found == open.rend()) continue;
      partner_[static_cast<std::size_t>(*found)] = i;
      partner_[static_cast<std::size_t>(i)] = *found;
      open.erase(std::prev(found.base()), open.end());
    }
  }

  // [ opens a lambda unless it follows what can be indexed or a declarator.
  bool opens_lambda(int i) const {
    if (!is(i, "[") || partner(i) < 0 || is(i + 1, "[") || is(i - 1, "[")) return false;
    if (is_word(i - 1)) return before_expression.contains(text(i - 1)) && !is(i - 1, "new");
    if (kind(i - 1) == Kind::literal || kind(i - 1) == Kind::number) return false;
    if (is(i - 1, ")") || is(i - 1, "]")) return false;
    return !((is(i - 1, "&") || is(i - 1, "&&")) && is(i - 2, "auto"));
  }

  // Skips template arguments backwards: from a closing > to before its <. Stays where it is if that is no such thing.
  int before_angles(int i) const {
    int depth = 0;
    int at = i;
    for (; at >= 0; --at) {
      if (is(at, ">")) ++depth;
      if (is(at, "<") && --depth == 0) return at - 1;
      if (is(at, ";") || is(at, "{") || is(at, "}")) return i;
      if ((is(at, ")") || is(at, "]")) && partner(at) >= 0) at = partner(at);
    }
    return i;
  }

  // The first token of the type name that ends at i: ns::Name<Args>.
  int name_start(int i) const {
    int at = i;
    for (;;) {
      if (is(at, ">")) {
        int const before = before_angles(at);
        if (before == at) return at;
        at = before;
      }
      if (!is_word(at)) return at + 1;
      if (!is(at - 1, "::")) return at;
      if (!is_word(at - 2) && !is(at - 2, ">")) return at - 1;
      at -= 2;
    }
  }
  // The last word of that name, without its template arguments.
  std::string_view name(int i) const { return is(i, ">") ? text(before_angles(i)) : text(i); }

  // For a { : is the text before it the head of a lambda?
  bool after_lambda_head(int brace) const {
    int at = brace - 1;
    int type = at;  // a trailing return type
    while (type >= 0 && (is_word(type) || is(type, "::") || is(type, "*") || is(type, "&") || is(type, "&&") || is(type, ">"))) {
      int const before = is(type, ">") ? before_angles(type) : type - 1;
      if (before == type) break;
      type = before;
    }
    if (is(type, "->")) at = type - 1;
    while (is(at, "mutable") || is(at, "noexcept") || is(at, "constexpr") || is(at, "const")) --at;
    if (is(at, ")") && partner(at) >= 0) at = partner(at) - 1;
    while (is(at, "mutable") || is(at, "noexcept") || is(at, "constexpr")) --at;
    if (is(at, ")") && partner(at) >= 0) at = partner(at) - 1;  // noexcept(...)
    if (is(at, ">")) at = before_angles(at);                    // []<class T>(...)
    return is(at, "]") && partner(at) >= 0 && opens_lambda(partner(at));
  }

  Brace classify(int brace, bool nested, int statement) const {
    if (after_lambda_head(brace)) return Brace::lambda;
    int const before = brace - 1;
    if (nested) return is(before, "requires") || (is(before, ")") && is(brace + 1, "requires")) ? Brace::body : Brace::initialiser;
    if (before < statement || is(before, ")") || is(before, "}") || is(before, ":") || is(before, "]")) {
      // `int a[] {...}` is an initialiser, `[[likely]] {` is a body.
      return is(before, "]") && !is(before - 1, "]") ? Brace::initialiser : Brace::body;
    }
    static Words const heads{"else", "do", "try", "const", "noexcept", "override", "final", "requires", "mutable", "&", "&&"};
    if (kind(before) == Kind::literal || heads.contains(text(before))) return Brace::body;
    bool arguments = false;
    for (int i = statement; i < brace; ++i) {
      if (is(i, "template") && is(i + 1, "<")) {
        int depth = 0;
        for (++i; i < brace; ++i) {
          if (is(i, "<")) ++depth;
          if (is(i, ">") && --depth == 0) break;
        }
        continue;
      }
      // A trailing return type, a constraint behind the parameters.
      if (arguments && (is(i, "->") || is(i, "requires"))) return Brace::body;
      if (is(i, "=")) return Brace::initialiser;
      if (is(i, "(") && partner(i) >= 0) {
        arguments = true;
        i = partner(i);
        continue;
      }
      if (!arguments && (is(i, "namespace") || is(i, "class") || is(i, "struct") || is(i, "union") || is(i, "enum"))) return Brace::body;
    }
    return Brace::initialiser;
  }

  void block(int from, int to) {
    for (int i = from; i < to;) i = statement(i, to);
  }

  // Reads one statement (or the head of one), applies the rules, and returns where the next one starts.
  int statement(int from, int to) {
    std::vector<int> flat;
    std::vector<int> open;  // brackets that the token at hand is in
    int i = from;
    for (; i < to; ++i) {
      while (!open.empty() && i > partner(open.back())) open.pop_back();
      bool const nested = !open.empty();
      if (!nested && (is(i, "if") || is(i, "while") || is(i, "switch") || is(i, "for"))) {
        int const paren = is(i + 1, "constexpr") ? i + 2 : i + 1;
        if (is(paren, "(") && partner(paren) >= 0) {
          rules(flat);
          head(text(i), paren + 1, partner(paren));
          return partner(paren) + 1;
        }
      }
      if (is(i, ";") && !nested) break;
      if (is(i, "{") && partner(i) >= 0) {
        Brace const brace = classify(i, nested, from);
        if (brace != Brace::initialiser) {
          block(i + 1, partner(i));
          i = partner(i);
          if (brace == Brace::body && !nested) break;
          continue;
        }
      }
      if ((is(i, "(") || is(i, "[") || is(i, "{")) && partner(i) >= 0) open.push_back(i);
      flat.push_back(i);
    }
    rules(flat);
    return i + 1;
  }

  void head(std::string_view keyword, int from, int to) {
    std::vector<std::pair<int, int>> parts{{from, to}};
    bool ranged = false;
    int conditionals = 0;
    for (int i = from; i < to; ++i) {
      if ((is(i, "(") || is(i, "[") || is(i, "{")) && partner(i) >= 0) {
        i = partner(i);
      } else if (is(i, ";") || (keyword == "for" && is(i, ":") && conditionals == 0)) {
        ranged = is(i, ":");
        parts.back().second = i;
        parts.push_back({i + 1, to});
      } else if (is(i, "?")) {
        ++conditionals;
      } else if (is(i, ":")) {
        --conditionals;
      }
    }
    for (auto [first, last] : parts) {
      for (int i = first; i < last;) i = statement(i, last);
    }
    if (ranged) return;
    std::size_t const which = keyword == "for" ? 1 : parts.size() - 1;
    if (which >= parts.size()) return;
    auto const [first, last] = parts[which];
    if (declares(first, last)) return;
    for (int i = first; i < last; ++i) {
      if (is(i, "{") && partner(i) >= 0 && after_lambda_head(i)) i = partner(i);
      if (awaits(i)) {
        report(i, first, 1, "an await in the condition of " + std::string(keyword) + ": declare a variable in it, or before it");
      }
    }
  }

  // Is [from, to) `type name = ...` or `type name{...}`?
  bool declares(int from, int to) const {
    int at = from;
    while (at < to && !is(at, "=") && !is(at, "{")) {
      bool const allowed = is_word(at) || kind(at) == Kind::number || is(at, "::") || is(at, "<") || is(at, ">") || is(at, "*") ||
                           is(at, "&") || is(at, "&&") || is(at, "[") || is(at, "]") || is(at, ",");
      if (!allowed || awaits(at)) return false;
      ++at;
    }
    if (at == to || at - from < 2) return false;
    if (is(at - 1, "]")) return is(from, "auto") || is(from + 1, "auto");
    return is_word(at - 1) && (is_word(at - 2) || is(at - 2, ">") || is(at - 2, "*") || is(at - 2, "&") || is(at - 2, "&&"));
  }

  void rules(std::vector<int> const& flat) {
    if (std::none_of(flat.begin(), flat.end(), [&](int i) { return awaits(i); })) return;
    std::vector<int> open;
    int const first = flat.front();
    for (std::size_t n = 0; n < flat.size(); ++n) {
      int const i = flat[n];
      while (!open.empty() && i > partner(open.back())) open.pop_back();
      if (opens_lambda(i) && captures_by_value(i)) {
        report(i, first, 2, "a lambda that captures by value, in an expression with an await: name it first, or pass (fn, args...)");
      }
      if (is(i, "{")) temporary(i, first, flat, open);
      if (awaits(i)) {
        braced_or_new(i, first, open);
        conditional(i, first, flat, n);
      }
      if ((is(i, "(") || is(i, "[") || is(i, "{")) && partner(i) >= 0) open.push_back(i);
    }
  }

  // By value, and not of something that shows itself to be a number or a pointer.
  bool captures_by_value(int open) const {
    bool at_start = true;
    for (int i = open + 1; i < partner(open); ++i) {
      if (at_start && !is(i, "&") && !is(i, "this")) {
        bool const plain = is_word(i) && (is(i + 1, ",") || i + 1 == partner(open));
        if (!plain || !declared_as_number_or_pointer(i, open)) return true;
      }
      at_start = is(i, ",");
      if ((is(i, "(") || is(i, "{") || is(i, "[")) && partner(i) >= 0) i = partner(i);
    }
    return false;
  }

  // Is the nearest declaration of that name before the lambda `int name`, `T* name` or the like? Parameters count.
  bool declared_as_number_or_pointer(int capture, int before) const {
    for (int i = before - 1; i > 0; --i) {
      if (!is(i, text(capture))) continue;
      int const type = is(i - 1, "const") ? i - 2 : i - 1;
      if (is(type, "*") && type > 1) {
        int const before_type = name_start(is(type - 1, "const") ? type - 2 : type - 1) - 1;
        static Words const starts{"(", ",", ";", "{", "}", "const"};
        if (starts.contains(text(before_type)) || before_type < 0) return true;
      }
      if (is_word(type) && !before_expression.contains(text(type)) && !is(type - 1, "new")) return numbers.contains(text(type));
    }
    return false;
  }

  bool declares_variable(int brace) const {  // `Type name{`
    int const start = name_start(brace - 1);
    int const before = start - 1;
    if (start > brace - 1) return false;
    if (is_word(before)) return !before_expression.contains(text(before));
    return is(before, ">") || is(before, "*") || is(before, "&") || is(before, "&&") || is(before, "]");
  }

  bool harmless_type(int last) const {
    std::string_view const type = name(last);
    int const start = name_start(last);
    if (numbers.contains(type) || no_destructor.contains(type) || safe_.contains(type) || type.ends_with("Error")) return true;
    return is(start, "std") && type != "array";
  }

  // Rule 2 for a brace that makes a temporary.
  void temporary(int brace, int first, std::vector<int> const& flat, std::vector<int> const& open) {
    int const close = partner(brace);
    if (close < 0 || (!open.empty() && is(open.back(), "{"))) return;  // part of another initialiser, which is judged
    if (std::any_of(flat.begin(), flat.end(), [&](int i) { return i > brace && i < close && awaits(i); })) return;  // rule 3
    bool const typed = is_word(brace - 1) || is(brace - 1, ">");
    if (typed && !before_expression.contains(text(brace - 1))) {
      int const start = name_start(brace - 1);
      if (is(start - 1, "new") || harmless_type(brace - 1)) return;
      if (open.empty() && declares_variable(brace)) return;
      report(brace, first, 2, "a temporary " + std::string(name(brace - 1)) +
                                  "{...} in an expression with an await: if it is an aggregate, name it first");
      return;
    }
    if (is(brace - 1, ")") || is(brace - 1, "]") || (is(brace - 1, "=") && open.empty())) return;
    bool known = is(brace + 1, ".");
    for (int i = brace + 1; i < close; ++i) {
      if (is(i, ".") && (is(i - 1, "{") || is(i - 1, ",")) && !their_fields.contains(text(i + 1))) known = false;
      if ((is(i, "(") || is(i, "{")) && partner(i) >= 0) i = partner(i);
    }
    if (!known) report(brace, first, 2, "a braced temporary in an expression with an await: name it first");
  }

  // Rule 3 for the brackets around an await.
  void braced_or_new(int await, int first, std::vector<int> const& open) {
    for (int bracket : open) {
      bool const named = is_word(bracket - 1) || is(bracket - 1, ">");
      int const start = named ? name_start(bracket - 1) : bracket;
      bool const placed = is(start - 1, ")") && partner(start - 1) >= 0 && is(partner(start - 1) - 1, "new");
      if (named && (is(start - 1, "new") || placed) && !numbers.contains(name(bracket - 1))) {
        report(await, first, 3, "an await in the arguments of a new expression: name its result first");
      } else if (is(bracket, "{")) {
        // int{...}, `int x{...}`, and `auto x{...}`, which is no aggregate.
        bool const scalar = named && (numbers.contains(name(bracket - 1)) || numbers.contains(text(start - 1)) || is(start - 1, "auto"));
        if (!scalar) report(await, first, 3, "an await in a braced initialiser: name its result first");
      }
    }
  }

  // Rule 3: is the await, or a bracket around it, right of a ? of the same bracket?
  void conditional(int await, int first, std::vector<int> const& flat, std::size_t n) {
    for (std::size_t k = n; k-- > 0;) {
      int const i = flat[k];
      if ((is(i, ")") || is(i, "]") || is(i, "}")) && partner(i) >= first) {  // a closed bracket to the left: step over it
        while (k > 0 && flat[k] > partner(i)) --k;
        continue;
      }
      if (is(i, "?")) return report(await, first, 3, "an await in the second or third operand of ?: : name its result first");
      // Past a comma or semicolon only an enclosing bracket counts.
      if (is(i, ",") || is(i, ";")) {
        while (k > 0 && !((is(flat[k], "(") || is(flat[k], "[") || is(flat[k], "{")) && partner(flat[k]) > await)) --k;
        if (k == 0) return;
      }
    }
  }

  // `from`: the first token of the statement. A marker anywhere from the line above it to the finding's line exempts.
  void report(int at, int from, int rule, std::string const& what) {
    for (int l = line(from) - 1; l <= line(at); ++l) {
      if (exempt_.contains(l)) return;
    }
    findings_.insert({line(at), rule, what});
  }

  std::vector<Token> const& tokens_;
  std::set<int> const& exempt_;
  Words const& safe_;
  std::vector<int> partner_;
  std::set<Finding> findings_;
};

// ---- files

struct Verdict {
  std::set<Finding> findings;
  std::set<std::pair<int, int>> expected;  // line, rule
};

void lint_text(std::string_view text, int first_line, Words const& safe, Verdict& verdict) {
  Lexed const lexed = Lexer(text, first_line).run();
  verdict.findings.merge(Linter(lexed, safe).run());
  for (auto const& [line, rules] : lexed.expected) {
    for (int rule : rules) verdict.expected.insert({line, rule});
  }
}

Verdict lint_file(fs::path const& file, bool markdown, Words const& safe) {
  std::ifstream in(file, std::ios::binary);
  std::string const all{std::istreambuf_iterator<char>(in), {}};
  Verdict verdict;
  if (!markdown) {
    lint_text(all, 1, safe, verdict);
    return verdict;
  }
  static Words const languages{"cpp", "c++", "C++", "cxx", "cc"};
  std::string block;
  int block_line = 0;
  int line = 0;
  bool fenced = false;
  for (std::size_t at = 0; at < all.size();) {
    std::size_t const end = std::min(all.find('\n', at), all.size());
    std::string_view const row = std::string_view(all).substr(at, end - at);
    at = end + 1;
    ++line;
    std::size_t const fence = std::min(row.find_first_not_of(" >"), row.size());
    if (row.substr(fence).starts_with("```")) {
      if (block_line > 0) lint_text(block, block_line, safe, verdict);
      block_line = 0;
      block.clear();
      fenced = !fenced;
      std::string_view language = row.substr(fence + 3);
      language = language.substr(0, language.find_first_of(" ,{\r"));
      if (fenced && languages.contains(language)) block_line = line + 1;
    } else if (block_line > 0) {
      block.append(row).push_back('\n');
    }
  }
  return verdict;
}

bool has_code(fs::path const& file) {
  static Words const endings{".hpp", ".cpp", ".h", ".cc", ".cxx", ".hxx", ".hh", ".ipp", ".md"};
  return endings.contains(file.extension().string());
}

int self_test(fs::path const& folder) {
  int wrong = 0;
  int checked = 0;
  for (char const* corpus : {"good", "bad"}) {
    std::vector<fs::path> files;
    for (auto const& entry : fs::directory_iterator(folder / corpus)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (fs::path const& file : files) {
      Verdict const verdict = lint_file(file, file.stem().extension() == ".md", {});
      std::set<std::pair<int, int>> found;
      for (Finding const& finding : verdict.findings) found.insert({finding.line, finding.rule});
      std::string const label = corpus + ("/" + file.filename().string());
      for (auto [line, rule] : verdict.expected) {
        if (!found.contains({line, rule})) std::printf("%s:%d: rule %d was not found\n", label.c_str(), line, rule), ++wrong;
      }
      for (auto [line, rule] : found) {
        if (!verdict.expected.contains({line, rule})) std::printf("%s:%d: rule %d was found\n", label.c_str(), line, rule), ++wrong;
      }
      bool const is_good = std::string_view(corpus) == "good";
      if (is_good != verdict.expected.empty()) std::printf("%s: says the wrong number of bad lines\n", label.c_str()), ++wrong;
      std::printf("%s: %zu findings\n", label.c_str(), found.size());
      ++checked;
    }
  }
  std::printf("%d files, %d wrong\n", checked, wrong);
  return wrong == 0 && checked > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> roots;
  std::vector<fs::path> skipped;
  Words safe;
  for (int i = 1; i < argc; ++i) {
    std::string_view const argument = argv[i];
    bool const has_value = i + 1 < argc;
    if (argument == "--self-test" && has_value) return self_test(argv[i + 1]);
    if (argument == "--safe" && has_value) {
      safe.insert(argv[++i]);
    } else if (argument == "--skip" && has_value) {
      skipped.push_back(fs::weakly_canonical(argv[++i]));
    } else if (!argument.starts_with("-")) {
      roots.emplace_back(argument);
    } else {
      roots.clear();
      break;
    }
  }
  if (roots.empty()) {
    std::fprintf(stderr, "usage: weft-gcc12-lint [--safe NAME]... [--skip PATH]... FILE|FOLDER...\n");
    return 2;
  }

  std::vector<fs::path> files;
  for (fs::path const& root : roots) {
    if (!fs::exists(root)) {
      std::fprintf(stderr, "weft-gcc12-lint: %s does not exist\n", root.c_str());
      return 2;
    }
    if (!fs::is_directory(root)) {
      files.push_back(root);
      continue;
    }
    for (fs::recursive_directory_iterator it(root), end; it != end; ++it) {
      fs::path const& path = it->path();
      bool const hidden = path.filename().string().starts_with(".");
      bool const skip = std::find(skipped.begin(), skipped.end(), fs::weakly_canonical(path)) != skipped.end();
      if (it->is_directory() && (hidden || skip)) it.disable_recursion_pending();
      if (it->is_regular_file() && !skip && has_code(path)) files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());

  std::size_t findings = 0;
  for (fs::path const& file : files) {
    for (Finding const& finding : lint_file(file, file.extension() == ".md", safe).findings) {
      std::printf("%s:%d: rule %d: %s\n", file.c_str(), finding.line, finding.rule, finding.text.c_str());
      ++findings;
    }
  }
  std::printf("%zu files read, %zu findings\n", files.size(), findings);
  return findings == 0 && !files.empty() ? 0 : 1;
}
