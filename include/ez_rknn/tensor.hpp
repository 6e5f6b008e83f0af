#pragma once
/// What goes into a session and what comes out: element types, shapes, borrowed inputs and owned outputs.
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ez_rknn {

enum class ElementType : std::uint8_t {
  float32,
  float16,
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  boolean,
  int4,      ///< a model's own type only; never an input of run()
  bfloat16,  ///< a model's own type only; never an input of run()
  float64,   ///< an input of run() only; converted to float32
};

/// Bytes of one element; int4 counts as 1.
std::size_t size_of(ElementType type);
/// "float32", as numpy names it.
const char* name_of(ElementType type);
/// "tensor(float)", as ONNX Runtime names it.
const char* onnx_name_of(ElementType type);

/// Up to 16 dimensions, without an allocation.
class Shape {
 public:
  static constexpr std::size_t kMax = 16;
  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  /// Dimensions beyond the 16th are dropped; callers check the rank of what they were given first.
  template <class T>
  explicit constexpr Shape(std::span<T> dims) {
    for (auto d : dims) push_back(static_cast<std::int64_t>(d));
  }

  constexpr std::size_t rank() const { return rank_; }
  constexpr std::int64_t operator[](std::size_t i) const { return dims_[i]; }
  constexpr std::int64_t& operator[](std::size_t i) { return dims_[i]; }
  constexpr const std::int64_t* begin() const { return dims_.data(); }
  constexpr const std::int64_t* end() const { return dims_.data() + rank_; }
  constexpr void push_back(std::int64_t d) {
    if (rank_ < kMax) dims_[rank_++] = d;
  }
  /// The product of the dimensions; where that is more than it can say, INT64_MAX.
  constexpr std::int64_t elements() const {
    std::int64_t n = 1;
    bool too_many = false;
    for (auto d : *this) {
      if (d == 0) return 0;
      too_many |= __builtin_mul_overflow(n, d, &n);
    }
    return too_many ? INT64_MAX : n;
  }
  constexpr bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, kMax> dims_{};
  std::size_t rank_ = 0;
};

/// "[1, 3, 640, 640]"
std::string to_string(const Shape& shape);

/// How the dimensions of a 4-D tensor are ordered; `plain` for every other rank.
enum class TensorLayout : std::uint8_t { nchw, nhwc, nc1hwc2, plain };
/// "NCHW"; "" for plain.
const char* name_of(TensorLayout layout);

/// Borrowed, dense (row-major) data for one model input.
struct InputView {
  const void* data = nullptr;
  ElementType type = ElementType::float32;
  Shape shape;
};

/// Memory that returns to its session's pool, or to the system, when the last owner lets go.
struct Buffer {
  std::shared_ptr<std::byte> memory;
  std::size_t bytes = 0;

  std::byte* data() const { return memory.get(); }
  explicit operator bool() const { return memory != nullptr; }
};

/// One output. Dense, 64-byte aligned, in the shape and type it says.
struct Tensor {
  ElementType type = ElementType::float32;
  Shape shape;
  Buffer buffer;

  std::span<const std::byte> bytes() const { return {buffer.data(), buffer.bytes}; }
  /// The elements, as T. The caller matches T to `type` (float for the default output type).
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(buffer.data()), buffer.bytes / sizeof(T)};
  }
};

/// What a model says about one of its inputs or outputs.
struct TensorInfo {
  std::string name;
  Shape shape;                                     ///< as run() takes or returns it
  ElementType type = ElementType::float32;         ///< what run() naturally takes, or returns
  ElementType native_type = ElementType::float32;  ///< what the model computes with
  TensorLayout layout = TensorLayout::plain;       ///< order of `shape`
  bool quantised = false;                          ///< real = (value - zero_point) * scale
  float scale = 1.0f;
  std::int32_t zero_point = 0;
  /// Of a native view: elements from one index to the next. Empty of what run() takes and returns, which is dense.
  Shape strides;
  std::vector<Shape> dynamic_shapes;  ///< what a dynamic model accepts, in the order of `shape`; else empty
};

}  // namespace ez_rknn
