#pragma once
/// A model made by hand for the task interpreter: tensors in an arena, constants, and register tasks as the compiler
/// writes them. What the tests expect is computed from logical values here, by direct formulas that know nothing of
/// layouts, banks or tiles.
#include <cmath>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

#include "../npu_regs/commands.hpp"
#include "core/fp16.hpp"
#include "npu/task/interpreter.hpp"

namespace ez_rknn::npu::test {

inline std::int64_t aligned(std::int64_t v, std::int64_t a) { return (v + a - 1) / a * a; }

// Exact for the sizes used: values stay below 2^53.
inline double half_away(double v, int n) { return std::round(std::ldexp(v, -n)); }
inline double half_even(double v, int n) { return std::nearbyint(std::ldexp(v, -n)); }

struct Random {
  std::mt19937 engine;
  explicit Random(unsigned seed) : engine(seed) {}
  int range(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine); }
  bool chance() { return range(0, 1) == 1; }
  /// A value every type can hold: small integers, or halves of them.
  double value(DType t) { return t == DType::f16 || t == DType::f32 ? range(-64, 64) / 16.0 : range(-128, 127); }
  std::vector<double> values(std::size_t n, DType t) {
    std::vector<double> v(n);
    for (double& x : v) x = value(t);
    return v;
  }
};

/// Logical CHW values.
struct Image {
  int c = 0, h = 0, w = 0;
  std::vector<double> v;
  Image(int channels, int height, int width, double fill = 0)
      : c(channels), h(height), w(width), v(static_cast<std::size_t>(channels * height * width), fill) {}
  Image(int channels, int height, int width, std::vector<double> values)
      : c(channels), h(height), w(width), v(std::move(values)) {}
  double& at(int k, int y, int x) { return v[static_cast<std::size_t>((k * h + y) * w + x)]; }
  double at(int k, int y, int x) const { return v[static_cast<std::size_t>((k * h + y) * w + x)]; }
};

inline int per_pixel(DType t) { return 16 / static_cast<int>(size_of(t)); }

class Machine : public Program {
 public:
  file::Model model;

  Machine() { graph.tensors.emplace_back(); }  // tensor 0 is nothing, as in the files

  /// An NC1HWC2 activation. @param interleaved  1..4: rows of pixels, `pitch` of them a row
  int feature(DType type, int c, int h, int w, int interleaved = 0, int pitch = 0) {
    file::Tensor t;
    t.name = "t" + std::to_string(graph.tensors.size());
    t.dtype = type, t.layout = file::Layout::feature;
    t.kind = interleaved ? file::Kind::input : file::Kind::internal;
    t.shape = Dims{1, c, h, w};
    const int size = static_cast<int>(size_of(type)), group = interleaved ? interleaved : per_pixel(type);
    t.native_shape = {1, interleaved ? 1 : (c + group - 1) / group, h, w, group};
    t.size = static_cast<std::uint32_t>(interleaved ? h * pitch * interleaved * size
                                                    : (c + group - 1) / group * surface(h, w));
    t.arena_offset = static_cast<std::uint32_t>(arena_);
    arena_ += aligned(t.size, 64);
    graph.tensors.push_back(t);
    return static_cast<int>(graph.tensors.size()) - 1;
  }
  static int surface(int h, int w) { return static_cast<int>(h * w > 1 ? aligned(h * w, 4) : 1) * 16; }

  int constant(std::vector<std::byte> bytes) {
    data_.push_back(std::move(bytes));
    file::Tensor t;
    t.name = "c" + std::to_string(graph.tensors.size()), t.kind = file::Kind::constant, t.data = data_.back();
    graph.tensors.push_back(t);
    return static_cast<int>(graph.tensors.size()) - 1;
  }

  /// All tasks so far belong to one node.
  task::Interpreter interpreter(const std::string& type = "Conv") {
    file::Node node;
    node.type = type, node.name = type + ":x", node.on_npu = true;
    node.task_count = static_cast<std::uint32_t>(graph.tasks.size());
    graph.nodes = {node};
    model.target = "rk3588";
    model.graphs = {graph};
    return task::Interpreter(model);
  }

  /// DPU registers every task needs: everything bypassed, converter 1:1, cube and writer.
  void dpu(DType out, int c, int h, int w, int to, std::uint32_t addend = 0, bool real = false) {
    write(0x400c, 0x1e4), write(0x4010, code(out) << 29 | (real ? 2u : 0u));
    relocate(0x4020, to, addend);
    const auto& t = graph.tensors[static_cast<std::size_t>(to)];
    write(0x4024, static_cast<std::uint32_t>(surface(t.native_shape[2], t.native_shape[3])));
    write(0x4030, u(w - 1)), write(0x4034, u(h - 1)), write(0x4038, 0);
    write(0x403c, u(c - 1) << 16 | u(c - 1)), write(0x4040, 0x53), write(0x4050, 2), write(0x4060, 0x53);
    write(0x4058, u(c - 1)), write(0x405c, u(h - 1) << 16 | u(w - 1)), write(0x4070, 0x383), write(0x4078, 1);
    write(0x4080, 0), write(0x4084, 1), write(0x4088, 0);
  }
  void source(DType type, int from, int h, int w, bool real = false) {
    relocate(0x5018, from);
    write(0x500c, u(w - 1)), write(0x5010, u(h - 1));
    write(0x5044, code(type) << 15 | (real ? 0x40u : 0u) | 1), write(0x5048, 0);
    write(0x504c, u(surface(h, w) - h * w * 16));
  }
  static std::uint32_t u(std::int64_t v) { return static_cast<std::uint32_t>(v); }
  static std::uint32_t code(DType t) {
    switch (t) {
      case DType::i16: return 1;
      case DType::f16: return 2;
      case DType::i32: return 4;
      case DType::f32: return 5;
      default: return 0;
    }
  }

 private:
  std::int64_t arena_ = 0;
  std::deque<std::vector<std::byte>> data_;
};

template <class T>
void append(std::vector<std::byte>& bytes, T v) {
  const auto* p = reinterpret_cast<const std::byte*>(&v);
  bytes.insert(bytes.end(), p, p + sizeof v);
}
/// One number in the file's encoding of its type.
inline void append_value(std::vector<std::byte>& bytes, DType type, double v) {
  if (type == DType::i8) append(bytes, static_cast<std::int8_t>(v));
  else if (type == DType::i16) append(bytes, static_cast<std::int16_t>(v));
  else append(bytes, float_to_half(static_cast<float>(v)));
}

}  // namespace ez_rknn::npu::test
