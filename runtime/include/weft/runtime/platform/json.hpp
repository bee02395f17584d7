// Strings as JSON. What is not UTF-8 is replaced by U+FFFD, so that a reader who insists on it can read a name with any bytes in it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace weft::engine {

// Bytes of the UTF-8 character that `text` begins with; zero if it begins with none.
inline std::size_t utf8_length(std::string_view text) noexcept {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char const first = byte(0);
  std::size_t const length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // Overlong forms, surrogates, beyond the last code point.
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// Appends `text` in quotes.
inline void append_json_string(std::string& json, std::string_view text) {
  json += '"';
  while (!text.empty()) {
    char const c = text.front();
    std::size_t length = 1;
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      json += escaped;
    } else if ((length = utf8_length(text)) != 0) {
      json += text.substr(0, length);
    } else {
      json += "\xEF\xBF\xBD";
      length = 1;
    }
    text.remove_prefix(length);
  }
  json += '"';
}

}  // namespace weft::engine
