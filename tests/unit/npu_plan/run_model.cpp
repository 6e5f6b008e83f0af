/// Runs a model on the software NPU from .npy files to .npy files; a tool for development, not a test.
///
///   run_model info MODEL                              inputs and outputs as JSON
///   run_model run MODEL OUT_PREFIX INPUT.npy ...      one float or integer array per input, as the user has it (NCHW);
///                                                     writes OUT_PREFIX<k>.npy in real numbers (float64)
///   run_model dump MODEL OUT_PREFIX INPUT.npy ...     and every tensor that got a value, as OUT_PREFIX<name>.npy
///   run_model time MODEL [RUNS]                       layer by layer
/// --donor FILE in front of it all: take missing weights from that model.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "ez_rknn/error.hpp"
#include "npu/exec/program.hpp"
#include "npu/plan/plan.hpp"
#include "npy.hpp"
#include "rknn_file/reader.hpp"

namespace {

using namespace ez_rknn;

/// Calls f(flat logical index, byte address) for every element of a strided view.
template <class View, class F>
void each(const View& v, F&& f) {
  Dims index = v.shape;
  std::fill(index.begin(), index.end(), 0);
  const auto size = std::int64_t(size_of(v.dtype));
  for (std::int64_t i = 0; i < v.shape.elements(); ++i) {
    std::int64_t at = 0;
    for (int d = 0; d < v.shape.rank(); ++d) at += index[d] * v.strides[d];
    f(i, v.data + at * size);
    for (int d = v.shape.rank() - 1; d >= 0 && ++index[d] == v.shape[d]; --d) index[d] = 0;
  }
}

double read(const std::byte* p, DType t) {
  const auto as = [&](auto v) {
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  switch (t) {
    case DType::f32: return static_cast<double>(as(0.0f));
    case DType::f16: return static_cast<double>(half_to_float(as(std::uint16_t{})));
    case DType::i8: return as(std::int8_t{});
    case DType::u8:
    case DType::boolean: return as(std::uint8_t{});
    case DType::i16: return as(std::int16_t{});
    case DType::i32: return as(std::int32_t{});
    case DType::i64: return static_cast<double>(as(std::int64_t{}));
    default: throw std::runtime_error(std::string("element type ") + name_of(t));
  }
}

void write(std::byte* p, DType t, double v) {
  const auto put = [&](auto x) { std::memcpy(p, &x, sizeof x); };
  const auto clamp = [&](double lo, double hi) { return std::clamp(std::nearbyint(v), lo, hi); };
  switch (t) {
    case DType::f32: return put(static_cast<float>(v));
    case DType::f16: return put(float_to_half(static_cast<float>(v)));
    case DType::i8: return put(static_cast<std::int8_t>(clamp(-128, 127)));
    case DType::u8:
    case DType::boolean: return put(static_cast<std::uint8_t>(clamp(0, 255)));
    case DType::i16: return put(static_cast<std::int16_t>(clamp(-32768, 32767)));
    case DType::i32: return put(static_cast<std::int32_t>(v));
    case DType::i64: return put(static_cast<std::int64_t>(v));
    default: throw std::runtime_error(std::string("element type ") + name_of(t));
  }
}

bool quantised(const file::Tensor& t) { return t.quantised && (t.dtype == DType::i8 || t.dtype == DType::i16); }

void fill(const TensorView& to, const npy::Array& from, const file::Tensor& tensor, const file::Normalisation* norm) {
  if (from.shape.elements() != to.shape.elements())
    throw std::runtime_error("input \"" + tensor.name + "\" of shape " + to_string(to.shape) + ", given " +
                             to_string(from.shape));
  const std::int64_t channels = to.shape.rank() == 4 ? to.shape[1] : 0;
  const std::int64_t plane = channels ? to.shape[2] * to.shape[3] : 1;
  const bool apply = norm && channels && std::int64_t(norm->mean.size()) >= channels && !norm->is_identity();
  each(to, [&](std::int64_t i, std::byte* p) {
    double v = from.at(i);
    if (apply) {
      const auto c = std::size_t(i / plane % channels);
      v = static_cast<double>((static_cast<float>(v) - norm->mean[c]) / norm->std[c]);
    }
    if (quantised(tensor)) v = v / static_cast<double>(tensor.quant.scale) + tensor.quant.zero_point;
    write(p, to.dtype, v);
  });
}

void save(const std::string& path, const ConstTensorView& view, const file::Tensor& tensor) {
  std::vector<double> values(std::size_t(view.shape.elements()));
  each(view, [&](std::int64_t i, const std::byte* p) {
    double v = read(p, view.dtype);
    if (quantised(tensor))
      v = static_cast<double>(static_cast<float>(v - tensor.quant.zero_point) * tensor.quant.scale);
    values[std::size_t(i)] = v;
  });
  npy::save(path, view.shape, values);
}

const file::Tensor& tensor_of(const file::Graph& g, std::int32_t i) { return g.tensors.at(std::size_t(i)); }

/// The graph whose input shapes hold what was given.
int matching_graph(const file::Model& model, const std::vector<npy::Array>& in) {
  for (std::size_t g = 0; g < model.graphs.size(); ++g) {
    const auto& graph = model.graphs[g];
    bool same = graph.inputs.size() == in.size();
    for (std::size_t k = 0; same && k < in.size(); ++k) same = tensor_of(graph, graph.inputs[k]).shape == in[k].shape;
    if (same) return static_cast<int>(g);
  }
  return 0;
}

void info(npu::Context& context) {
  const auto& graph = context.program().model().graphs[0];
  const auto list = [&](const char* key, const std::vector<std::int32_t>& ids, auto&& view) {
    std::cout << "\"" << key << "\": [";
    for (std::size_t k = 0; k < ids.size(); ++k)
      std::cout << (k ? ", " : "") << "{\"name\": \"" << tensor_of(graph, ids[k]).name
                << "\", \"shape\": " << to_string(view(int(k)).shape) << ", \"dtype\": \""
                << name_of(view(int(k)).dtype) << "\"}";
    std::cout << "]";
  };
  std::cout << "{";
  list("inputs", graph.inputs, [&](int k) { return context.input(k); });
  std::cout << ", ";
  list("outputs", graph.outputs, [&](int k) { return context.output(k); });
  std::cout << "}\n";
}

void run(npu::Context& context, const std::string& prefix, const std::vector<npy::Array>& in) {
  const auto& model = context.program().model();
  context.select_graph(matching_graph(model, in));
  const auto& graph = model.graphs[std::size_t(context.graph())];
  if (in.size() != graph.inputs.size())
    throw std::runtime_error(std::to_string(graph.inputs.size()) + " inputs, " + std::to_string(in.size()) + " given");
  for (std::size_t k = 0; k < in.size(); ++k)
    fill(context.input(int(k)), in[k], tensor_of(graph, graph.inputs[k]),
         k < graph.normalisation.size() ? &graph.normalisation[k] : nullptr);
  context.run(0);
  for (std::size_t k = 0; k < graph.outputs.size(); ++k)
    save(prefix + std::to_string(k) + ".npy", context.output(int(k)), tensor_of(graph, graph.outputs[k]));
}

void dump(const npu::Program& program, const std::string& prefix, const std::vector<npy::Array>& in) {
  const auto& graph = program.model().graphs[std::size_t(matching_graph(program.model(), in))];
  Team team(1);
  const auto plan = npu::plan::build(program.chip(), graph, team);
  std::vector<std::vector<std::byte>> memory;
  std::vector<std::byte*> bases;
  std::size_t scratch = 64;
  for (const auto& s : plan.storages) memory.emplace_back(s.bytes + 64), bases.push_back(memory.back().data());
  for (const auto& step : plan.steps) scratch = std::max(scratch, step->scratch_bytes(1));
  std::vector<std::byte> work(scratch + 64);
  auto aligned = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(work.data()) + 63) / 64 * 64);
  for (std::size_t k = 0; k < in.size(); ++k)
    fill(plan.inputs[k]->writable(bases), in[k], tensor_of(graph, graph.inputs[k]),
         k < graph.normalisation.size() ? &graph.normalisation[k] : nullptr);
  const npu::plan::CustomCalls none;
  for (const auto& step : plan.steps) {
    std::cout << step->kernel() << "  " << step->node.type << " " << step->node.name << "\n";
    step->run({bases, team, {aligned, scratch}, none});
    for (auto o : step->node.outputs) {
      if (o < 0) continue;
      std::string name = tensor_of(graph, o).name;
      std::replace(name.begin(), name.end(), '/', '_');
      save(prefix + name + ".npy", plan.slots[std::size_t(o)].view(bases), tensor_of(graph, o));
    }
  }
}

