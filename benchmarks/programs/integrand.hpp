// Adaptive quadrature of x^3 + x over [0, n]: an interval is halved until the two halves' trapezoids add up to the whole's. The tree, and with
// it the sum to the last bit, does not depend on who computes it.
#pragma once

#include <cmath>
#include <cstdint>

namespace bench {

struct Interval {
  double left = 0, right = 0, at_left = 0, at_right = 0;
  double area = 0;

  static double f(double x) { return (x * x + 1) * x; }
  static Interval whole(double n) { return of(0, n, f(0), f(n)); }
  static Interval of(double left, double right, double at_left, double at_right) {
    return {left, right, at_left, at_right, (at_left + at_right) * (right - left) / 2};
  }
};

struct Halves {
  Interval left, right;
  double sum() const { return left.area + right.area; }
  bool good_enough(Interval const& whole) const { return std::abs(sum() - whole.area) < 1e-9; }
};

inline Halves halve(Interval const& i) {
  double const middle = i.left + (i.right - i.left) / 2;
  double const at_middle = Interval::f(middle);
  return {Interval::of(i.left, middle, i.at_left, at_middle), Interval::of(middle, i.right, at_middle, i.at_right)};
}

inline std::uint64_t rounded_area(double area) { return static_cast<std::uint64_t>(std::llround(area)); }

}  // namespace bench
