// matmul: the product of two matrices by quadrants; the leaves, blocks of 64 x 64, are nearly all of the time.
#include "../kernel.hpp"
#include "../peers/peers.hpp"
#include "matrix.hpp"
#include "weft_runtimes.hpp"

namespace bench {

namespace {

weft::Coro<> multiply(Product product) {
  if (product.leaf()) {
    product.multiply();
    co_return;
  }
  for (unsigned phase = 0; phase < 2; ++phase) {
    co_await weft::gather(multiply(product.part(phase, 0)), multiply(product.part(phase, 1)), multiply(product.part(phase, 2)),
                          multiply(product.part(phase, 3)));
  }
}

weft::Coro<> multiply_tasks(Product product) {
  if (product.leaf()) {
    product.multiply();
    co_return;
  }
  for (unsigned phase = 0; phase < 2; ++phase) {
    co_await weft::task_group([&](weft::TaskGroup& tg) -> weft::Coro<> {
      for (unsigned quarter = 0; quarter < 4; ++quarter) tg.start_soon(multiply_tasks(product.part(phase, quarter)));
      co_return;
    });
  }
}

template <class Multiply>
std::uint64_t run_product(unsigned workers, std::size_t size, Multiply how) {
  Matrices& matrices = Matrices::of(size);
  Product product;
  {
    Untimed const set_up;
    product = matrices.product();
  }
  runtime(workers).run(how(product));
  Untimed const checking;
  return matrices.checksum();
}

}  // namespace

void add_matmul(Kernels& kernels, Plan const& plan) {
  std::size_t const size = plan.pick<std::uint64_t>(128, 256, 2048);
  Work work(kernels, plan, "programs", "matmul(" + std::to_string(size) + ")", Matrices::calls(size), serial("matmul", size));
  work.peers("matmul", size);
  work.weft([size](unsigned workers) { return run_product(workers, size, multiply); });
  work.weft([size](unsigned workers) { return run_product(workers, size, multiply_tasks); }, "TaskGroup");
}

}  // namespace bench
