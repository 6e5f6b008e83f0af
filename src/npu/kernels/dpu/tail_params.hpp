#pragma once
/// A DPU layer as vector code wants it: plain numbers and arrays. Arrays have an entry for every channel of the padded
/// count. No functions of external linkage and no standard containers: files of every instruction set include this.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

struct DpuLayer;

enum class TailAlu : std::uint8_t { none, max, min, add, div, sub, mul };
enum class TailType : std::uint8_t { i8, i16, i32, f16, bf16, f32 };

struct StageParams {
  bool mul_first = false, mul = false, prelu = false;
  TailAlu alu = TailAlu::none;
  const double* alu_value = nullptr;  ///< integer pipeline
  const double* mul_value = nullptr;
  double up = 1, down = 1, down_negative = 1;  ///< 2^shift, 2^-shift, 2^-shift_negative
  double lo = 0, hi = 0;                       ///< infinite when unbounded
  const float* alu_real = nullptr;             ///< float pipeline
  const float* mul_real = nullptr;
  float lo_real = 0, hi_real = 0;
};

struct LookUpParams {
  bool active = false;
  const std::int16_t* table = nullptr;  ///< integer pipeline: the result for every input first..last
  double first = 0, last = 0;
  bool slopes = false;  ///< inputs beyond follow a slope, else the table's ends
  double underflow = 0, underflow_down = 1, overflow = 0, overflow_down = 1;
  /// Float pipeline: entry i and its neighbour in the halves of a word; 512 of LE, then 512 of LO.
  const std::int32_t* pairs = nullptr;
  float le_first = 0, lo_last = 0;                                         ///< where the slopes start
  float le_start = 0, lo_start = 0, lo_end = 0, le_step = 1, lo_step = 1;  ///< step: 2^-index shift
  float underflow_slope = 0, overflow_slope = 0;
};

/// All stages as one multiplication in f32 (tail_affine.hpp):
///   y = (accumulator + bias) * slope + operand * operand_slope + intercept, clamped to [lo, hi], to nearest, + offset.
struct AffineParams {
  const std::int32_t* bias = nullptr;
  const float* slope = nullptr;
  const float* slope_negative = nullptr;  ///< for accumulator + bias < 0; the same as slope without PReLU
  bool two_slopes = false;
  float operand_slope = 0, intercept = 0;
  float lo = 0, hi = 0;
  bool bounded = true;  ///< else lo and hi are int8's own, and no value passes 2^21
  std::int32_t offset = 0;
  /// Further than this from an integer, y does not tell what the separate roundings of the stages would give.
  float limit = 0;
  /// With everything that a channel adds in one number (tail_mended.hpp), the offset, one half and `off` too: the most
  /// that the roundings may have moved y. So y is rounded by leaving off its fraction, unless that is below `doubtful`.
  const float* start = nullptr;
  float off = 0, doubtful = 0;
};

/// The same stages with their roundings, each one fused multiply-add (tail_fused.hpp); every value stays within 2^22:
///   q = clamp(round((accumulator + bias) * bs)) [+ or * round((operand + operand_offset) * operand_scale), clamped]
/// and from there round(q * out_scale) + offset, or, before a look-up table, round(q * bn).
struct FusedParams {
  const std::int32_t* bias = nullptr;  ///< null: the stages are more than that
  const float* bs = nullptr;
  /// The same product and rounding in 32 bits, where they hold it: ((accumulator + bias) * factor + half) >> shift.
  const std::int32_t* factor = nullptr;  ///< null: they do not
  const std::int32_t* most = nullptr;    ///< accumulator + bias stays within +-most, as with `bound`
  /// Without an operand: bias * factor, and half with it unless by_sign; and `most` as limits of accumulators, which
  /// matter where any of them may be passed (`held`).
  const std::int32_t *start = nullptr, *least_sum = nullptr, *most_sum = nullptr;
  bool held = false;
  std::int32_t half = 0;
  int shift = 0;
  bool by_sign = true;  ///< halves round away from zero; else up, which is the same where negative values do not matter
  bool clamped = false;     ///< else none of these is needed:
  float bound = 0;          ///< f32: accumulator + bias stays within +-bound, beyond which results no longer change
  float lo = 0, hi = 0;     ///< of q
  bool multiplies = false;  ///< with the operand
  float operand_offset = 0, operand_scale = 1, sum_lo = 0, sum_hi = 0;
  float out_scale = 1, bn = 1;
  float bn_rest = 0;  ///< (1 - bn) * 1.5 * 2^23, exactly if `bn_beside`: then (q + 1.5 * 2^23) * bn + this is the same
  bool bn_beside = false;
  std::int32_t offset = 0;
  /// By floors (tail_floors_avx512.hpp): results are the floor of q * out_scale + floor_added, with kMagic + q in the
  /// place of q unless by_sign; floor_limits: lo and hi are needed.
  bool floors = false, floor_limits = false;
  float floor_added = 0;
  bool table_ties = true;  ///< before a look-up table: whether it tells apart which way round(q * bn) takes halves
};

/// A result of int8 as a step function of a position in 16 bits: segments of 2^8 positions or fewer, each with what it
/// begins with and the places behind which the result moves by one, all in one direction.
struct SegmentTables {
  static constexpr int kMost = 8;
  int places = 0;      ///< used of `place`
  bool falls = false;  ///< any segment does
  std::uint8_t start[256];
  std::uint8_t down[256];          ///< 0xff where the value falls
  std::uint8_t place[kMost][256];  ///< 255: none
};

