/// Comparisons, truth values, bit operations and Where. Truth values are stored as 0 and 1.
#include "npu/ops/copy.hpp"
#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

struct Less {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessOrEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct Greater {
  template <class T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct GreaterOrEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
struct Equal {
  template <class T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a != b;
  }
};
struct And {
  template <class T>
  bool operator()(T a, T b) const {
    return a != 0 && b != 0;
  }
};
struct Or {
  template <class T>
  bool operator()(T a, T b) const {
    return a != 0 || b != 0;
  }
};
struct Xor {
  template <class T>
  bool operator()(T a, T b) const {
    return (a != 0) != (b != 0);
  }
};

/// Integers are compared as integers, everything else as double: there the product of a scale and a small integer is
/// exact, so that numbers of two scales are equal only when they are.
template <class F>
std::unique_ptr<Operator> make_compare(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const Dims shape = node.broadcast({0, 1});
  node.expect_output(0, shape);
  const Number number = number_for({&node.in(0), &node.in(1)});
  return running([shape, number](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    const auto compute = [&]<class T>(T) {
      compute_rows<T, 2>({in[0], in[1]}, to, [](const T* const(&x)[2], T* y, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(F{}(x[0][i], x[1][i]));
      });
    };
    if (number == Number::i64) compute(std::int64_t{});
    else compute(double{});
  });
}

struct BitAnd {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a & b; }
};
struct BitOr {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a | b; }
};
struct BitXor {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a ^ b; }
};
/// Shifts by 64 or more, or by a negative number, leave nothing.
struct ShiftLeft {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const {
    return b < 0 || b > 63 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << b);
  }
};
struct ShiftRight {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const {
    return b < 0 || b > 63 ? 0 : static_cast<std::int64_t>(static_cast<std::uint64_t>(a) >> b);
  }
};

template <class F>
std::unique_ptr<Operator> make_bits(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const Dims shape = node.broadcast({0, 1});
  node.expect_output(0, shape);
  for (const Meta* m : {&node.in(0), &node.in(1), &node.out()})
    if (!is_plain_integer(m->dtype, m->quant)) node.wrong("works on bits of numbers that are not plain integers");
  return running([shape](Inputs in, Outputs out, Scratch) {
    compute_rows<std::int64_t, 2>({in[0], in[1]}, with_shape(out[0], shape),
                                  [](const std::int64_t* const(&x)[2], std::int64_t* y, std::int64_t n) {
                                    for (std::int64_t i = 0; i < n; ++i) y[i] = F{}(x[0][i], x[1][i]);
                                  });
  });
}

std::unique_ptr<Operator> make_shift(const NodeSpec& spec) {
  const std::string direction = spec.node.attributes.text("direction", "");
  if (direction == "LEFT") return make_bits<ShiftLeft>(spec);
  if (direction == "RIGHT") return make_bits<ShiftRight>(spec);
  Checked(spec, 2, 2).wrong("has direction \"" + direction + "\", expected LEFT or RIGHT");
}

std::unique_ptr<Operator> make_where(const NodeSpec& spec) {
  const Checked node(spec, 3, 3);
  const Dims shape = node.broadcast({0, 1, 2});
  node.expect_output(0, shape);
  const Number number = number_for({&node.in(1), &node.in(2), &node.out()});
  return running([shape, number](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    const auto compute = [&]<class T>(T) {
      // A condition is a number of its own kind; as an integer a small one would round to 0.
      ConstTensorView condition = in[0];
      if (std::is_same_v<T, std::int64_t> && !is_float(condition.dtype)) condition.quant.scale = 1;
      compute_rows<T, 3>({condition, in[1], in[2]}, to, [](const T* const(&x)[3], T* y, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) y[i] = x[0][i] != T{0} ? x[1][i] : x[2][i];
      });
    };
    if (number == Number::i64) compute(std::int64_t{});
    else if (number == Number::f32) compute(float{});
    else compute(double{});
  });
}

constexpr Entry kEntries[] = {
    {"And", make_compare<And>},
    {"BitShift", make_shift},
    {"BitwiseAnd", make_bits<BitAnd>},
    {"BitwiseOr", make_bits<BitOr>},
    {"BitwiseXor", make_bits<BitXor>},
    {"Equal", make_compare<Equal>},
    {"Greater", make_compare<Greater>},
    {"GreaterOrEqual", make_compare<GreaterOrEqual>},
    {"Less", make_compare<Less>},
    {"LessOrEqual", make_compare<LessOrEqual>},
    {"NotEqual", make_compare<NotEqual>},
    {"Or", make_compare<Or>},
    {"Where", make_where},
    {"Xor", make_compare<Xor>},
};

}  // namespace

Family logic_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
