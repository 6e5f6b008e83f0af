// Not a test: what layers.hpp declares (every *_test.cpp is built into the executable).
#include "layers.hpp"

namespace ez_rknn::npu::kernels::test {
namespace {

Channels<std::int32_t> table(Random& random, int channels, int lo, int hi) {
  Channels<std::int32_t> t;
  for (int i = 0; i < channels; ++i) t.values.push_back(random(lo, hi));
  return t;
}

/// Scale and shift whose quotient is about `factor`.
void set_scale(OutputConvert& out, double factor) {
  out.shift = 0, out.scale = 1;
  if (factor <= 0) return;
  while (factor < 16384 && out.shift < 40) factor *= 2, ++out.shift;
  out.scale = static_cast<std::int32_t>(std::min(factor, 32767.0));
}

void random_lut(Random& random, DpuLayer& layer, bool slopes) {
  layer.ew.emplace();
  layer.ew->lut = true;
  int y = random(-30000, 0);
  for (auto* t : {&layer.lut.le, &layer.lut.lo})
    for (auto& v : *t) {
      v = static_cast<std::int16_t>(y);
      y = std::clamp(y + random(-20, 60), -32768, 32767);
    }
  if (!slopes) return;
  LutRange& r = layer.lut_range;
  r.underflow_scale = random(-300, 300), r.underflow_shift = random(0, 12);
  r.overflow_scale = random(-300, 300), r.overflow_shift = random(0, 12);
}

void operand(Random& random, DpuLayer& layer, ElementWise::Op op, double reach) {
  layer.ew.emplace();
  ElementWise& e = *layer.ew;
  e.op = op;
  e.from_memory = true;
  layer.operand_type = random.chance(80) ? DType::i8 : DType::i16;
  e.convert = random.chance(80);
  e.offset = random(-128, 128);
  OutputConvert scale;
  set_scale(scale, op == ElementWise::Op::mul ? 1.0 : reach / (layer.operand_type == DType::i8 ? 200 : 50000));
  e.scale = scale.scale, e.operand_shift = scale.shift;
  if (random.chance(30)) e.result_shift = random(1, 3);
}

}  // namespace

DpuLayer random_layer(Random& random, TailKind kind, int channels, double reach) {
  DpuLayer layer;
  layer.channels = channels;
  layer.out.offset = random(-128, 127);
  double gain = 1;
  if (kind != TailKind::plain) {
    layer.bs.emplace();
    layer.bs->alu = Alu::add;
    const int bias = static_cast<int>(std::min(reach / 4, 1e9));
    layer.bs->alu_value = table(random, channels, -bias, bias);
    if (kind != TailKind::per_layer) {
      layer.bs->mul = true;
      layer.bs->mul_value = table(random, channels, 4096, 16384);
      layer.bs->shift = layer.bs->shift_negative = 14;
      gain = 0.6;
    }
  }
  const auto clamp = [&](bool hi) {
    layer.bn.emplace();
    layer.bn->clamp.lo = 0;
    if (hi) layer.bn->clamp.hi = static_cast<std::int32_t>(reach * gain / 2);
  };
  double target = 200;
  switch (kind) {
    case TailKind::relu: clamp(false); break;
    case TailKind::clip: clamp(true); break;
    case TailKind::look_up: {
      layer.bn.emplace();
      layer.bn->mul_first = random.chance(50);
      layer.bn->alu = Alu::add;
      layer.bn->mul = true;
      OutputConvert scale;
      set_scale(scale, 20000 / (reach * gain));
      layer.bn->mul_value = {{scale.scale}};
      layer.bn->shift = layer.bn->shift_negative = scale.shift;
      layer.bn->alu_value = {{random.chance(50) ? 0 : random(-1000, 1000)}};  // compilers leave it 0
      random_lut(random, layer, random.chance(30));
      gain = 1, reach = 32768;
      break;
    }
    case TailKind::add_operand: operand(random, layer, ElementWise::Op::add, reach * gain); break;
    case TailKind::per_channel_operand:
      operand(random, layer, random.one_of({ElementWise::Op::max, ElementWise::Op::min, ElementWise::Op::sub}),
              reach * gain);
      layer.ew->per_channel = true;
      break;
    case TailKind::mul_operand:
      operand(random, layer, ElementWise::Op::mul, reach * gain);
      gain *= layer.operand_type == DType::i8 ? 200 : 30000;
      break;
    case TailKind::prelu:
      layer.bs->shift = 0;
      layer.bn.emplace();
      layer.bn->mul = layer.bn->prelu = true;
      layer.bn->mul_first = random.chance(50);
      layer.bn->mul_value = table(random, channels, -3000, 8000);
      gain *= 16384;
      break;
    case TailKind::wide_output: layer.out_type = DType::i16, target = 60000; break;
    case TailKind::raw_output: layer.out_type = DType::i32, target = reach * 4; break;
    case TailKind::real_output: layer.out_type = random.one_of({DType::f16, DType::bf16, DType::f32}); break;
    case TailKind::anything: {
      layer.bs->mul_first = random.chance(30), layer.bs->prelu = random.chance(30);
      layer.bs->alu = random.one_of({Alu::max, Alu::min, Alu::add, Alu::sub});
      layer.bs->shift_negative = random(10, 16);
      layer.bn = layer.bs;
      layer.bn->shift = random(0, 16);
      layer.bn->mul_value = {{random(-200, 200)}};
      layer.bn->clamp.lo = random(-100000, 0);
      operand(random, layer,
              random.one_of({ElementWise::Op::max, ElementWise::Op::min, ElementWise::Op::add, ElementWise::Op::sub,
                             ElementWise::Op::mul}),
              reach);
      layer.ew->clamp.hi = random(0, 1 << 30);
      if (random.chance(20)) layer.ew->from_memory = false, layer.ew->constant.value = random(-1000, 1000);
      layer.accumulator_shift = random.chance(30) ? random(1, 4) : 0;
      layer.out_type = random.one_of({DType::i8, DType::i16, DType::f16});
      break;
    }
    default: break;
  }
  set_scale(layer.out, target / std::max(reach * gain, 1.0));
  layer.out.float_scale = std::ldexp(layer.out.scale, -layer.out.shift);
  if (layer.ew && random.chance(40)) layer.ew->clamp.lo = 0;
  return layer;
}

DpuLayer random_real_layer(Random& random, int kind, int channels) {
  DpuLayer layer;
  layer.real = true;
  layer.channels = channels;
  layer.out_type = random.chance(70) ? DType::f16 : DType::bf16;
  const auto reals = [&](float lo, float hi) {
    Channels<float> t;
    for (int i = 0; i < channels; ++i) t.values.push_back(random.real(lo, hi));
    return t;
  };
  if (kind > 0) {
    layer.bs.emplace();
    layer.bs->alu = Alu::add;
    layer.bs->alu_real = reals(-1, 1);
  }
  if (kind == 2) layer.bs->clamp.lo_real = 0.0f, layer.bs->clamp.hi_real = 6.0f;
  if (kind == 3 || kind == 7) {
    layer.bn.emplace();
    layer.bn->mul = true;
    layer.bn->prelu = kind == 3;
    layer.bn->mul_first = random.chance(50);
    layer.bn->mul_real = reals(0.05f, 1.5f);
  }
  if (kind == 4) {
    layer.bn.emplace();
    layer.bn->mul = true;
    layer.bn->mul_real = {{1000.0f}};
    random_lut(random, layer, random.chance(50));
    layer.out.float_scale = 1.0 / 4096;
  }
  if (kind == 5 || kind == 6) {
    layer.ew.emplace();
    layer.ew->op = kind == 5 ? ElementWise::Op::add : random.one_of({ElementWise::Op::mul, ElementWise::Op::max});
    layer.ew->from_memory = true;
    layer.ew->per_channel = random.chance(30);
    layer.operand_type = random.one_of({DType::f16, DType::f16, DType::bf16, DType::f32});
    layer.ew->convert = random.chance(50), layer.ew->scale_real = 0.75f;
  }
  if (kind == 7) layer.out_type = DType::f32;
  if (kind == 8) {  // as compilers fuse an activation: a line, then a table without a jump
    layer.bn.emplace();
    layer.bn->mul_first = random.chance(50);
    layer.bn->mul = true, layer.bn->alu = Alu::add;
    layer.bn->mul_real = {{1000.0f}}, layer.bn->alu_real = {{layer.bn->mul_first ? 37.5f : 0.0375f}};
    random_lut(random, layer, random.chance(50));
    layer.lut.lo[0] = layer.lut.le[512];
    layer.out.float_scale = 1.0 / 4096;
    layer.out_type = DType::f16;
  }
  if (kind == 9) {  // as they fuse limits
    layer.bn.emplace();
    layer.bn->clamp.lo_real = 0.0f;
    if (random.chance(50)) layer.bn->clamp.hi_real = 6.0f;
    if (random.chance(30)) layer.bn->mul = true, layer.bn->mul_real = reals(-1.5f, 1.5f);
  }
  return layer;
}

std::string describe(const ConvShape& s) {
  const auto n = [](int v) { return std::to_string(v); };
  return n(s.in_h) + "x" + n(s.in_w) + "x" + n(s.in_c) + " -> " + n(s.out_h) + "x" + n(s.out_w) + "x" + n(s.out_c) +
         " kernel " + n(s.kernel_h) + "x" + n(s.kernel_w) + " stride " + n(s.stride_h) + "," + n(s.stride_w) +
         " dilation " + n(s.dilation_h) + "," + n(s.dilation_w) + " pad " + n(s.pad_top) + "," + n(s.pad_left) +
         " insert " + n(s.insert_h) + "," + n(s.insert_w) + (s.depthwise ? " depthwise" : "") + " pad value " +
         n(s.pad_value);
}

int differences(const TestMap& a, const TestMap& b) {
  int n = 0;
  for (std::size_t i = 0; i < a.bytes(); ++i) n += a.data()[i] != b.data()[i];
  return n;
}

double worst_ratio(TestMap& a, TestMap& b, double absolute, double relative) {
  double worst = 0;
  for (int y = 0; y < a.height(); ++y)
    for (int x = 0; x < a.width(); ++x)
      for (int c = 0; c < padded_channels(a.channels()); ++c) {
        const double p = static_cast<double>(load_real(a.at(y, x, c), a.type()));
        const double q = static_cast<double>(load_real(b.at(y, x, c), b.type()));
        if (p == q) continue;
        worst = std::max(worst, std::abs(p - q) / (absolute + relative * std::abs(q)));
        if (std::isnan(p) || std::isnan(q)) return HUGE_VAL;
      }
  return worst;
}

}  // namespace ez_rknn::npu::kernels::test
