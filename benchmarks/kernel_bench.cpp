// Convolution kernels on layers of real networks: GMAC/s of every variant allowed here, with 1 and 2 threads, and its
// ratio to the variant before it; on VNNI also which part that is, with one thread, of what its products make from
// registers alone, measured right behind it. Every variant's answer is checked first, against the reference, on the top
// rows of the same layer (the whole would take minutes).
//   kernel_bench [part of a layer's name [part of a kernel's name]]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "core/aligned.hpp"
#include "core/fp16.hpp"
#include "npu/kernels/conv/variants.hpp"
#include "npu/kernels/element.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::kernels;

namespace {

enum class After { requantise, look_up, add };

struct Layer {
  const char* name;
  int size, in_c, out_c, kernel, stride, pad;
  bool depthwise = false;
  After after = After::requantise;
};

constexpr Layer kLayers[] = {
    {"yolov5s first 6x6s2 3->32 @640", 640, 3, 32, 6, 2, 2, false, After::look_up},
    {"resnet50 first 7x7s2 3->64 @224", 224, 3, 64, 7, 2, 3},
    {"mbv2 first 3x3s2 3->32 @224", 224, 3, 32, 3, 2, 1},
    {"yolov5s 3x3s2 32->64 @320", 320, 32, 64, 3, 2, 1, false, After::look_up},
    {"yolov5s 1x1 64->64 @160", 160, 64, 64, 1, 1, 0, false, After::look_up},
    {"yolov5s 3x3 32->32 @160", 160, 32, 32, 3, 1, 1, false, After::look_up},
    {"yolov5s 3x3 64->64 @80", 80, 64, 64, 3, 1, 1, false, After::look_up},
    {"yolov5s 3x3 128->128 @40", 40, 128, 128, 3, 1, 1, false, After::look_up},
    {"yolov5s 1x1 1024->512 @20", 20, 1024, 512, 1, 1, 0, false, After::look_up},
    {"resnet50 1x1 64->256 @56", 56, 64, 256, 1, 1, 0, false, After::add},
    {"resnet50 3x3 64->64 @56", 56, 64, 64, 3, 1, 1},
    {"resnet50 1x1 1024->256 @14", 14, 1024, 256, 1, 1, 0},
    {"resnet50 3x3 256->256 @14", 14, 256, 256, 3, 1, 1},
    {"resnet50 3x3 512->512 @7", 7, 512, 512, 3, 1, 1},
    {"resnet50 1x1 512->2048 @7", 7, 512, 2048, 1, 1, 0, false, After::add},
    {"mbv2 1x1 16->96 @112", 112, 16, 96, 1, 1, 0},
    {"mbv2 1x1 96->24 @56", 56, 96, 24, 1, 1, 0},
    {"mbv2 1x1 384->96 @14", 14, 384, 96, 1, 1, 0},
    {"mbv2 1x1 320->1280 @7", 7, 320, 1280, 1, 1, 0},
    {"mbv2 dw 3x3s2 96 @112", 112, 96, 96, 3, 2, 1, true},
    {"mbv2 dw 3x3 144 @56", 56, 144, 144, 3, 1, 1, true},
    {"mbv2 dw 3x3 384 @14", 14, 384, 384, 3, 1, 1, true},
};

struct Problem {
  ConvShape shape;
  ConvInput input;
  ConvWeights weights;
  DpuLayer tail;
};

Problem problem_of(const Layer& l, bool real) {
  Problem p;
  p.input = real ? ConvInput::f16 : ConvInput::i8;
  ConvShape& s = p.shape;
  s.in_h = s.in_w = l.size, s.in_c = l.in_c, s.out_c = l.out_c, s.depthwise = l.depthwise;
  s.kernel_h = s.kernel_w = l.kernel, s.stride_h = s.stride_w = l.stride, s.pad_top = s.pad_left = l.pad;
  s.out_h = s.out_w = (l.size + 2 * l.pad - l.kernel) / l.stride + 1;
  if (!real) s.pad_value = -3;
  std::mt19937 random(1);
  const auto uniform = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  const int inputs = l.kernel * l.kernel * (l.depthwise ? 1 : l.in_c);
  const double reach = 74.0 * 74.0 * std::sqrt(inputs) * 2;
  DpuLayer& t = p.tail;
  t.channels = l.out_c;
  t.real = real;
  t.bs.emplace();
  t.bs->alu = Alu::add;
  t.bs->mul = !real;
  t.bs->shift = t.bs->shift_negative = 14;
  for (int c = 0; c < l.out_c; ++c) {
    t.bs->alu_value.values.push_back(uniform(-1000, 1000)), t.bs->alu_real.values.push_back(0.5f);
    t.bs->mul_value.values.push_back(uniform(8192, 16383));
    if (!real) t.ow.values.push_back(uniform(-20, 20));
  }
  for (int i = 0; i < l.out_c * inputs; ++i)
    if (real) p.weights.reals.push_back(static_cast<float>(uniform(-128, 127)) / 4096);
    else p.weights.integers.push_back(static_cast<std::int16_t>(uniform(-128, 127)));
  t.out.shift = 14 + static_cast<int>(std::log2(reach / 128)), t.out.scale = 16384;
  if (real) t.out_type = DType::f16;
  if (l.after == After::look_up) {  // scales of the size a compiled YOLOv5 has
    t.bn.emplace();
    t.bn->alu = Alu::add, t.bn->mul = true, t.bn->mul_first = true;
    t.bn->shift = t.bn->shift_negative = 14;
    t.bn->mul_value = {{static_cast<std::int32_t>(16384.0 * 16384 / reach)}}, t.bn->mul_real = {{1000.0f}};
    t.bn->alu_value = {{1234}}, t.bn->alu_real = {{1234.0f}};
    t.ew.emplace();
    t.ew->lut = true;
    for (int i = 0; i <= 512; ++i) {
      t.lut.le[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(-i);
      t.lut.lo[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(i * 60 - 512);
    }
    t.out.scale = 16384, t.out.shift = 21, t.out.float_scale = 1.0 / 4096;
  }
  if (l.after == After::add) {
    t.ew.emplace();
    t.ew->op = ElementWise::Op::add;
    t.ew->from_memory = t.ew->convert = true;
    t.ew->offset = 3, t.ew->scale = static_cast<std::int32_t>(reach), t.ew->operand_shift = 8;
    t.ew->clamp.lo = 0;
    if (real) t.operand_type = DType::f16;
  }
  return p;
}

struct Maps {
  int size_in, size_out;
  ConvShape s;
  AlignedBuffer in, operand, out;

  Maps(const ConvShape& shape, ConvInput input, DType out_type) : s(shape) {
    size_in = input == ConvInput::i8 ? 1 : 2;
    size_out = static_cast<int>(size_of(out_type));
    const auto bytes = [](int h, int w, int c, int size) {
      return static_cast<std::size_t>(h) * static_cast<std::size_t>(w) *
             static_cast<std::size_t>(padded_channels(c) * size);
    };
    in = AlignedBuffer(bytes(s.in_h, s.in_w, s.in_c, size_in) + 64);
    operand = AlignedBuffer(bytes(s.out_h, s.out_w, s.out_c, size_out) + 64);
    out = AlignedBuffer(operand.size());
    std::mt19937 random(2);
    for (AlignedBuffer* b : {&in, &operand})
      for (std::size_t i = 0; i < b->size(); i += static_cast<std::size_t>(size_in)) {
        if (size_in == 1) b->data()[i] = static_cast<std::byte>(random());
        else store_as(b->data() + i, float_to_half(static_cast<float>(random() % 255) / 64 - 2));
      }
  }
  template <class M>
  M map(std::byte* data, int width, int channels, int size) const {
    const std::ptrdiff_t pixel = padded_channels(channels) * size;
    return {data, pixel, pixel * width};
  }
  void run(const Conv& conv, Team& team, AlignedBuffer& scratch) {
    conv.run(map<ConstMap>(in.data(), s.in_w, s.in_c, size_in),
             map<ConstMap>(operand.data(), s.out_w, s.out_c, size_out),
             map<Map>(out.data(), s.out_w, s.out_c, size_out), team, {scratch.data(), scratch.size()});
  }
};

/// One thread is measured in CPU time, so that a busy machine does not show; several in real time.
double now(bool cpu) {
  timespec t;
  clock_gettime(cpu ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double seconds(const Conv& conv, Maps& maps, Team& team) {
  AlignedBuffer scratch(conv.scratch_bytes(team.size()));
  const bool cpu = team.size() == 1;
  std::vector<double> times;
  maps.run(conv, team, scratch);
  const double begin = now(cpu);
  do {
    const double a = now(cpu);
    maps.run(conv, team, scratch);
    times.push_back(now(cpu) - a);
  } while (times.size() < 5 || now(cpu) - begin < 0.06);
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

/// GMAC/s of vpdpbusd from registers alone, for CPUs that have it; 28 in flight, so that its latency does not show.
double peak_of_vnni() {
#if defined(__x86_64__)
  double best = 0;
  for (int i = 0; i < 10; ++i) {
    constexpr long kTurns = 20000;
    long turns = kTurns;
    const double begin = now(true);
    asm volatile(
        "1:\n"
        ".irp to, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm\\to\n"
        ".endr\n"
        "dec %0\n"
        "jnz 1b\n"
        : "+r"(turns)
        :
        : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "xmm12", "xmm13", "xmm14", "xmm15");
    best = std::max(best, kTurns * 28 * 64 / (now(true) - begin) / 1e9);
  }
  return best;
#else
  return 0;
#endif
}

/// Elements of the top rows that differ from the reference's: by anything for integers, by more than 1 % for reals.
std::size_t wrong(const Problem& p, const ConvVariant& variant, Team& team) {
  ConvShape top = p.shape;
  top.out_h = std::min(top.out_h, 3);
  top.in_h = std::min(top.in_h, top.out_h * top.stride_h + top.kernel_h);
  Maps expected(top, p.input, p.tail.out_type), got(top, p.input, p.tail.out_type);
  const auto ref = prepare_conv(top, p.input, p.weights, p.tail, cpu::Isa::ref);
  const auto conv = variant.make({top, p.input, p.weights, p.tail});
  AlignedBuffer none, scratch(conv->scratch_bytes(team.size()));
  expected.run(*ref, team, none), got.run(*conv, team, scratch);
  std::size_t n = 0;
  for (std::size_t i = 0; i + 1 < got.out.size(); i += static_cast<std::size_t>(got.size_out)) {
    const auto a = load_real(got.out.data() + i, p.tail.out_type),
               b = load_real(expected.out.data() + i, p.tail.out_type);
    n += p.tail.real ? std::abs(a - b) > 0.01f * (1 + std::abs(b)) : a != b;
  }
  return n;
}

}  // namespace

int main(int argc, char** argv) {
  Team one(1), two(2);
  std::printf("%-34s %7s  %-26s %9s %9s %7s %8s\n", "layer", "MMAC", "kernel", "T1 GMAC/s", "T2 GMAC/s", "ratio",
              "of peak");
  int failures = 0;
  for (const Layer& layer : kLayers) {
    if (argc > 1 && !std::strstr(layer.name, argv[1])) continue;
    for (bool real : {false, true}) {
      const Problem p = problem_of(layer, real);
      const double macs = static_cast<double>(p.shape.macs());
      double before = 0;
      for (const ConvVariant& v : conv_variants()) {
        if (v.isa == cpu::Isa::ref || !cpu::allows(v.isa)) continue;
        if (argc > 2 && v.name.find(argv[2]) == std::string_view::npos) continue;
        const auto conv = v.make({p.shape, p.input, p.weights, p.tail});
        if (!conv) continue;
        const std::size_t bad = wrong(p, v, two);
        failures += bad != 0;
        Maps maps(p.shape, p.input, p.tail.out_type);
        const double t1 = seconds(*conv, maps, one), t2 = seconds(*conv, maps, two);
        std::printf("%-34s %7.1f  %-26s %9.1f %9.1f", layer.name, macs / 1e6, std::string(v.name).c_str(),
                    macs / t1 / 1e9, macs / t2 / 1e9);
        if (before > 0) std::printf(" %6.2fx", before / t1);
        else std::printf(" %7s", "");
        if (!real && v.isa == cpu::Isa::avx512vnni) std::printf(" %6.0f %%", 100 * macs / t1 / 1e9 / peak_of_vnni());
        std::printf(bad ? "  WRONG in %zu elements\n" : "\n", bad);
        before = t1;
      }
    }
  }
  return failures ? 1 : 0;
}
