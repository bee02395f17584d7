// Text and JSON of a measured run. A ratio is the peer's time divided by weft's: above 1, weft is faster.
#include "table.hpp"

#include "machine.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace bench {

namespace {

constexpr int work_width = 28;
constexpr int column_width = 14;

std::string number(double value, int decimals) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(decimals) << value;
  return text.str();
}

// Three digits are all that a median of seven is worth.
std::string rounded(double value) { return number(value, value < 10 ? 2 : value < 100 ? 1 : 0); }

Measured const* find(std::vector<Measured> const& all, std::string const& work, Contender contender, unsigned threads) {
  for (Measured const& measured : all) {
    Kernel const& kernel = *measured.kernel;
    if (kernel.work == work && kernel.contender == contender && kernel.threads == threads) return &measured;
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

std::vector<std::string> works_of(std::vector<Measured> const& all) {
  std::vector<std::string> works;
  for (Measured const& measured : all) {
    if (std::find(works.begin(), works.end(), measured.kernel->work) == works.end()) works.push_back(measured.kernel->work);
  }
  return works;
}

// "weft 2t": two threads, the caller's included.
std::string column(Contender contender, unsigned threads) { return std::string(name_of(contender)) + " " + std::to_string(threads) + "t"; }

std::string quoted(std::string const& text) {
  std::string result = "\"";
  for (char const c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + "\"";
}

}  // namespace

void print_table(std::ostream& out, std::vector<Measured> const& all, Plan const& plan, MeasureOptions const& options,
                 std::string const& command) {
  for (auto const& [label, text] : describe_machine()) out << std::left << std::setw(10) << label << text << '\n';
  out << std::setw(10) << "command" << command << '\n';
  out << "\nns per task: median of " << options.rounds << " interleaved rounds, ~ half the distance of the quartiles; Nt = N threads\n\n";

  std::vector<std::string> const works = works_of(all);
  constexpr Contender parallel[] = {Contender::weft, Contender::tbb, Contender::openmp};
  std::vector<std::string> head{"tasks", "serial"};
  for (unsigned const threads : plan.threads) {
    for (Contender const contender : parallel) head.push_back(column(contender, threads));
  }
  out << cells("work", head);
  for (std::string const& work : works) {
    std::vector<std::string> row{"-", time_cell(find(all, work, Contender::serial, 1))};
    for (unsigned const threads : plan.threads) {
      for (Contender const contender : parallel) row.push_back(time_cell(find(all, work, contender, threads)));
    }
    for (Measured const& measured : all) {
      if (measured.kernel->work == work) row[0] = std::to_string(measured.kernel->tasks);
    }
    out << cells(work, row);
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
  for (std::string const& work : works) {
    std::vector<std::string> row;
    for (unsigned const threads : plan.threads) {
      Measured const* const weft = find(all, work, Contender::weft, threads);
      row.push_back(ratio_cell(find(all, work, Contender::tbb, threads), weft));
      row.push_back(ratio_cell(find(all, work, Contender::openmp, threads), weft));
    }
    if (fewest != most) row.push_back(ratio_cell(find(all, work, Contender::weft, fewest), find(all, work, Contender::weft, most)));
    out << cells(work, row);
  }
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
    out << separator << "    {\"work\": " << quoted(kernel.work) << ", \"contender\": " << quoted(name_of(kernel.contender))
        << ", \"threads\": " << kernel.threads << ", \"tasks\": " << kernel.tasks << ", \"median\": " << number(measured.median, 3)
        << ", \"samples\": [";
    for (std::size_t i = 0; i < measured.samples.size(); ++i) out << (i == 0 ? "" : ", ") << number(measured.samples[i], 3);
    out << "]}";
    separator = ",\n";
  }
  out << "\n  ]\n}\n";
  out.flush();
}

}  // namespace bench
