/// Memory of the fake runtime, and inputs and outputs bound to it.
#include <sys/mman.h>
#include <unistd.h>

#include "elements.hpp"
#include "state.hpp"

namespace fake {
namespace {

struct Memory {
  rknn_tensor_mem handle{};
  bool own = false;  ///< mapped here
};
Memory* memory_of(rknn_tensor_mem* m) { return static_cast<Memory*>(m->priv_data); }

rknn_tensor_mem* keep(rknn_context context, Memory* m) {
  m->handle.priv_data = m;
  std::lock_guard lock(state().mutex);
  state().memory[&m->handle] = context;
  return &m->handle;
}

rknn_tensor_mem* create(rknn_context context, const Script& script, std::uint64_t bytes) {
  const int fd = memfd_create("fake", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0) return nullptr;
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  auto* m = new Memory;
  m->own = true;
  m->handle.virt_addr = base;
  m->handle.size = static_cast<std::uint32_t>(bytes);
  m->handle.fd = script.memory_fd ? fd : -1;
  if (!script.memory_fd) close(fd);
  return keep(context, m);
}

std::string name_of(const rknn_tensor_attr& attr) { return {attr.name, strnlen(attr.name, sizeof attr.name)}; }

const TensorSpec* find(const std::vector<TensorSpec>& tensors, const std::string& name) {
  for (const TensorSpec& t : tensors)
    if (t.name == name) return &t;
  return nullptr;
}

/// Where element k of the tensor, counted in its own order, lies in memory that `a` describes.
std::size_t position(std::size_t k, const TensorSpec& t, const rknn_tensor_attr& a) {
  if (t.dims.size() != 4 || a.fmt == RKNN_TENSOR_UNDEFINED) return k;
  const bool nhwc = t.format == RKNN_TENSOR_NHWC;
  const std::size_t C = nhwc ? t.dims[3] : t.dims[1], H = nhwc ? t.dims[1] : t.dims[2],
                    W = nhwc ? t.dims[2] : t.dims[3];
  const std::size_t c = nhwc ? k % C : k / (H * W) % C, x = nhwc ? k / C % W : k % W,
                    y = nhwc ? k / C / W % H : k / W % H, n = k / (C * H * W);
  const std::size_t row = a.w_stride ? a.w_stride : W, rows = a.h_stride ? a.h_stride : H;
  if (a.fmt == RKNN_TENSOR_NCHW) return ((n * C + c) * H + y) * W + x;
  if (a.fmt == RKNN_TENSOR_NHWC) return ((n * rows + y) * row + x) * C + c;
  const std::size_t c2 = a.dims[4], groups = a.dims[1];
  return (((n * groups + c / c2) * rows + y) * row + x) * c2 + c % c2;
}

char* data_of(const IoMemory& io) { return static_cast<char*>(io.memory->virt_addr) + io.memory->offset; }

bool own_numbers(const TensorSpec& t, const rknn_tensor_attr& a) {
  return static_cast<int>(a.type) == t.type && is_quantised(t.type);
}

}  // namespace

void read_io_memory(FakeContext& c) {
  if (c.io.empty()) return;
  for (const TensorSpec& t : c.script.inputs)
    if (!c.io.count(t.name)) misuse("a run with some inputs bound and some not");
  for (const TensorSpec& t : c.script.outputs)
    if (!c.io.count(t.name)) misuse("a run with an output that is not bound");
  const TensorSpec& t = c.script.inputs[0];
  const IoMemory& io = c.io[t.name];
  c.input.resize(elements_of(t.dims));
  for (std::size_t k = 0; k < c.input.size(); ++k) {
    const double v = read(data_of(io), position(k, t, io.attr), static_cast<int>(io.attr.type));
    c.input[k] = own_numbers(t, io.attr) ? (v - c.script.zp) * c.script.scale : v;
  }
}

void write_io_memory(FakeContext& c) {
  if (c.io.empty()) return;
  for (const TensorSpec& t : c.script.outputs) {
    const IoMemory& io = c.io[t.name];
    for (std::size_t k = 0; k < elements_of(t.dims); ++k) {
      double v = result(c, k);
      if (own_numbers(t, io.attr)) v = v / c.script.scale + c.script.zp;
      write(data_of(io), position(k, t, io.attr), static_cast<int>(io.attr.type), v);
    }
  }
}

}  // namespace fake

using namespace fake;

FAKE_EXPORT rknn_tensor_mem* rknn_create_mem(rknn_context context, uint32_t size) {
  Use use(context);
  return enter("create_mem", use->script) ? nullptr : create(context, use->script, size);
}

FAKE_EXPORT rknn_tensor_mem* rknn_create_mem2(rknn_context context, uint64_t size, uint64_t flags) {
  Use use(context);
  return enter("create_mem2", use->script, flags) ? nullptr : create(context, use->script, size);
}

FAKE_EXPORT rknn_tensor_mem* rknn_create_mem_from_fd(rknn_context context, int32_t fd, void* address, uint32_t size,
                                                     int32_t offset) {
  Use use(context);
  if (enter("create_mem_from_fd", use->script)) return nullptr;
  if (fd < 0 || !address) misuse("memory from a descriptor, without one, or without a mapping");
  auto* m = new Memory;
  m->handle.virt_addr = address;
  m->handle.size = size;
  m->handle.fd = fd;
  m->handle.offset = offset;
  return keep(context, m);
}

FAKE_EXPORT int rknn_destroy_mem(rknn_context context, rknn_tensor_mem* memory) {
  Use use(context);
  enter("destroy_mem", use->script);
  {
    std::lock_guard lock(state().mutex);
    const auto found = state().memory.find(memory);
    if (found == state().memory.end()) misuse("memory destroyed that does not exist");
    if (found->second != context) misuse("memory destroyed in another context than its own");
    state().memory.erase(found);
    std::erase_if(use->io, [&](const auto& bound) { return bound.second.memory == memory; });
  }
  Memory* m = memory_of(memory);
  if (m->own) {
    munmap(m->handle.virt_addr, m->handle.size);
    if (m->handle.fd >= 0) close(m->handle.fd);
  }
  delete m;
  return RKNN_SUCC;
}

FAKE_EXPORT int rknn_mem_sync(rknn_context context, rknn_tensor_mem*, rknn_mem_sync_mode mode) {
  Use use(context);
  return enter("mem_sync", use->script, static_cast<std::uint64_t>(mode));
}

FAKE_EXPORT int rknn_set_io_mem(rknn_context context, rknn_tensor_mem* memory, rknn_tensor_attr* attr) {
  Use use(context);
  if (int ret = enter("set_io_mem", use->script)) return ret;
  if (use->copied) misuse("one context with both rknn_inputs_set and rknn_set_io_mem");
  const std::string name = name_of(*attr);
  const TensorSpec* t = find(use->script.inputs, name);
  if (!t) t = find(use->script.outputs, name);
  if (!t) return RKNN_ERR_PARAM_INVALID;
  const std::size_t last = position(elements_of(t->dims) - 1, *t, *attr);
  if (memory->size < (last + 1) * bytes_of(static_cast<int>(attr->type))) misuse("memory too small for the tensor");
  use->io[name] = {memory, *attr};
  return RKNN_SUCC;
}
