/// The two executors agree: every node of every RK3588 model that the task interpreter runs is run by the plan too, on
/// the same inputs. EZ_RKNN_MORE_MODELS adds a folder of further models.
#include "npu/task/interpreter.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "ez_rknn/error.hpp"
#include "places.hpp"
#include "plan_memory.hpp"
#include "rknn_file/reader.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npu;

/// Kernels follow the registers: integers are equal. Operators work from attributes with one rounding, where the chip
/// may round several times.
bool by_registers(const std::string& kernel) { return !kernel.starts_with("ops/") && kernel != "view"; }

/// Operators that the plan takes from the node's attributes because the registers say something else or less. The
/// file's tasks clip instead (ThresholdedRelu) or ignore the dilation (MaxPool); expect a condition of 0 or 1 (Where)
/// and a divisor other than 0 (Div); or approximate by look-up tables (softmax).
constexpr std::string_view kDiffers[] = {"ThresholdedRelu", "MaxPool", "Where", "Div", "exSoftmax13"};

/// And those that it takes from them only where the registers are wrong: rectifiers of 16 bits (zero points are left
/// out), a look-up of 16 bits behind a convolution (there is no table), a Max over more than two tensors, a Resize by
/// what is no integer.
bool differs(const file::Graph& graph, const file::Node& node) {
  if (std::find(std::begin(kDiffers), std::end(kDiffers), node.type) != std::end(kDiffers)) return true;
  if (node.inputs.empty() || node.outputs.empty() || node.inputs[0] < 0 || node.outputs[0] < 0) return false;
  const auto &in = graph.tensors[std::size_t(node.inputs[0])], &out = graph.tensors[std::size_t(node.outputs[0])];
  if (node.type == "Relu" || node.type == "LeakyRelu" || node.type == "PRelu") return in.dtype == DType::i16;
  if (node.type.starts_with("Conv")) return in.dtype == DType::i16;
  if (node.type == "Max") return node.inputs.size() > 2;
  if (node.type != "Resize" || in.shape.rank() != out.shape.rank()) return false;
  for (int i = 0; i < in.shape.rank(); ++i)
    if (in.shape[i] < 1 || out.shape[i] % in.shape[i] != 0) return true;
  return false;
}

/// Spacing of half-precision numbers at `v`.
double ulp(double v) { return std::ldexp(1.0, std::max(-24, std::ilogb(std::max(std::abs(v), 1e-8)) - 10)); }

struct Difference {
  double most = 0;  ///< steps of the integer type, or ulps of the greater of value and 1/64 of the tensor's range
  std::size_t count = 0;
};

Difference compare(const std::vector<double>& a, const std::vector<double>& b, bool real) {
  Difference d;
  double range = 0;
  for (double v : b)
    if (std::isfinite(v)) range = std::max(range, std::abs(v));
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    // Sums that nearly cancel keep the error of their terms: an ulp is measured at a part of the range at least.
    const double step = real ? ulp(std::max({std::abs(a[i]), std::abs(b[i]), range / 64})) : 1;
    const double e = std::isfinite(a[i]) && std::isfinite(b[i]) ? std::abs(a[i] - b[i]) / step : HUGE_VAL;
    d.most = std::max(d.most, e);
    ++d.count;
  }
  return d;
}

void check_model(const std::filesystem::path& path, int& nodes, std::map<std::string, int>& skipped) {
  const file::Model model = file::read(file::map_file(path));
  if (model.target != "rk3588" || model.weights_removed) return;
  CAPTURE(path.filename().string());
  CAPTURE(path.parent_path().filename().string());
  Team team(1);
  const file::Graph& graph = model.graphs[0];
  std::optional<plan::GraphPlan> built;
  try {
    built.emplace(plan::build(*find_chip("rk3588"), graph, team));
  } catch (const Unsupported& e) {
    ++skipped[e.what()];
    return;
  }
  if (!built->custom_types.empty()) return;
  task::Interpreter interpreter(model);
  plan::PlanMemory memory(*built);
  memory.randomise_inputs(static_cast<unsigned>(graph.nodes.size()));
  std::size_t next = 0;
  for (const file::Node& node : graph.nodes) {
    std::string kernel = "view";  // moves that cost nothing have no step
    for (; next < built->steps.size() && &built->steps[next]->node == &node; ++next) {
      memory.run(*built->steps[next]);
      kernel = built->steps[next]->kernel();
    }
    const int index = static_cast<int>(&node - graph.nodes.data());
    if (node.type == "InputOperator" || node.type == "OutputOperator") continue;
    if (!interpreter.runs(index)) {
      if (by_registers(kernel)) ++skipped[node.type + ": " + interpreter.refusal(index)];
      continue;
    }
    CAPTURE(node.type);
    CAPTURE(node.name);
    for (auto i : node.inputs)
      if (i >= 0 && built->slots[std::size_t(i)].storage >= 0 && !built->slots[std::size_t(i)].constant)
        interpreter.write(i, memory.values(i));
    interpreter.run(index);
    ++nodes;
    for (auto o : node.outputs) {
      if (o < 0) continue;
      const bool real = is_float(graph.tensors[std::size_t(o)].dtype);
      const auto expected = interpreter.read(o);
      const Difference d = compare(memory.values(o), expected, real);
      CAPTURE(kernel);
      CAPTURE(d.count);
      CAPTURE(expected.size());
      if (by_registers(kernel)) CHECK_LE(d.most, real ? 2 : 0);
      else if (!differs(graph, node)) CHECK_LE(d.most, real ? 16 : 1);
    }
  }
}

}  // namespace

TEST_CASE("the plan's nodes give what the task interpreter gives") {
  std::vector<std::filesystem::path> roots{places::models};
  if (const char* more = std::getenv("EZ_RKNN_MORE_MODELS"); more && *more) roots.emplace_back(more);
  int nodes = 0;
  std::map<std::string, int> skipped;
  for (const auto& root : roots)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
      if (entry.path().extension() == ".rknn") check_model(entry.path(), nodes, skipped);
  CHECK_GT(nodes, 100);
  for (const auto& [why, count] : skipped) MESSAGE(count << " x " << why);
  MESSAGE(nodes << " nodes compared");
}
