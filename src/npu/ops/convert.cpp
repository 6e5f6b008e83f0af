/// Changes of type: Cast by ONNX's rules, exDataConvert by value.
#include <cmath>

#include "npu/ops/copy.hpp"
#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// The real number stays; types and quantisation are the tensors' own.
std::unique_ptr<Operator> make_convert(const NodeSpec& spec) {
  const Checked node(spec, 1, 3);
  node.expect_same_shape(0);
  const Dims shape = node.in(0).shape;
  return running([shape](Inputs in, Outputs out, Scratch) { copy(in[0], with_shape(out[0], shape)); });
}

/// ONNX's TensorProto.DataType. A cast to an integer truncates toward zero even where the file then stores the result
/// quantised; a cast to bool asks for x != 0.
std::unique_ptr<Operator> make_cast(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  node.expect_same_shape(0);
  constexpr std::int64_t kBool = 9;
  const std::int64_t to = node.attributes().integer("to", 1);
  const bool integer = (to >= 2 && to <= 7) || to == 12 || to == 13;
  const bool truncates = integer && !is_plain_integer(node.in(0).dtype, node.in(0).quant);
  if (to != kBool && !truncates) return make_convert(spec);
  const Dims shape = node.in(0).shape;
  return running([shape, is_bool = to == kBool](Inputs in, Outputs out, Scratch) {
    compute_rows<double, 1>({in[0]}, with_shape(out[0], shape),
                            [&](const double* const(&x)[1], double* y, std::int64_t n) {
                              for (std::int64_t i = 0; i < n; ++i) y[i] = is_bool ? x[0][i] != 0 : std::trunc(x[0][i]);
                            });
  });
}

constexpr Entry kEntries[] = {
    {"Cast", make_cast},
    {"CastLike", make_convert},
    {"exDataConvert", make_convert},
};

}  // namespace

Family convert_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
