// SHA-1 (FIPS 180-4) of messages that fit one block, and what UTS makes of its digests.
#include "uts_tree.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <stdexcept>

namespace bench::uts {

namespace {

State sha1(std::span<std::uint8_t const> message) {
  // One block: the message, a one bit, zeros, the length in bits in eight bytes.
  std::array<std::uint8_t, 64> block{};
  std::copy(message.begin(), message.end(), block.begin());
  block[message.size()] = 0x80;
  block[62] = static_cast<std::uint8_t>(message.size() * 8 >> 8);
  block[63] = static_cast<std::uint8_t>(message.size() * 8);

  std::array<std::uint32_t, 80> w{};
  for (std::size_t i = 0; i < 16; ++i) {
    w[i] = std::uint32_t{block[4 * i]} << 24 | std::uint32_t{block[4 * i + 1]} << 16 | std::uint32_t{block[4 * i + 2]} << 8 | block[4 * i + 3];
  }
  for (std::size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);

  std::array<std::uint32_t, 5> const start{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  auto [a, b, c, d, e] = start;
  auto round = [&](std::uint32_t f, std::uint32_t k, std::uint32_t word) {
    std::uint32_t const next = std::rotl(a, 5) + f + e + k + word;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  };
  for (std::size_t i = 0; i < 20; ++i) round((b & c) | (~b & d), 0x5a827999, w[i]);
  for (std::size_t i = 20; i < 40; ++i) round(b ^ c ^ d, 0x6ed9eba1, w[i]);
  for (std::size_t i = 40; i < 60; ++i) round((b & c) | (b & d) | (c & d), 0x8f1bbcdc, w[i]);
  for (std::size_t i = 60; i < 80; ++i) round(b ^ c ^ d, 0xca62c1d6, w[i]);

  State digest{};
  std::array<std::uint32_t, 5> const end{start[0] + a, start[1] + b, start[2] + c, start[3] + d, start[4] + e};
  for (std::size_t i = 0; i < 20; ++i) digest[i] = static_cast<std::uint8_t>(end[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

State digest_of(std::span<std::uint8_t const> head, std::uint32_t number) {
  std::array<std::uint8_t, 24> message{};
  std::copy(head.begin(), head.end(), message.begin());
  for (std::size_t i = 0; i < 4; ++i) message[head.size() + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return sha1(std::span(message).first(head.size() + 4));
}

// In [0, 1).
double uniform(State const& state) {
  std::uint32_t const bits =
      std::uint32_t{state[16]} << 24 | std::uint32_t{state[17]} << 16 | std::uint32_t{state[18]} << 8 | state[19];
  return double(bits & 0x7fffffff) / 2147483648.0;
}

constexpr unsigned most_children = 100;

}  // namespace

Tree tree(std::uint64_t which) {
  Tree const t1{Tree::Kind::geometric, 19, 4, 10, 0, 0, "T1"};
  Tree const t3{Tree::Kind::binomial, 42, 2000, 0, 0.124875, 8, "T3"};
  if (which == 1) return t1;
  if (which == 3) return t3;
  if (which > 1000) {
    Tree small = t3;
    small.root_children = double(which - 1000);
    small.name = "T3, root " + std::to_string(which - 1000);
    return small;
  }
  if (which > 100) {
    Tree small = t1;
    small.depth = unsigned(which - 100);
    small.name = "T1, depth " + std::to_string(small.depth);
    return small;
  }
  throw std::invalid_argument("no UTS tree has this number");
}

Node root(Tree const& tree) {
  std::array<std::uint8_t, 16> const zeros{};
  return {digest_of(zeros, tree.seed), 0};
}

Node child(Node const& parent, std::uint32_t number) { return {digest_of(parent.state, number), parent.height + 1}; }

unsigned child_count(Tree const& tree, Node const& node) {
  if (tree.kind == Tree::Kind::binomial) {
    if (node.height == 0) return unsigned(tree.root_children);
    return uniform(node.state) < tree.probability ? tree.children : 0;
  }
  double const mean = node.height == 0 || node.height < tree.depth ? tree.root_children : 0;
  if (mean == 0) return 0;
  double const p = 1 / (1 + mean);
  return std::min(unsigned(std::floor(std::log(1 - uniform(node.state)) / std::log(1 - p))), most_children);
}

}  // namespace bench::uts
