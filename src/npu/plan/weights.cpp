#include "npu/plan/weights.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <span>

#include "core/fp16.hpp"
#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::plan {
namespace {

/// Product of non-negative factors, held at a value no file can reach.
std::int64_t product(std::initializer_list<std::int64_t> factors) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 48;
  std::int64_t p = 1;
  for (auto f : factors) p = f != 0 && p > kHuge / f ? kHuge : p * f;
  return p;
}

struct Tuple {
  std::int64_t oc_groups, ic_groups, kernel_h, kernel_w, oc, ic;
  std::int64_t block() const { return kernel_h * kernel_w * oc * ic; }
};

[[noreturn]] void bad(const file::Tensor& t, const std::string& what) {
  std::string native;
  for (auto v : t.native_shape) native += (native.empty() ? "" : ", ") + std::to_string(v);
  throw ModelError(0, "weights \"" + t.name + "\" (native shape [" + native + "], " + std::to_string(t.data.size()) +
                          " bytes): " + what);
}

std::vector<Tuple> tuples_of(const file::Tensor& t, int kernel_h, int kernel_w) {
  const auto& v = t.native_shape;
  if (v.empty() || v.size() % 6 != 0) bad(t, "the native shape is not a list of 6-tuples");
  std::vector<Tuple> tuples;
  for (std::size_t i = 0; i < v.size(); i += 6) {
    constexpr std::int32_t kMaxGroups = 1 << 20, kMaxChannels = 1 << 12;  // 64 channels in a group are the most seen
    for (std::size_t k = 0; k < 6; ++k)
      if (v[i + k] < 0 || v[i + k] > (k < 4 ? kMaxGroups : kMaxChannels))
        bad(t, "a number of the native shape is out of range");
    if (v[i] == 0 || v[i + 1] == 0) continue;  // depthwise tensors have such
    const Tuple q{v[i], v[i + 1], v[i + 2], v[i + 3], v[i + 4], v[i + 5]};
    if (q.kernel_h != kernel_h || q.kernel_w != kernel_w || q.oc == 0 || q.ic == 0)
      bad(t,
          "the native shape is not that of a " + std::to_string(kernel_h) + "x" + std::to_string(kernel_w) + " kernel");
    tuples.push_back(q);
  }
  return tuples;
}

/// Element `i` of packed data, as the type weights are kept in.
struct Int8 {
  using Plain = std::int16_t;
  static Plain at(const std::byte* p, std::int64_t i) { return static_cast<std::int8_t>(p[i]); }
  static std::int64_t count(std::size_t bytes) { return std::int64_t(bytes); }
};
/// The same over floating point inputs: the chip widens them before it reads them.
struct WideInt8 {
  using Plain = float;
  static Plain at(const std::byte* p, std::int64_t i) { return static_cast<std::int8_t>(p[i]); }
  static std::int64_t count(std::size_t bytes) { return std::int64_t(bytes); }
};
struct Int16 {
  using Plain = std::int16_t;
  static Plain at(const std::byte* p, std::int64_t i) {
    std::int16_t v;
    std::memcpy(&v, p + 2 * i, 2);
    return v;
  }
  static std::int64_t count(std::size_t bytes) { return std::int64_t(bytes / 2); }
};
struct Half {
  using Plain = float;
  static Plain at(const std::byte* p, std::int64_t i) {
    std::uint16_t v;
    std::memcpy(&v, p + 2 * i, 2);
    return half_to_float(v);
  }
  static std::int64_t count(std::size_t bytes) { return std::int64_t(bytes / 2); }
};
struct Brain {
  using Plain = float;
  static Plain at(const std::byte* p, std::int64_t i) {
    std::uint16_t v;
    std::memcpy(&v, p + 2 * i, 2);
    return bfloat_to_float(v);
  }
  static std::int64_t count(std::size_t bytes) { return std::int64_t(bytes / 2); }
};
/// Two to a byte, low nibble first, -8..7. The input is floating point, so the weights are kept as reals.
struct Int4 {
  using Plain = float;
  static Plain at(const std::byte* p, std::int64_t i) {
    const int nibble = std::to_integer<int>(p[i / 2]) >> (4 * (i & 1)) & 15;
    return static_cast<float>(nibble > 7 ? nibble - 16 : nibble);
  }
  static std::int64_t count(std::size_t bytes) { return std::int64_t(bytes) * 2; }
};

template <class F>
auto with_element(const file::Tensor& t, bool real, F&& f) {
  switch (t.dtype) {
    case DType::i8: return real ? f(WideInt8{}) : f(Int8{});
    case DType::i16: return f(Int16{});
    case DType::f16: return f(Half{});
    case DType::bf16: return f(Brain{});
    case DType::i4: return f(Int4{});
    default: throw Unsupported("weights \"" + t.name + "\" have elements of type " + name_of(t.dtype));
  }
}

template <class Plain>
std::vector<Plain>& plain_of(kernels::ConvWeights& w) {
  if constexpr (std::is_same_v<Plain, float>) return w.reals;
  else return w.integers;
}

