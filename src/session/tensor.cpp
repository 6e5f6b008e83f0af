#include "ez_rknn/tensor.hpp"

#include "ez_rknn/version.hpp"

namespace ez_rknn {
namespace {

struct Row {
  ElementType type;
  std::size_t bytes;
  const char* name;
  const char* onnx;
};
/// In the order of ElementType.
constexpr Row kTypes[] = {
    {ElementType::float32, 4, "float32", "tensor(float)"},  {ElementType::float16, 2, "float16", "tensor(float16)"},
    {ElementType::int8, 1, "int8", "tensor(int8)"},         {ElementType::uint8, 1, "uint8", "tensor(uint8)"},
    {ElementType::int16, 2, "int16", "tensor(int16)"},      {ElementType::uint16, 2, "uint16", "tensor(uint16)"},
    {ElementType::int32, 4, "int32", "tensor(int32)"},      {ElementType::uint32, 4, "uint32", "tensor(uint32)"},
    {ElementType::int64, 8, "int64", "tensor(int64)"},      {ElementType::boolean, 1, "bool", "tensor(bool)"},
    {ElementType::int4, 1, "int4", "tensor(int4)"},         {ElementType::bfloat16, 2, "bfloat16", "tensor(bfloat16)"},
    {ElementType::float64, 8, "float64", "tensor(double)"},
};
constexpr const Row& row(ElementType t) { return kTypes[static_cast<std::size_t>(t)]; }
constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(kTypes); ++i)
    if (static_cast<std::size_t>(kTypes[i].type) != i) return false;
  return true;
}
static_assert(in_order());

}  // namespace

std::size_t size_of(ElementType type) { return row(type).bytes; }
const char* name_of(ElementType type) { return row(type).name; }
const char* onnx_name_of(ElementType type) { return row(type).onnx; }

const char* name_of(TensorLayout layout) {
  switch (layout) {
    case TensorLayout::nchw: return "NCHW";
    case TensorLayout::nhwc: return "NHWC";
    case TensorLayout::nc1hwc2: return "NC1HWC2";
    case TensorLayout::plain: break;
  }
  return "";
}

std::string to_string(const Shape& shape) {
  std::string s = "[";
  for (std::int64_t d : shape) s += (s.size() > 1 ? ", " : "") + std::to_string(d);
  return s + "]";
}

const char* version() { return EZ_RKNN_VERSION; }

}  // namespace ez_rknn