void time(npu::Context& context, int runs) {
  for (int i = 0; i < 3; ++i) context.run(0);
  std::vector<std::int64_t> took;
  for (int i = 0; i < runs; ++i) context.run(0), took.push_back(context.last_run_us());
  std::sort(took.begin(), took.end());
  context.collect_times(true);
  context.run(0);
  for (const auto& t : context.layer_times())
    std::printf("%9.1f us %8.2f MMAC %7.1f GMAC/s  %-28s %s %s\n", double(t.nanoseconds) / 1e3, double(t.macs) / 1e6,
                t.nanoseconds ? double(t.macs) / double(t.nanoseconds) : 0.0, t.kernel.c_str(), t.node->type.c_str(),
                t.node->name.c_str());
  std::printf("median of %d runs: %lld us, arena %llu bytes, weights %llu bytes\n", runs,
              static_cast<long long>(took[took.size() / 2]),
              static_cast<unsigned long long>(context.program().arena_bytes(context.graph())),
              static_cast<unsigned long long>(context.program().packed_weight_bytes()));
}

int tool(std::vector<std::string> args) {
  std::string donor;
  if (args.size() > 2 && args[0] == "--donor") donor = args[1], args.erase(args.begin(), args.begin() + 2);
  if (args.size() < 2) throw std::runtime_error("usage: run_model [--donor FILE] info|run|dump|time MODEL ...");
  file::Model model = file::read(file::map_file(args[1]));
  if (!donor.empty()) file::take_weights(model, file::read(file::map_file(donor)));
  const auto begin = std::chrono::steady_clock::now();
  const auto program = npu::Program::load(std::move(model));
  const auto context = npu::Context::create(program);
  const auto took = std::chrono::steady_clock::now() - begin;
  if (args[0] == "info") return info(*context), 0;
  if (args[0] == "time") {
    std::printf("plan built in %.1f ms\n", std::chrono::duration<double, std::milli>(took).count());
    return time(*context, args.size() > 2 ? std::stoi(args[2]) : 50), 0;
  }
  if (args.size() < 3) throw std::runtime_error("an output prefix is missing");
  std::vector<npy::Array> in;
  for (std::size_t i = 3; i < args.size(); ++i) in.push_back(npy::load(args[i]));
  if (args[0] == "run") return run(*context, args[2], in), 0;
  if (args[0] == "dump") return dump(*program, args[2], in), 0;
  throw std::runtime_error("unknown command " + args[0]);
}

}  // namespace

int main(int argc, char** argv) try { return tool({argv + 1, argv + argc}); } catch (const ez_rknn::Error& e) {
  std::cerr << (e.code == ez_rknn::Code::unsupported ? "unsupported: " : "error: ") << e.what() << "\n";
  return e.code == ez_rknn::Code::unsupported || e.code == ez_rknn::Code::invalid_model ? 2 : 1;
} catch (const std::exception& e) {
  std::cerr << e.what() << "\n";
  return 1;
}