/// Hands out consecutive blocks of the packed data.
template <class Element>
class Blocks {
 public:
  Blocks(const file::Tensor& t) : tensor_(t), left_(Element::count(t.data.size())) {}
  std::int64_t take(std::int64_t elements) {
    if (elements > left_) bad(tensor_, "the data ends early");
    const auto at = next_;
    next_ += elements, left_ -= elements;
    return at;
  }

 private:
  const file::Tensor& tensor_;
  std::int64_t next_ = 0, left_;
};

template <class Element>
kernels::ConvWeights dense(const file::Tensor& t, int out_c, int in_c, int kernel_h, int kernel_w) {
  using Plain = typename Element::Plain;
  const auto tuples = tuples_of(t, kernel_h, kernel_w);
  const std::int64_t taps = std::int64_t(kernel_h) * kernel_w;
  kernels::ConvWeights result;
  auto& plain = plain_of<Plain>(result);
  Blocks<Element> blocks(t);
  // Checked before the plain copy is allocated, so that its size is bounded by the file's.
  std::int64_t covered = 0;
  for (const auto& q : tuples) covered += product({q.oc_groups, q.ic_groups, q.block()});
  if (covered > Element::count(t.data.size())) bad(t, "the data ends early");
  if (std::int64_t(out_c) * in_c > covered / taps) bad(t, "fewer weights than the convolution has");
  plain.assign(std::size_t(out_c) * std::size_t(in_c) * std::size_t(taps), Plain{});

  const std::byte* data = t.data.data();
  std::int64_t oc0 = 0;
  for (std::size_t k = 0; k < tuples.size();) {
    const Tuple& q = tuples[k];
    std::size_t end = k + 1;  // tuples [k + 1, end) are the tails of the input channels
    while (end < tuples.size() && tuples[end].oc_groups == q.oc_groups && tuples[end].oc == q.oc &&
           tuples[end].ic < q.ic)
      ++end;
    for (std::int64_t group = 0; group < q.oc_groups; ++group, oc0 += q.oc) {
      std::int64_t ic0 = 0;
      for (std::size_t part = k; part < end; ++part) {
        const Tuple& p = tuples[part];
        for (std::int64_t g = 0; g < p.ic_groups; ++g, ic0 += p.ic) {
          std::int64_t at = blocks.take(p.block());
          const auto ics = std::clamp<std::int64_t>(in_c - ic0, 0, p.ic);
          for (std::int64_t tap = 0; tap < taps; ++tap)
            for (std::int64_t o = 0; o < p.oc; ++o, at += p.ic) {
              if (oc0 + o >= out_c) continue;
              Plain* to = plain.data() + ((oc0 + o) * in_c + ic0) * taps + tap;
              if (taps == 1)  // a loop of its own: this one becomes vector code
                for (std::int64_t i = 0; i < ics; ++i) to[i] = Element::at(data, at + i);
              else
                for (std::int64_t i = 0; i < ics; ++i) to[i * taps] = Element::at(data, at + i);
            }
        }
      }
      if (ic0 < in_c && oc0 < out_c)
        bad(t, "it holds fewer input channels than the " + std::to_string(in_c) + " of the input");
    }
    k = end;
  }
  if (oc0 < out_c) bad(t, "it holds fewer kernels than the " + std::to_string(out_c) + " of the output");
  return result;
}

template <class Element>
kernels::ConvWeights row_packed(const file::Tensor& t, int out_c, int in_c, int kernel_h, int kernel_w, int row_pitch) {
  using Plain = typename Element::Plain;
  const auto tuples = tuples_of(t, kernel_h, kernel_w);
  const std::int64_t taps = std::int64_t(kernel_h) * kernel_w, pitch = Element::count(std::size_t(row_pitch));
  kernels::ConvWeights result;
  auto& plain = plain_of<Plain>(result);
  std::int64_t held = 0;
  for (const auto& q : tuples) held += q.oc_groups * q.oc;
  if (held < out_c) bad(t, "it holds fewer kernels than the " + std::to_string(out_c) + " of the output");
  if (product({held, kernel_h, pitch}) > Element::count(t.data.size())) bad(t, "the data ends early");
  plain.assign(std::size_t(out_c) * std::size_t(in_c) * std::size_t(taps), Plain{});
  Blocks<Element> blocks(t);
  std::int64_t oc0 = 0;
  for (const auto& q : tuples) {
    if (q.ic < in_c || q.ic * kernel_w > pitch) bad(t, "its rows do not hold the input's channels");
    for (std::int64_t group = 0; group < q.oc_groups; ++group, oc0 += q.oc)
      for (int ky = 0; ky < kernel_h; ++ky)
        for (std::int64_t o = 0; o < q.oc; ++o) {
          const auto at = blocks.take(pitch);
          if (oc0 + o >= out_c) continue;
          for (std::int64_t i = 0; i < in_c; ++i)
            for (int kx = 0; kx < kernel_w; ++kx)
              plain[std::size_t(((oc0 + o) * in_c + i) * taps + ky * kernel_w + kx)] =
                  Element::at(t.data.data(), at + kx * q.ic + i);
        }
  }
  return result;
}

