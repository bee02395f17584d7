// The smallest program that ThreadSanitizer has something to do in; see WeftSanitizers.cmake.
#include <thread>

int main() {
  int handed_over = 0;
  std::thread other([&] { handed_over = 1; });
  other.join();
  return handed_over == 1 ? 0 : 1;
}
