// The trees of UTS, the Unbalanced Tree Search benchmark: trees that nobody can balance in advance, because how many children a node has
// is drawn by a generator whose state is the node itself.
//
// A node's state is a SHA-1 digest; its child number i has the digest of (state, i in four bytes, most significant first); its random number is the
// last four bytes of the state without the sign bit. So a tree is the same on every machine, and its size is known. The standard trees here:
//   T1  geometric, fixed shape: a node above depth 10 has a geometrically distributed number of children with mean 4    4,130,071 nodes, depth 10
//   T3  binomial: the root has 2,000 children, any other node 8 with probability 0.124875 or none                       4,112,897 nodes, depth 1,572
// Reference: Olivier et al., "UTS: An Unbalanced Tree Search Benchmark", LCPC 2006.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace bench::uts {

struct Tree {
  enum class Kind { geometric, binomial };
  Kind kind{};
  std::uint32_t seed = 0;
  double root_children = 0;   // geometric: the mean everywhere; binomial: of the root
  unsigned depth = 0;         // geometric: nodes here have no children
  double probability = 0;     // binomial: that a node has children
  unsigned children = 0;      // binomial: how many then
  std::string name{};
};

// 1: T1, 3: T3; 100 + d: T1 cut at depth d; 1000 + n: T3 with n children of the root.
Tree tree(std::uint64_t which);

using State = std::array<std::uint8_t, 20>;

struct Node {
  State state{};
  unsigned height = 0;
};

Node root(Tree const&);
Node child(Node const& parent, std::uint32_t number);
unsigned child_count(Tree const&, Node const&);

}  // namespace bench::uts
