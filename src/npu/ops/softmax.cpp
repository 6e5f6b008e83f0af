/// Softmax along one axis.
#include "npu/ops/check.hpp"
#include "npu/ops/columns.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/lanes.hpp"

namespace ez_rknn::npu::ops {
namespace {

struct Softmax {
  template <class T>
  static void block(T* x, std::int64_t length, std::int64_t columns) {
    softmax_columns(x, length, columns);
  }
};

struct LogSoftmax {
  template <class T>
  static void block(T* x, std::int64_t length, std::int64_t columns) {
    log_softmax_columns(x, length, columns);
  }
};

/// 1 at the first of the largest elements.
struct Hardmax {
  template <class T>
  static void block(T* x, std::int64_t length, std::int64_t columns) {
    for (std::int64_t c = 0; c < columns; ++c) {
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < length; ++i)
        if (x[i * columns + c] > x[best * columns + c]) best = i;
      for (std::int64_t i = 0; i < length; ++i) x[i * columns + c] = i == best ? T{1} : T{0};
    }
  }
};

/// Small results are what people look at to the last digit (class probabilities); of large ones (attention maps, box
/// distributions) float is plenty.
constexpr std::int64_t kSmall = 32768;

template <class F>
std::unique_ptr<Operator> make_softmax(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  const Dims shape = node.in(0).shape;
  if (shape.rank() == 0) node.wrong("has no axis to work along");
  const Axes axes{node.axis(-1, shape.rank())};
  node.expect_same_shape(0);
  const std::int64_t length = lane_length(shape, axes);
  const auto make = [&]<class T>(T) {
    return running(
        [axes, shape, length](Inputs in, Outputs out, Scratch scratch) {
          const TensorView to = with_shape(out[0], shape);
          const Nest<1> from_lane = lane_of(in[0], shape, axes), to_lane = lane_of(to, shape, axes);
          auto* block = reinterpret_cast<T*>(scratch.data());
          for_blocks(across_lanes<2>(shape, axes, {in[0], to}), from_lane, length,
                     [&](const auto& at, std::int64_t columns, const auto& step) {
                       load_block(in[0], at[0], from_lane, columns, step[0], block);
                       F::block(block, length, columns);
                       store_block(to, at[1], to_lane, columns, step[1], block);
                     });
        },
        block_bytes<T>(length));
  };
  return shape.elements() <= kSmall ? make(double{}) : make(float{});
}

constexpr Entry kEntries[] = {
    {"Hardmax", make_softmax<Hardmax>},
    {"LogSoftmax", make_softmax<LogSoftmax>},
    {"Softmax", make_softmax<Softmax>},
    {"exSoftmax13", make_softmax<Softmax>},
};

}  // namespace

Family softmax_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