/// A table of int8 results for a look-up table's inputs, found with the roundings of FusedParams. Positions begin at
/// `base`, outside of which nothing moves, and count what BS makes of accumulators or, where those are too many, the
/// table's inputs.
struct StepParams {
  bool inputs = false;
  std::int32_t base = 0, last = 0;        ///< last: the position from which nothing moves
  const std::uint8_t* results = nullptr;  ///< of every position up to the last, a load a value; null: by segments
  bool held = true;                       ///< sums need limits; else, of what BS makes of them,
  std::int32_t half = 0;                  ///< half a unit less the base is part of the product
  const std::uint8_t* by_sign = nullptr;  ///< of each channel group: whether it shows which way (negative) halves go
  bool plain = true;                      ///< without limits behind BS, and halves behind BN, that show
  /// Where results move often in one part: positions behind `bend` are position + (position - bend) * stretch.
  std::int32_t bend = 0;
  int stretch = 0;
  int shift = 8;   ///< a segment is 2^shift positions
  int places = 0;  ///< the most of a segment
  bool falls = false;
  int rising = 0;  ///< the first segment that does not fall
  /// Segments first, first + 1, ... as tables of as many bytes as registers hold: one of what the segment begins with,
  /// then one for each place, as 255 less the position in the segment (0: none). Those of most places come first; from
  /// end[n] on they have fewer than n.
  struct Table {
    std::uint8_t first = 0;
    const std::uint8_t* entries = nullptr;
  } table[16];
  int end[SegmentTables::kMost + 1] = {};
};

/// The float pipeline where what the stages do to an accumulator is one line a channel (tail_linear.hpp):
///   y = (accumulator + bias) * slope + added, + operand, clamped to [lo, hi]
/// or, with a table, y is a position in it: entry i begins at i, -512..511.
struct LinearParams {
  const float *bias = nullptr, *slope = nullptr, *added = nullptr;
  float lo = 0, hi = 0;
  /// The entry at position 0 and how far it is to its neighbour, times the output's scale, and so on. Positions beyond
  /// the table are left to the stages.
  const float* entries = nullptr;
};

class NarrowTail;
struct TailParams;
struct TailTile;
using TailFunction = void (*)(const TailParams&, const TailTile&);

struct TailParams {
  AffineParams affine;
  LinearParams linear;
  FusedParams fused;
  const std::uint8_t* bytes = nullptr;  ///< the final int8 of every input of the look-up table
  bool bytes_ends = false;              ///< inputs beyond the table's ends may give other results than these
  const StepParams* steps = nullptr;
  const DpuLayer* layer = nullptr;
  const NarrowTail* narrow = nullptr;  ///< finishes the last group (tail_narrow.hpp), and `others` those before
  TailFunction others = nullptr;
  bool wide = false;  ///< accumulators are f64 (of integers)
  int channels = 0;
  const std::int32_t* lanes = nullptr;  ///< per channel: -1 for those that carry data, 0 for padding
  double accumulator_down = 1;
  bool has_bs = false, has_bn = false;
  StageParams bs, bn;
  LookUpParams lut;
  TailAlu ew = TailAlu::none;
  bool operand = false, per_channel = false, convert = false, round_result = false;
  TailType operand_type = TailType::i8;
  double operand_offset = 0, operand_scale = 1;  ///< scale: with its shift
  double constant = 0, result_down = 1;
  double ew_lo = 0, ew_hi = 0;
  float operand_real_scale = 1, constant_real = 0, ew_lo_real = 0, ew_hi_real = 0;
  TailType out_type = TailType::i8;
  double out_scale = 1, out_offset = 0, out_lo = 0, out_hi = 0;  ///< scale: with its shift
  double out_float_scale = 1;
  float out_real_scale = 1, ppu_scale = 1;
};

/// A block of accumulators on its way out: `pixels` x 16 * `groups` channels starting with channel 16 * first_group.
struct TailTile {
  const std::byte* accumulators = nullptr;       ///< int32, f32 or f64, of the first pixel and channel of the block
  std::ptrdiff_t accumulator_pixel = 0;          ///< bytes
  const std::int32_t* window_sums = nullptr;     ///< one a pixel; null: nothing to add
  const std::int32_t* window_factors = nullptr;  ///< one a channel, from channel 0
  int pixels = 0, first_group = 0, groups = 0;
  int used = 0;  ///< of the only group, up to eight channels of which two pixels are finished at once (narrow tails)
  const std::byte* operand = nullptr;  ///< pixel 0, channel 0
  std::ptrdiff_t operand_pixel = 0;    ///< bytes; 0 when per channel
  std::byte* out = nullptr;            ///< pixel 0, channel 0
  std::ptrdiff_t out_pixel = 0;        ///< bytes
};

static constexpr std::size_t bytes_of(TailType t) {
  return t == TailType::i8 ? 1 : t == TailType::i16 || t == TailType::f16 || t == TailType::bf16 ? 2 : 4;
}

static constexpr bool is_real(TailType t) { return t == TailType::f16 || t == TailType::bf16 || t == TailType::f32; }

}  // namespace ez_rknn::npu::kernels