/// weights[c] + offset(c, tap) as 16-bit weights; false when one does not fit.
template <class Offset>
bool fold(std::vector<std::int16_t>& weights, std::int64_t taps, Offset&& offset) {
  std::vector<std::int16_t> folded(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::int32_t v = weights[i] + offset(std::int64_t(i) / taps, std::int64_t(i) % taps);
    folded[i] = static_cast<std::int16_t>(v);
    if (folded[i] != v) return false;
  }
  weights = std::move(folded);
  return true;
}

template <class Element>
DepthwiseWeights depthwise(const file::Tensor& t, int channels, int kernel_h, int kernel_w, int pair_unit,
                           std::vector<std::int32_t> ow) {
  using Plain = typename Element::Plain;
  const auto tuples = tuples_of(t, kernel_h, kernel_w);
  const std::int64_t taps = std::int64_t(kernel_h) * kernel_w, unit = pair_unit;
  std::int64_t held = 0;
  for (const auto& q : tuples) held += q.oc_groups * q.ic_groups * q.ic;
  if (held < channels) bad(t, "it holds fewer channels than the " + std::to_string(channels) + " of the input");
  if (channels > Element::count(t.data.size())) bad(t, "the data ends early");
  DepthwiseWeights result;
  auto& plain = plain_of<Plain>(result.weights);
  plain.assign(std::size_t(channels) * std::size_t(taps), Plain{});
  std::vector<std::int32_t> pairs(pair_unit ? plain.size() : 0);

  const std::byte* data = t.data.data();
  Blocks<Element> blocks(t);
  std::int64_t c0 = 0;
  for (const auto& q : tuples)
    for (std::int64_t group = 0; group < q.oc_groups * q.ic_groups && c0 < channels; ++group, c0 += q.ic) {
      if (unit && q.ic % unit != 0) bad(t, "its channels do not come in pairs of runs");
      const std::int64_t pixel = q.ic * (unit ? 2 : 1);
      std::int64_t at = blocks.take(taps * pixel);
      const auto count = std::min<std::int64_t>(q.ic, channels - c0);
      for (std::int64_t tap = 0; tap < taps; ++tap, at += pixel)
        for (std::int64_t c = 0; c < count; ++c) {
          const auto from = at + (unit ? c / unit * 2 * unit + c % unit : c);
          const auto to = std::size_t((c0 + c) * taps + tap);
          plain[to] = Element::at(data, from);
          if constexpr (!std::is_same_v<Plain, float>)
            if (unit) {  // the least value stands for its own negative: offsets reach from -max to max + 1
              const std::int32_t offset = Element::at(data, from + unit);
              constexpr std::int32_t kLeast = std::is_same_v<Element, Int8> ? -128 : -32768;
              pairs[to] = offset == kLeast ? -kLeast : offset;
            }
        }
    }
  if constexpr (!std::is_same_v<Plain, float>) {
    if (unit && !fold(plain, taps, [&](auto c, auto tap) { return pairs[std::size_t(c * taps + tap)]; })) {
      result.ow.resize(std::size_t(channels));
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto first = pairs.begin() + c * taps;
        if (std::any_of(first, first + taps, [&](auto v) { return v != *first; }))
          bad(t, "16-bit offsets differ between the taps of channel " + std::to_string(c));
        result.ow[std::size_t(c)] = *first;
      }
    }
    if (!ow.empty() && !fold(plain, taps, [&](auto c, auto) { return ow[std::size_t(c)]; })) {
      if (!result.ow.empty()) bad(t, "16-bit offsets both in the weights and in the table");
      result.ow = std::move(ow);
    }
  }
  return result;
}

void check_kernel(const file::Tensor& t, int out_c, int in_c, int kernel_h, int kernel_w) {
  if (out_c < 1 || in_c < 1 || kernel_h < 1 || kernel_w < 1 || kernel_h > kMaxKernel || kernel_w > kMaxKernel)
    bad(t, "a " + std::to_string(kernel_h) + "x" + std::to_string(kernel_w) + " kernel over " + std::to_string(in_c) +
               " -> " + std::to_string(out_c) + " channels is not possible");
}

}  // namespace

kernels::ConvWeights dense_weights(const file::Tensor& tensor, int out_c, int in_c, int kernel_h, int kernel_w,
                                   int row_pitch, bool real) {
  check_kernel(tensor, out_c, in_c, kernel_h, kernel_w);
  return with_element(tensor, real, [&](auto element) {
    using Element = decltype(element);
    return row_pitch > 0 ? row_packed<Element>(tensor, out_c, in_c, kernel_h, kernel_w, row_pitch)
                         : dense<Element>(tensor, out_c, in_c, kernel_h, kernel_w);
  });
}

DepthwiseWeights depthwise_weights(const file::Tensor& tensor, int channels, int kernel_h, int kernel_w, int pair_unit,
                                   std::vector<std::int32_t> ow) {
  check_kernel(tensor, channels, 1, kernel_h, kernel_w);
  return with_element(tensor, false, [&](auto element) {
    return depthwise<decltype(element)>(tensor, channels, kernel_h, kernel_w, pair_unit, std::move(ow));
  });
}

}  // namespace ez_rknn::npu::plan
