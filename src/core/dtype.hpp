#pragma once
/// Element types of tensors, as everything inside the library names them. The file's and the ABI's own numbers are
/// translated at their edges.
#include <cstddef>
#include <cstdint>

namespace ez_rknn {

enum class DType : std::uint8_t { f32, f16, bf16, i8, u8, i16, u16, i32, u32, i64, u64, boolean, i4 };

/// Bytes of one element; i4 is stored two to a byte and has no size of its own, so it counts as 1 (its readers know).
constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::f32:
    case DType::i32:
    case DType::u32: return 4;
    case DType::f16:
    case DType::bf16:
    case DType::i16:
    case DType::u16: return 2;
    case DType::i64:
    case DType::u64: return 8;
    case DType::i8:
    case DType::u8:
    case DType::boolean:
    case DType::i4: return 1;
  }
  return 0;
}

constexpr bool is_float(DType t) { return t == DType::f32 || t == DType::f16 || t == DType::bf16; }

constexpr const char* name_of(DType t) {
  switch (t) {
    case DType::f32: return "float32";
    case DType::f16: return "float16";
    case DType::bf16: return "bfloat16";
    case DType::i8: return "int8";
    case DType::u8: return "uint8";
    case DType::i16: return "int16";
    case DType::u16: return "uint16";
    case DType::i32: return "int32";
    case DType::u32: return "uint32";
    case DType::i64: return "int64";
    case DType::u64: return "uint64";
    case DType::boolean: return "bool";
    case DType::i4: return "int4";
  }
  return "?";
}

}  // namespace ez_rknn
