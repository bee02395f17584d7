// What a figure needs beside it: the machine, the compiler and its flags, the peers' versions.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bench {

// Pairs of label and text, in the order in which they are to be shown.
std::vector<std::pair<std::string, std::string>> describe_machine();

}  // namespace bench
