#pragma once
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {

/// One instruction set's loops over a block of accumulators.
struct TailKernels {
  TailFunction exact;  ///< integers, proved to stay below 2^51 (tail_bounds.hpp)
  TailFunction real;
  TailFunction fused;         ///< as exact, where BS scales and no more (tail_fused.hpp)
  TailFunction whole;         ///< as fused, in 32 bits and without an operand (tail_whole.hpp)
  TailFunction mended;        ///< as fused, for an operand: few values need its roundings (tail_mended.hpp)
  bool mends_words;           ///< that is quicker where the fused form is in 32 bits too
  TailFunction affine;        ///< as exact, where all stages are one multiplication most of the time (tail_affine.hpp)
  TailFunction bytes;         ///< as exact, ending in a look-up table and int8 (tail_bytes.hpp)
  TailFunction steps;         ///< as bytes, by segments in the fused form (tail_steps.hpp)
  TailFunction steps_of_two;  ///< that by loads, where a tile's pixels have up to eight channels; null without loads
  int table_entries;          ///< of a table in registers
  int load_cost;              ///< of loading a vector's results instead, in vector operations; 0: that is not done
  /// As real, where the stages are one line (tail_linear.hpp): nothing more, a multiplication by 1 left out; an operand
  /// added; a table.
  TailFunction linear, linear_bias, linear_add, linear_table;
  TailFunction floors = nullptr;  ///< as fused, by rounding down (tail_floors_avx512.hpp)
};

#if defined(__x86_64__)
extern const TailKernels kTailAvx2, kTailAvx512;
#elif defined(__aarch64__)
extern const TailKernels kTailNeon;
#endif

}  // namespace ez_rknn::npu::kernels
