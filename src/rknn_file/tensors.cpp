/// Tensors: descriptions, then the constants' bytes.
#include <cmath>
#include <optional>
#include <unordered_map>

#include "core/aligned.hpp"
#include "rknn_file/loader.hpp"
#include "rknn_file/weights.hpp"

namespace ez_rknn::file {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;
constexpr std::size_t kMaxNative = 6 * 4096;  // 6-tuples of a weight tensor; 2 are usual

/// ONNX's TensorProto numbers, and two of the toolkit's own.
std::optional<DType> dtype_of(int number) {
  switch (number) {
    case 1: return DType::f32;
    case 2: return DType::u8;
    case 3: return DType::i8;
    case 4: return DType::u16;
    case 5: return DType::i16;
    case 6: return DType::i32;
    case 7: return DType::i64;
    case 9: return DType::boolean;
    case 10: return DType::f16;
    case 12: return DType::u32;
    case 13: return DType::u64;
    case 16: return DType::bf16;
    case 64: return DType::i4;
    default: return std::nullopt;
  }
}

Layout layout_of(int number) {
  switch (number) {
    case 2: return Layout::scratch;
    case 64: return Layout::feature;
    case 65: return Layout::weight;
    default: return Layout::plain;
  }
}

Kind kind_of(int number) {
  return number >= 1 && number <= static_cast<int>(Kind::tasks) ? static_cast<Kind>(number) : Kind::unknown;
}

bool is_constant(Kind k) { return k == Kind::constant || k == Kind::cpu_constant || k == Kind::generated; }
bool is_activation(Kind k) { return k == Kind::input || k == Kind::output || k == Kind::internal; }

std::string label(const Tensor& t, std::size_t index) {
  return "tensor " + std::to_string(index) + " (" + shown(t.name) + ")";
}

/// A constant without elements (the region of interest of most Resize nodes) is one that is not there.
bool has_no_elements(const FlatTable& t, int field) {
  const auto v = t.vector<std::int32_t>(field, "tensor shape");
  for (std::size_t i = 0; i < v.size(); ++i)
    if (v[i] == 0) return true;
  return false;
}

Dims read_shape(const FlatTable& t, int field, const std::string& who) {
  const auto v = t.vector<std::int32_t>(field, "tensor shape");
  if (v.size() > Dims::kMax)
    throw Unsupported(who + " has " + std::to_string(v.size()) + " dimensions; up to " + std::to_string(Dims::kMax) +
                      " are supported");
  Dims d;
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (v[i] < 1) throw ModelError(v.file_offset(i), who + ": dimension " + std::to_string(v[i]));
    elements *= v[i];  // both below 2^31
    if (elements > kMaxElements) throw ModelError(v.file_offset(i), who + ": more than 2^31 elements");
    d.push_back(v[i]);
  }
  return d;
}

void read_quantisation(Loader& l, const FlatTable& t, const std::string& who, Tensor& out) {
  const auto& f = l.scheme.tensor;
  const auto scales = t.vector<float>(f.scale, "tensor scale");
  const auto zeros = t.vector<std::int32_t>(f.zero_point, "tensor zero point");
  if (scales.size() != zeros.size())
    throw ModelError(t.file_offset(f.scale), who + ": " + std::to_string(scales.size()) + " scales, " +
                                                 std::to_string(zeros.size()) + " zero points");
  for (std::size_t i = 0; i < scales.size(); ++i)
    if (!(scales[i] > 0) || !std::isfinite(scales[i]))
      throw ModelError(scales.file_offset(i), who + ": scale " + std::to_string(scales[i]));
  out.scales = scales.copy(l.budget, "tensor scale");
  out.zero_points = zeros.copy(l.budget, "tensor zero point");
  out.quantised = !out.scales.empty();
  if (out.quantised) out.quant = {out.scales.front(), out.zero_points.front()};
}

/// Where the constant's bytes lie in a mini file; activations and everything else have none.
FlatVector<std::byte> mini_data(const MiniAreas& areas, const Tensor& t) {
  if (!is_constant(t.kind)) return {};
  // Files without commands have no area of generated constants; theirs lie among the others. Tables of CPU operators
  // may have no size: then their shape tells it.
  const bool generated = t.kind == Kind::generated && areas.generated.size() != 0;
  const auto& area = generated ? areas.generated : areas.constants;
  std::uint64_t size = t.size;
  if (size == 0 && t.kind == Kind::cpu_constant && t.shape.elements() > 1)
    size = bytes_of(static_cast<std::uint64_t>(t.shape.elements()), t.dtype);
  return {area.slice(t.arena_offset, size, "constant"), area.base() + t.arena_offset};
}

