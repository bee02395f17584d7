// `weft_bench --serve`: another program says what is measured next, so that several programs can be measured interleaved (report/suite.py).
//
// Lines on standard input, answers on standard output:
//   list              a line of JSON for each kernel, in their order, the first being number 0; then `end`
//   machine           a line of JSON: label -> text
//   run NUMBER CALLS  `ok SECONDS RESULT`, or `samples VALUE...` of a kernel that measures by itself; the program's own threads are idle again
//   release NUMBER    `ok`: what the kernel keeps between calls is freed
//   run NAME SIZE CALLS   the form for peers that are programs of their own: the same answers
// A failure is `error TEXT`. The end of the input ends the program.
#pragma once

#include "../kernel.hpp"

namespace bench {

int serve(Kernels const&);

}  // namespace bench
