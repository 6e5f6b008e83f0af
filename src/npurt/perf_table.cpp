#include "npurt/perf_table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string_view>
#include <vector>

#include "npurt/attributes.hpp"

namespace ez_rknn::npurt {
namespace {

struct Column {
  const char* title;
  std::size_t start;
};
constexpr std::array<Column, 12> kLayerColumns = {{{"ID", 0},
                                                   {"OpType", 5},
                                                   {"DataType", 24},
                                                   {"Target", 33},
                                                   {"InputShape", 40},
                                                   {"OutputShape", 81},
                                                   {"Cycles(DDR/NPU/Total)", 104},
                                                   {"Time(us)", 129},
                                                   {"MacUsage(%)", 142},
                                                   {"WorkLoad(0/1/2)", 163},
                                                   {"RW(KB)", 184},
                                                   {"FullName", 197}}};
constexpr std::array<Column, 7> kRankColumns = {{{"OpType", 0},
                                                 {"CallNumber", 19},
                                                 {"CPUTime(us)", 32},
                                                 {"GPUTime(us)", 45},
                                                 {"NPUTime(us)", 58},
                                                 {"TotalTime(us)", 71},
                                                 {"TimeRatio(%)", 86}}};
constexpr std::size_t kLayerWidth = 220, kRankWidth = 99;

template <std::size_t N>
std::string line(const std::array<Column, N>& columns, const std::array<std::string, N>& cells) {
  std::string text;
  for (std::size_t i = 0; i < N; ++i) {
    if (text.size() < columns[i].start) text.resize(columns[i].start, ' ');
    else if (i > 0) text += ' ';  // a cell that is too long moves its neighbours, it never touches them
    std::string cell = cells[i];
    std::replace_if(
        cell.begin(), cell.end(), [](char c) { return c == ' ' || c == '\n'; }, '_');  // readers split at blanks
    text += cell.empty() ? "\\" : cell;
  }
  return text + "\n";
}

template <std::size_t N>
std::string header(const std::array<Column, N>& columns) {
  std::array<std::string, N> titles;
  for (std::size_t i = 0; i < N; ++i) titles[i] = columns[i].title;
  return line(columns, titles);
}

std::string ruler(std::size_t width) { return std::string(width, '-') + "\n"; }

std::string title(std::string_view text, std::size_t width) {
  return ruler(width) + std::string((width - text.size()) / 2, ' ') + std::string(text) + "\n" + ruler(width);
}

/// "(1,3,640,640),(16,3,3,3)", cut to `width`.
std::string shapes(const file::Graph& graph, const std::vector<std::int32_t>& ids, std::size_t width) {
  std::string text;
  for (std::int32_t id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= graph.tensors.size()) continue;
    std::string one = text.empty() ? "(" : ",(";
    const Dims& shape = graph.tensors[static_cast<std::size_t>(id)].shape;
    for (int i = 0; i < shape.rank(); ++i) one += (i ? "," : "") + std::to_string(shape[i]);
    one += ")";
    if (text.size() + one.size() + 4 > width) return text + (text.empty() ? "..." : ",...");
    text += one;
  }
  return text;
}

const file::Tensor* first_tensor(const file::Graph& graph, const file::Node& node) {
  for (const auto* ids : {&node.inputs, &node.outputs})
    for (std::int32_t id : *ids)
      if (id >= 0 && static_cast<std::size_t>(id) < graph.tensors.size())
        return &graph.tensors[static_cast<std::size_t>(id)];
  return nullptr;
}

std::uint64_t bytes_of(const file::Graph& graph, const file::Node& node) {
  std::uint64_t bytes = 0;
  for (const auto* ids : {&node.inputs, &node.outputs})
    for (std::int32_t id : *ids)
      if (id >= 0 && static_cast<std::size_t>(id) < graph.tensors.size())
        bytes += graph.tensors[static_cast<std::size_t>(id)].size;
  return bytes;
}

std::string percent(double part, double whole, const char* unit = "%") {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%s", whole > 0 ? 100 * part / whole : 0.0, unit);
  return text;
}

struct Rank {
  std::uint64_t calls = 0, cpu = 0, npu = 0;  // microseconds
  std::uint64_t total() const { return cpu + npu; }
};

std::string ranking(const std::map<std::string, Rank>& by_type) {
  std::vector<std::pair<std::string, Rank>> rows(by_type.begin(), by_type.end());
  std::stable_sort(rows.begin(), rows.end(), [](auto& a, auto& b) { return a.second.total() > b.second.total(); });
  Rank sum;
  for (const auto& [type, r] : rows) sum.calls += r.calls, sum.cpu += r.cpu, sum.npu += r.npu;
  std::string text =
      title("Operator Time Consuming Ranking Table", kRankWidth) + header(kRankColumns) + ruler(kRankWidth);
  const auto whole = static_cast<double>(sum.total());
  for (const auto& [type, r] : rows)
    text += line(kRankColumns, {type, std::to_string(r.calls), std::to_string(r.cpu), "0", std::to_string(r.npu),
                                std::to_string(r.total()), percent(static_cast<double>(r.total()), whole)});
  text += ruler(kRankWidth);
  text += line(kRankColumns, {"Total", std::to_string(sum.calls), std::to_string(sum.cpu), "0", std::to_string(sum.npu),
                              std::to_string(sum.total()), rows.empty() ? "0.00%" : "100.00%"});
  return text + ruler(kRankWidth);
}

}  // namespace

std::string perf_table(std::span<const npu::LayerTime> times, const npu::Program& program, int graph_number) {
  const auto& graph = program.model().graphs.at(static_cast<std::size_t>(graph_number));
  std::string text = title("Network Layer Information Table", kLayerWidth) + header(kLayerColumns) + ruler(kLayerWidth);
  std::uint64_t total_us = 0, total_bytes = 0;
  std::map<std::string, Rank> by_type;
  int id = 0;
  for (const auto& t : times) {
    const std::uint64_t us = (t.nanoseconds + 500) / 1000;
    const file::Tensor* tensor = first_tensor(graph, *t.node);
    const std::uint64_t bytes = bytes_of(graph, *t.node);
    text += line(kLayerColumns,
                 {std::to_string(++id), t.node->type, tensor ? get_type_string(type_of(tensor->dtype)) : "",
                  t.node->on_npu ? "NPU" : "CPU", shapes(graph, t.node->inputs, 40), shapes(graph, t.node->outputs, 22),
                  "0/0/0", std::to_string(us), "", "", std::to_string((bytes + 512) / 1024), t.node->name});
    total_us += us;
    total_bytes += bytes;
    Rank& rank = by_type[t.node->type];
    ++rank.calls;
    (t.node->on_npu ? rank.npu : rank.cpu) += us;
  }
  text += ruler(kLayerWidth);
  text += "Total Operator Elapsed Per Frame Time(us): " + std::to_string(total_us) + "\n";
  text += "Total Memory Read/Write Per Frame Size(KB): " + std::to_string((total_bytes + 512) / 1024) + "\n";
  text += ruler(kLayerWidth);
  return text + ranking(by_type);
}

}  // namespace ez_rknn::npurt
