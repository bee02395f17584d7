// C++ as a list of tokens with their lines: words, numbers, marks, and literals without their text. Comments and
// preprocessor lines are left out, but what comments tell the lint is kept: the exemption GCC12: and, in its own tests,
// which lines have to be found.
#pragma once

#include <cctype>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gcc12_lint {

enum class Kind { word, number, literal, mark };

struct Token {
  Kind kind;
  int line;
  std::string text;
};

struct Lexed {
  std::vector<Token> tokens;
  std::set<int> exempt;                   // lines with a comment that says GCC12:
  std::map<int, std::set<int>> expected;  // for the self-test: line -> rules, from comments `// bad: 2 3`
};

inline bool word_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
inline bool word_part(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
inline bool digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

class Lexer {
 public:
  Lexer(std::string_view text, int first_line) : text_(text), line_(first_line) {}

  Lexed run() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void advance(std::size_t count = 1) {
    for (; count > 0 && at_ < text_.size(); --count, ++at_) {
      if (text_[at_] == '\n') {
        ++line_;
        line_is_empty_ = true;
      }
    }
  }

  void step() {
    char const c = peek();
    if (c == '\n' || c == ' ' || c == '\t' || c == '\r') return advance();
    if (c == '/' && (peek(1) == '/' || peek(1) == '*')) return comment();
    if (c == '#' && line_is_empty_) return preprocessor();
    line_is_empty_ = false;
    if (c == '"' || c == '\'') return quoted();
    if (digit(c) || (c == '.' && digit(peek(1)))) return number();
    if (word_start(c)) return word();
    static constexpr std::string_view two[] = {"::", "->", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/="};
    std::size_t length = 1;
    for (std::string_view mark : two) {
      if (text_.substr(at_, 2) == mark) length = 2;
    }
    add(Kind::mark, at_, length);
    advance(length);
  }

  void add(Kind kind, std::size_t from, std::size_t length) {
    out_.tokens.push_back({kind, line_, std::string(text_.substr(from, length))});
  }

  void comment() {
    bool const to_line_end = peek(1) == '/';
    int const first = line_;
    std::size_t const from = at_;
    std::size_t end = text_.find(to_line_end ? "\n" : "*/", at_ + 2);
    end = end == std::string_view::npos ? text_.size() : end + (to_line_end ? 0 : 2);
    std::string_view const body = text_.substr(from, end - from);
    advance(end - from);
    if (body.find("GCC12:") != std::string_view::npos) {
      for (int line = first; line <= line_; ++line) out_.exempt.insert(line);
    }
    if (std::size_t const bad = body.find("bad:"); bad != std::string_view::npos) {
      for (char c : body.substr(bad + 4)) {
        if (digit(c)) out_.expected[first].insert(c - '0');
      }
    }
  }

  void preprocessor() {
    while (at_ < text_.size() && peek() != '\n') {
      if (peek() == '/' && (peek(1) == '/' || peek(1) == '*')) return comment();
      advance(peek() == '\\' ? 2 : 1);
    }
  }

  void quoted() {
    std::size_t const from = at_;
    char const quote = peek();
    std::size_t length = 1;
    while (from + length < text_.size() && text_[from + length] != quote && text_[from + length] != '\n') {
      length += text_[from + length] == '\\' ? 2 : 1;
    }
    add(Kind::literal, from, 0);
    advance(length + 1);
  }

  void raw_string() {
    std::size_t const open = text_.find('(', at_);
    if (open == std::string_view::npos) return advance(text_.size() - at_);
    std::string const close = ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + "\"";
    std::size_t const end = text_.find(close, open);
    add(Kind::literal, at_, 0);
    advance((end == std::string_view::npos ? text_.size() : end + close.size()) - at_);
  }

  void number() {
    std::size_t length = 1;
    while (word_part(peek(length)) || peek(length) == '.' || (peek(length) == '\'' && word_part(peek(length + 1)))) ++length;
    add(Kind::number, at_, length);
    advance(length);
  }

  void word() {
    std::size_t length = 1;
    while (word_part(peek(length))) ++length;
    std::string_view const text = text_.substr(at_, length);
    bool const prefix = text == "R" || text == "u8R" || text == "LR" || text == "uR" || text == "UR";
    if (prefix && peek(length) == '"') {
      advance(length);
      return raw_string();
    }
    add(Kind::word, at_, length);
    advance(length);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_;
  bool line_is_empty_ = true;
  Lexed out_;
};

}  // namespace gcc12_lint
