#include "npurt/tensor_dump.hpp"

#include <atomic>
#include <bit>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "core/environment.hpp"
#include "ez_rknn/error.hpp"
#include "npu/io/layout.hpp"

namespace ez_rknn::npurt {
namespace {

static_assert(std::endian::native == std::endian::little, "the .npy header below says '<f4'");

/// Version 1.0: magic, u16 length of the header, a Python dict padded to a multiple of 64 bytes.
std::string npy_header(const std::vector<std::int64_t>& shape) {
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (auto n : shape) dict += std::to_string(n) + ",";
  dict += "), }";
  dict.append(63 - (10 + dict.size()) % 64, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

/// Names come from the file and may hold anything.
std::string quoted(const std::string& text) {
  std::string s = "\"";
  for (const char c : text) {
    char escape[8];
    if (c == '"' || c == '\\') s += '\\', s += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c)), s += escape;
    else s += c;
  }
  return s + '"';
}

void write_file(const std::filesystem::path& path, std::string_view head, std::span<const std::byte> body) {
  std::ofstream out(path, std::ios::binary);
  out.write(head.data(), static_cast<std::streamsize>(head.size()));
  out.write(reinterpret_cast<const char*>(body.data()), static_cast<std::streamsize>(body.size()));
  out.close();
  if (!out) throw Error(Code::fail, "EZ_RKNN_DUMP: cannot write " + path.string());
}

}  // namespace

std::unique_ptr<TensorDump> TensorDump::from_environment(npu::Context& context) {
  const char* folder = trusted_environment("EZ_RKNN_DUMP");
  if (!folder || !*folder) return nullptr;
  std::unique_ptr<TensorDump> dump(new TensorDump(folder));
  context.observe([d = dump.get()](const file::Tensor& t, const ConstTensorView& view) { d->take(t, view); });
  return dump;
}

void TensorDump::take(const file::Tensor& tensor, const ConstTensorView& view) {
  if (view.dtype == DType::i4) return;  // elements without an address
  const auto [at, fresh] = place_.try_emplace(&tensor, values_.size());
  if (fresh) values_.push_back({&tensor, {view.shape.begin(), view.shape.end()}, {}});
  Value& value = values_[at->second];
  if (!fresh && !value.shape.empty()) value.shape[0] += view.shape[0];
  const auto had = value.numbers.size();
  value.numbers.resize(had + static_cast<std::size_t>(view.shape.elements()));
  npu::io::write_buffer(view, reinterpret_cast<std::byte*>(value.numbers.data() + had), {});
}

void TensorDump::begin() { values_.clear(), place_.clear(); }

void TensorDump::write() {
  static std::atomic<unsigned> runs{0};
  const auto folder = folder_ / ("run-" + std::to_string(++runs));
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  std::ostringstream index;
  index.precision(9);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Value& v = values_[i];
    const std::string file = std::to_string(i) + ".npy";
    write_file(folder / file, npy_header(v.shape), std::as_bytes(std::span(v.numbers)));
    index << (i ? ",\n " : "[") << "{\"file\": \"" << file << "\", \"tensor\": " << quoted(v.tensor->name)
          << ", \"dtype\": \"" << name_of(v.tensor->dtype) << '"';
    if (v.tensor->quantised)
      index << ", \"scale\": " << v.tensor->quant.scale << ", \"zero_point\": " << v.tensor->quant.zero_point;
    index << '}';
  }
  index << "]\n";
  write_file(folder / "index.json", index.str(), {});
  begin();
}

}  // namespace ez_rknn::npurt
