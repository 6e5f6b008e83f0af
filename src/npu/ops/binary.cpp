/// Functions of two numbers and of a list of them, with numpy's broadcasting.
#include <cmath>

#include "npu/ops/copy.hpp"
#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

template <class T>
constexpr bool kInteger = std::is_same_v<T, std::int64_t>;

/// Integer arithmetic wraps, as two's complement hardware does, instead of being undefined.
std::int64_t wrapping(std::uint64_t x) { return static_cast<std::int64_t>(x); }
std::uint64_t bits(std::int64_t x) { return static_cast<std::uint64_t>(x); }

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (kInteger<T>) return wrapping(bits(a) + bits(b));
    else return a + b;
  }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (kInteger<T>) return wrapping(bits(a) - bits(b));
    else return a - b;
  }
};
struct Mul {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (kInteger<T>) return wrapping(bits(a) * bits(b));
    else return a * b;
  }
};
/// Integers truncate toward zero; a division by 0 gives 0 there and what IEEE says for reals.
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (kInteger<T>) return b == 0 ? 0 : b == -1 ? wrapping(0 - bits(a)) : a / b;
    else return a / b;
  }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};
struct Min {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};
struct Pow {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (kInteger<T>) return to_int64(std::pow(static_cast<double>(a), static_cast<double>(b)));
    else return b == T{2} ? a * a : std::pow(a, b);
  }
};
/// The sign of the divisor (fmod = 0, integers only).
struct Mod {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (kInteger<T>) {
      if (b == 0 || b == -1) return 0;
      const T r = a % b;
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    } else {
      return std::fmod(a, b);
    }
  }
};
/// The sign of the dividend, as C has it.
struct Fmod {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (kInteger<T>) return b == 0 || b == -1 ? 0 : a % b;
    else return std::fmod(a, b);
  }
};
struct PRelu {
  template <class T>
  T operator()(T x, T slope) const {
    return x < T{0} ? Mul{}(x, slope) : x;
  }
};
template <class F>
struct ThenRelu {
  template <class T>
  T operator()(T a, T b) const {
    const T y = F{}(a, b);
    return y < T{0} ? T{0} : y;
  }
};

template <class F>
struct Binary {
  Number number;
  Dims shape;

  template <class T>
  static void compute(const std::array<ConstTensorView, 2>& in, const TensorView& to) {
    compute_rows<T, 2>(in, to, [](const T* const(&x)[2], T* y, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) y[i] = F{}(x[0][i], x[1][i]);
    });
  }
  void operator()(Inputs in, Outputs out, Scratch) const {
    const TensorView to = with_shape(out[0], shape);
    switch (number) {
      case Number::f32: return compute<float>({in[0], in[1]}, to);
      case Number::f64: return compute<double>({in[0], in[1]}, to);
      case Number::i64: return compute<std::int64_t>({in[0], in[1]}, to);
    }
  }
};

template <class F>
std::unique_ptr<Operator> make_binary(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const Dims shape = node.broadcast({0, 1});
  node.expect_output(0, shape);
  return running(Binary<F>{number_for({&node.in(0), &node.in(1), &node.out()}), shape});
}

std::unique_ptr<Operator> make_mod(const NodeSpec& spec) {
  return spec.node.attributes.integer("fmod", 0) ? make_binary<Fmod>(spec) : make_binary<Mod>(spec);
}

/// Any number of operands: folded into a dense array of floats or integers.
template <class F>
std::unique_ptr<Operator> make_variadic(const NodeSpec& spec) {
  const Checked node(spec, 1, 4096);
  const bool mean = node.type() == "Mean";
  if (node.inputs() == 2 && !mean) return make_binary<F>(spec);
  std::vector<int> all;
  std::vector<const Meta*> metas{&node.out()};
  for (int i = 0; i < node.inputs(); ++i) all.push_back(i), metas.push_back(&node.in(i));
  const Dims shape = node.broadcast(all);
  node.expect_output(0, shape);
  bool integers = !mean;
  for (const Meta* m : metas) integers = integers && number_for({m}) == Number::i64;
  const DType type = integers ? DType::i64 : DType::f32;
  const double divisor = mean ? static_cast<double>(all.size()) : 1;
  return running(
      [shape, type, divisor](Inputs in, Outputs out, Scratch scratch) {
        const TensorView sum{scratch.data(), type, shape, dense_strides(shape), {}};
        copy(in[0], sum);
        for (std::size_t k = 1; k < in.size(); ++k) {
          if (type == DType::i64) Binary<F>::template compute<std::int64_t>({sum, in[k]}, sum);
          else Binary<F>::template compute<double>({sum, in[k]}, sum);
        }
        const TensorView to = with_shape(out[0], shape);
        if (divisor == 1) return copy(sum, to);
        compute_rows<double, 1>({sum}, to, [&](const double* const(&x)[1], double* y, std::int64_t n) {
          for (std::int64_t i = 0; i < n; ++i) y[i] = x[0][i] / divisor;
        });
      },
      static_cast<std::size_t>(shape.elements()) * size_of(type));
}

constexpr Entry kEntries[] = {
    {"Add", make_binary<Add>},
    {"AddRelu", make_binary<ThenRelu<Add>>},
    {"Div", make_binary<Div>},
    {"Max", make_variadic<Max>},
    {"Mean", make_variadic<Add>},
    {"Min", make_variadic<Min>},
    {"Mod", make_mod},
    {"Mul", make_binary<Mul>},
    {"MulRelu", make_binary<ThenRelu<Mul>>},
    {"PRelu", make_binary<PRelu>},
    {"Pow", make_binary<Pow>},
    {"Sub", make_binary<Sub>},
    {"SubRelu", make_binary<ThenRelu<Sub>>},
    {"Sum", make_variadic<Add>},
};

}  // namespace

Family binary_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