FlatVector<std::byte> buffer_data(const Loader& l, const FlatTable& t, const std::string& who) {
  const int field = l.scheme.tensor.buffer;
  const auto index = t.scalar<std::uint32_t>(field, 0, "tensor buffer");
  if (index >= l.buffers.size() && index != 0)
    throw ModelError(t.file_offset(field),
                     who + ": buffer " + std::to_string(index) + " of " + std::to_string(l.buffers.size()));
  return l.buffers.empty() ? FlatVector<std::byte>{} : l.buffers[index];
}

/// Bytes the description asks of `data`. Generated constants need not agree: some hold command words under a shape.
std::uint64_t required_bytes(const Tensor& t, std::uint64_t file_offset) {
  if (t.layout == Layout::weight) {
    if (t.kind == Kind::generated && t.native_shape.size() % 6 != 0) return 0;
    return bytes_of(packed_elements(t.native_shape, file_offset), t.dtype);
  }
  if (t.layout == Layout::feature) {
    std::uint64_t n = 1;
    for (const auto d : t.native_shape) n *= static_cast<std::uint64_t>(d);
    return bytes_of(n, t.dtype);
  }
  return t.kind == Kind::generated ? 0 : bytes_of(static_cast<std::uint64_t>(t.shape.elements()), t.dtype);
}

void check_native(const Tensor& t, const FlatVector<std::int32_t>& native, const std::string& who) {
  if (native.size() > kMaxNative)
    throw ModelError(native.file_offset(), who + ": native shape of " + std::to_string(native.size()) + " numbers");
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < native.size(); ++i) {
    if (native[i] < (t.layout == Layout::feature ? 1 : 0))
      throw ModelError(native.file_offset(i), who + ": native extent " + std::to_string(native[i]));
    if (t.layout != Layout::feature) continue;
    elements *= native[i];
    if (elements > kMaxElements) throw ModelError(native.file_offset(i), who + ": more than 2^31 elements");
  }
}

Lanes read_lanes(const Loader& l, const FlatTable& t, const std::string& who) {
  const auto& f = l.scheme.tensor;
  const auto bytes = t.vector<std::uint32_t>(f.lane_bytes, "lane sizes");
  const auto offset = t.vector<std::uint32_t>(f.lane_offset, "lane offsets");
  if (bytes.size() != Lanes::kCount || offset.size() != Lanes::kCount)
    throw Unsupported(who + " is compressed in " + std::to_string(offset.size()) + " lanes; 16 are understood");
  Lanes lanes;
  for (std::size_t k = 0; k < Lanes::kCount; ++k) lanes.bytes[k] = bytes[k], lanes.offset[k] = offset[k];
  return lanes;
}

/// Only the feature a weight is used with tells the type of compressed ones: per tensor, the first operand's type of a
/// node that is not int8.
std::vector<std::optional<DType>> foreign_users(const Graph& g) {
  std::vector<std::optional<DType>> users(g.tensors.size());
  for (const auto& n : g.nodes) {
    if (n.inputs.empty() || n.inputs[0] < 0) continue;
    const auto type = g.tensors[static_cast<std::size_t>(n.inputs[0])].dtype;
    for (std::size_t i = 1; i < n.inputs.size() && type != DType::i8; ++i)
      if (n.inputs[i] >= 0) users[static_cast<std::size_t>(n.inputs[i])] = type;
  }
  return users;
}

std::span<const std::byte> aligned(Loader& l, const FlatVector<std::byte>& data, DType type) {
  const auto bytes = data.bytes();
  if (bytes.empty() || reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type) == 0) return bytes;
  l.budget.charge(bytes.size(), "constant", data.file_offset());
  const auto copy = l.storage.allocate(bytes.size());
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

std::span<const std::byte> decompressed(Loader& l, const FlatTable& t, const FlatVector<std::byte>& data,
                                        const Tensor& tensor, const std::string& who) {
  const auto lanes = read_lanes(l, t, who);
  for (const auto bytes : lanes.bytes) l.budget.charge(bytes, "lane of compressed weights", data.file_offset());
  const auto plain = packed_elements(tensor.native_shape, t.file_offset(l.scheme.tensor.native_shape));
  const auto bytes = bytes_of(plain, tensor.dtype), lines = whole_lines(bytes);
  l.budget.charge(lines, "compressed weights", data.file_offset());
  const auto block = l.storage.allocate(lines);
  decompress_weights(ByteReader(data.bytes(), data.file_offset()), lanes, tensor.dtype, block);
  return block.first(bytes);
}

