// Text and JSON of a measured run. A ratio is the peer's time divided by weft's: above 1, weft is faster.
#include "table.hpp"

#include "machine.hpp"
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>

namespace bench {

namespace {

constexpr int work_width = 42;
constexpr int column_width = 14;

// Three digits are all that a median of seven is worth.
std::string rounded(double value) { return number(value, value < 10 ? 2 : value < 100 ? 1 : 0); }

// A row of the table: a work, and the form in which weft does it.
struct Row {
  std::string work, form;
  std::string name() const { return form.empty() ? work : work + ", " + form; }
};

Measured const* find(std::vector<Measured> const& all, Row const& row, Contender contender, unsigned threads) {
  for (Measured const& measured : all) {
    Kernel const& kernel = *measured.kernel;
    bool const same_form = contender != Contender::weft || kernel.form == row.form;
    if (kernel.work == row.work && same_form && kernel.contender == contender && kernel.threads == threads) return &measured;
  }
  return nullptr;
}

std::string time_cell(Measured const* measured) {
  if (measured == nullptr) return "-";
  double const spread = 50 * (measured->upper_quartile - measured->lower_quartile) / measured->median;
  return rounded(measured->median) + " ~" + number(std::ceil(spread), 0) + "%";
}

std::string ratio_cell(Measured const* above, Measured const* below) {
  if (above == nullptr || below == nullptr) return "-";
  return rounded(above->median / below->median) + "x";
}

std::string cells(std::string const& first, std::vector<std::string> const& rest) {
  std::ostringstream line;
  line << std::left << std::setw(work_width) << first << std::right;
  for (std::string const& cell : rest) line << std::setw(column_width) << cell;
  return line.str() + "\n";
}

std::vector<Row> rows_of(std::vector<Measured> const& all) {
  std::vector<Row> rows;
  for (Measured const& measured : all) {
    Kernel const& kernel = *measured.kernel;
    if (kernel.contender != Contender::weft || kernel.samples) continue;
    auto same = [&](Row const& row) { return row.work == kernel.work && row.form == kernel.form; };
    if (std::none_of(rows.begin(), rows.end(), same)) rows.push_back({kernel.work, kernel.form});
  }
  return rows;
}

// "weft 2t": two threads, the caller's included.
std::string column(Contender contender, unsigned threads) { return std::string(name_of(contender)) + " " + std::to_string(threads) + "t"; }

void print_distributions(std::ostream& out, std::vector<Measured> const& all) {
  bool first = true;
  for (Measured const& measured : all) {
    Kernel const& kernel = *measured.kernel;
    if (!kernel.samples) continue;
    if (first) {
      out << "\ndistributions and sizes\n\n" << cells("what", {"who", "unit", "samples", "median", "90 %", "99 %", "worst"});
      first = false;
    }
    std::vector<double> sorted = measured.samples;
    std::sort(sorted.begin(), sorted.end());
    std::string const name = kernel.form.empty() ? kernel.work : kernel.work + ", " + kernel.form;
    out << cells(name, {column(kernel.contender, kernel.threads), kernel.unit, std::to_string(sorted.size()), number(quantile(sorted, 0.5), 0),
                        number(quantile(sorted, 0.9), 0), number(quantile(sorted, 0.99), 0), number(sorted.back(), 0)});
  }
}

}  // namespace

void print_table(std::ostream& out, std::vector<Measured> const& all, Plan const& plan, MeasureOptions const& options,
                 std::string const& command) {
  for (auto const& [label, text] : describe_machine()) out << std::left << std::setw(18) << label << text << '\n';
  out << std::setw(18) << "command" << command << '\n';
  out << "\nns per task: median of " << options.rounds << " interleaved rounds, ~ half the distance of the quartiles; Nt = N threads\n\n";

  std::vector<Row> const rows = rows_of(all);
  constexpr Contender parallel[] = {Contender::weft, Contender::tbb, Contender::openmp};
  std::vector<std::string> head{"tasks", "bare"};
  for (unsigned const threads : plan.threads) {
    for (Contender const contender : parallel) head.push_back(column(contender, threads));
  }
  out << cells("work", head);
  for (Row const& row : rows) {
    // Without any task, or without any library: a work has one of the two.
    Measured const* bare = find(all, row, Contender::serial, 1);
    if (bare == nullptr) bare = find(all, row, Contender::hardware, 2);
    std::vector<std::string> line{"-", time_cell(bare)};
    for (unsigned const threads : plan.threads) {
      for (Contender const contender : parallel) line.push_back(time_cell(find(all, row, contender, threads)));
    }
    for (Measured const& measured : all) {
      if (measured.kernel->work == row.work) line[0] = std::to_string(measured.kernel->tasks);
    }
    out << cells(row.name(), line);
  }

  out << "\nratios: the peer's time / weft's time with as many threads (above 1: weft is faster), and weft's own speed-up\n\n";
  head.clear();
  for (unsigned const threads : plan.threads) {
    head.push_back(column(Contender::tbb, threads));
    head.push_back(column(Contender::openmp, threads));
  }
  unsigned const fewest = plan.threads.front(), most = plan.threads.back();
  if (fewest != most) head.push_back("weft " + std::to_string(fewest) + "t->" + std::to_string(most) + "t");
  out << cells("work", head);
  for (Row const& row : rows) {
    std::vector<std::string> line;
    for (unsigned const threads : plan.threads) {
      Measured const* const weft = find(all, row, Contender::weft, threads);
      line.push_back(ratio_cell(find(all, row, Contender::tbb, threads), weft));
      line.push_back(ratio_cell(find(all, row, Contender::openmp, threads), weft));
    }
    if (fewest != most) line.push_back(ratio_cell(find(all, row, Contender::weft, fewest), find(all, row, Contender::weft, most)));
    out << cells(row.name(), line);
  }
  print_distributions(out, all);
  out.flush();
}

void write_json(std::ostream& out, std::vector<Measured> const& all, MeasureOptions const& options, std::string const& command) {
  out << "{\n  \"command\": " << quoted(command) << ",\n  \"rounds\": " << options.rounds << ",\n  \"machine\": {";
  char const* separator = "\n";
  for (auto const& [label, text] : describe_machine()) {
    out << separator << "    " << quoted(label) << ": " << quoted(text);
    separator = ",\n";
  }
  out << "\n  },\n  \"unit\": \"ns per task\",\n  \"results\": [";
  separator = "\n";
  for (Measured const& measured : all) {
    Kernel const& kernel = *measured.kernel;
    out << separator << "    {\"work\": " << quoted(kernel.work) << ", \"form\": " << quoted(kernel.form)
        << ", \"contender\": " << quoted(name_of(kernel.contender)) << ", \"threads\": " << kernel.threads << ", \"tasks\": " << kernel.tasks
        << ", \"unit\": " << quoted(kernel.unit) << ", \"median\": " << number(measured.median, 3) << ", \"samples\": [";
    for (std::size_t i = 0; i < measured.samples.size(); ++i) out << (i == 0 ? "" : ", ") << number(measured.samples[i], 3);
    out << "]}";
    separator = ",\n";
  }
  out << "\n  ]\n}\n";
  out.flush();
}

}  // namespace bench
