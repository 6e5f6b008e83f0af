#include "npu/task/memory.hpp"

#include <algorithm>
#include <string>

#include "core/aligned.hpp"
#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::task {
namespace {

constexpr std::int64_t kNowhere = -1;
constexpr std::int64_t kLimit = std::int64_t{4} << 30;
/// The DMAs fetch whole 16-byte pixels of whole bursts and may run a little past the last tensor.
constexpr std::int64_t kSlack = 65536;

bool in_arena(file::Kind k) { return k == file::Kind::input || k == file::Kind::output || k == file::Kind::internal; }

[[noreturn]] void outside(std::int64_t at, std::int64_t count, std::int64_t size, const char* what) {
  throw ModelError(static_cast<std::uint64_t>(std::max<std::int64_t>(at, 0)),
                   std::string(what) + ": " + std::to_string(count) + " bytes at " + std::to_string(at) +
                       " leave the memory of " + std::to_string(size) + " bytes");
}

}  // namespace

Memory::Memory(const file::Graph& graph) : bases_(graph.tensors.size(), kNowhere) {
  std::int64_t end = 0;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const file::Tensor& t = graph.tensors[i];
    if (!in_arena(t.kind)) continue;
    bases_[i] = t.arena_offset;
    end = std::max(end, std::int64_t{t.arena_offset} + t.size);
  }
  arena_bytes_ = round_up<std::int64_t>(end, 4096) + kSlack;
  end = arena_bytes_;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const auto size = static_cast<std::int64_t>(graph.tensors[i].data.size());
    if (in_arena(graph.tensors[i].kind) || size == 0) continue;
    bases_[i] = end;
    end = round_up<std::int64_t>(end + size, 64);
    if (end > kLimit) break;
  }
  if (end > kLimit) throw ModelError(0, "the graph asks for more than 4 GiB of memory");
  bytes_.resize(static_cast<std::size_t>(end + kSlack));
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const auto data = graph.tensors[i].data;
    if (bases_[i] >= arena_bytes_) std::copy(data.begin(), data.end(), bytes_.begin() + bases_[i]);
  }
}

std::int64_t Memory::base(std::int32_t tensor) const {
  if (tensor < 0 || static_cast<std::size_t>(tensor) >= bases_.size())
    throw ModelError(0, "an address names tensor " + std::to_string(tensor) + " of " + std::to_string(bases_.size()));
  const std::int64_t b = bases_[static_cast<std::size_t>(tensor)];
  if (b == kNowhere) throw ModelError(0, "an address names tensor " + std::to_string(tensor) + ", which has no memory");
  return b;
}

const std::byte* Memory::read(std::int64_t from, std::int64_t count, const char* what) const {
  const auto size = static_cast<std::int64_t>(bytes_.size());
  if (from < 0 || count < 0 || from > size || count > size - from) outside(from, count, size, what);
  return bytes_.data() + from;
}

std::byte* Memory::write(std::int64_t to, std::int64_t count, const char* what) {
  if (to < 0 || count < 0 || to > arena_bytes_ || count > arena_bytes_ - to) outside(to, count, arena_bytes_, what);
  return bytes_.data() + to;
}

}  // namespace ez_rknn::npu::task