bool same_description(const Tensor& a, const Tensor& b) {
  return a.native_shape == b.native_shape && a.shape == b.shape;
}

}  // namespace

void read_tensors(Loader& l, GraphTables& tables, Graph& g) {
  const auto& f = l.scheme.tensor;
  tables.tensors = tables.graph.tables(l.scheme.graph.tensors, l.budget, "tensors");
  l.budget.charge(tables.tensors.size() * (sizeof(Tensor) + sizeof(tables.data[0])), "tensors",
                  tables.graph.file_offset());
  g.tensors.reserve(tables.tensors.size());
  tables.data.reserve(tables.tensors.size());
  for (const auto& t : tables.tensors) {
    Tensor out;
    out.name = l.text(t, f.name, "tensor name");
    const auto who = label(out, g.tensors.size());
    out.kind = kind_of(t.scalar<std::uint8_t>(f.kind, 0, "tensor kind"));
    out.layout = layout_of(t.scalar<std::uint8_t>(f.layout, 0, "tensor layout"));
    out.size = t.scalar<std::uint32_t>(f.size, 0, "tensor size");
    out.arena_offset = t.scalar<std::uint32_t>(f.offset, 0, "tensor offset");
    const int dtype = t.scalar<std::uint8_t>(f.dtype, 0, "tensor type");
    const bool compressed = t.scalar<std::int32_t>(f.compressed, 0, "tensor compression") == 1;
    if (const auto type = dtype_of(dtype)) out.dtype = *type;
    else if (compressed && dtype == 0) out.dtype = DType::i8, out.layout = Layout::weight;  // once unpacked
    else if (is_constant(out.kind) || is_activation(out.kind))
      throw Unsupported(who + " has element type " + std::to_string(dtype) + ", which is not known");
    const bool empty = is_constant(out.kind) && has_no_elements(t, f.shape);
    out.shape = empty ? Dims{1} : read_shape(t, f.shape, who);
    const auto native = t.vector<std::int32_t>(f.native_shape, "tensor native shape");
    check_native(out, native, who);
    out.native_shape = native.copy(l.budget, "tensor native shape");
    read_quantisation(l, t, who, out);
    if (empty) tables.data.emplace_back();
    else tables.data.push_back(l.container.mini ? mini_data(l.container.areas, out) : buffer_data(l, t, who));
    if (is_activation(out.kind)) g.arena_bytes = std::max(g.arena_bytes, std::uint64_t{out.arena_offset} + out.size);
    g.tensors.push_back(std::move(out));
  }
}

void attach_constants(Loader& l, const GraphTables& tables, const Graph* first, Graph& g) {
  std::unordered_map<std::string_view, const Tensor*> shared;
  if (first)
    for (const auto& t : first->tensors)
      if (is_constant(t.kind) && !t.data.empty()) shared.emplace(t.name, &t);
  const auto foreign = foreign_users(g);
  for (std::size_t i = 0; i < g.tensors.size(); ++i) {
    auto& t = g.tensors[i];
    if (!is_constant(t.kind)) continue;
    const auto& raw = tables.data[i];
    const auto& table = tables.tensors[i];
    if (raw.empty()) {
      const auto it = shared.find(t.name);
      if (it != shared.end() && same_description(*it->second, t))
        t.data = it->second->data, t.dtype = it->second->dtype;
      continue;
    }
    const auto who = label(t, i);
    if (table.scalar<std::int32_t>(l.scheme.tensor.compressed, 0, "tensor compression") == 1) {
      if (foreign[i] && *foreign[i] != DType::f16)
        throw Unsupported(who + ": compressed weights of a " + name_of(*foreign[i]) +
                          " layer (compress_weight); only int8 and float16 ones can be unpacked");
      t.dtype = foreign[i].value_or(DType::i8);
      t.data = decompressed(l, table, raw, t, who);
      continue;
    }
    // The bias that stands for none in a GRU is described for as many gates as an LSTM has: size and buffer are right.
    if (t.layout == Layout::plain && t.shape.rank() == 1 && t.size > 0 && t.size == raw.size() &&
        t.size % size_of(t.dtype) == 0 && t.size / size_of(t.dtype) < std::uint64_t(t.shape[0]))
      t.shape[0] = static_cast<std::int64_t>(t.size / size_of(t.dtype));
    const auto need = required_bytes(t, table.file_offset(l.scheme.tensor.native_shape));
    if (need > raw.size())
      throw ModelError(raw.file_offset(), who + " needs " + std::to_string(need) + " bytes, its buffer holds " +
                                              std::to_string(raw.size()));
    t.data = aligned(l, raw, t.dtype);
  }
}

}  // namespace ez_rknn::file
