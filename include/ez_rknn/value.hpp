#pragma once
/// A tensor in memory of its own, to be bound to a session's inputs and outputs (ez_rknn/binding.hpp).
///
/// A value lies in host memory (dense), or in device memory that an NPU reads and writes without a copy. Device memory
/// is a dma-buf of /dev/dma_heap where there is one, memory of the runtime (rknn_create_mem2) or a descriptor of the
/// caller's; the same memory can be bound to several sessions. It is mapped: the CPU reaches it too, through data().
///
/// Numbers: a value of the model's own type holds the model's own numbers (quantised, normalised); a value of another
/// type holds real values, which the runtime normalises and quantises, or dequantises.
///
/// A Value is a handle: copies share the tensor, and whatever it needs lives on with it, also after its session is
/// closed. Different threads may use one value as long as none writes to it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ez_rknn/session.hpp"
#include "ez_rknn/tensor.hpp"

namespace ez_rknn {

enum class Device : std::uint8_t { cpu, npu };
/// "cpu", "rknpu2"
const char* name_of(Device device);

enum class IoKind : std::uint8_t { input, output };

/// Wishes about device memory. They choose the heap, or are passed to rknn_create_mem2.
enum class MemoryFlags : std::uint8_t {
  automatic = 0,
  cacheable = 1,
  non_cacheable = 2,
  try_sram = 4,  ///< the NPU's own fast memory, where the runtime has some to give; only for values of a session
};

/// real = (number - zero_point) * scale
struct Quantisation {
  float scale = 1.0f;
  std::int32_t zero_point = 0;
  bool operator==(const Quantisation&) const = default;
};

/// How device memory holds the elements of a 4-D tensor; tensors of other ranks are dense.
struct MemoryForm {
  enum class Order : std::uint8_t {
    native,  ///< as the session's zero_copy_layout says; of a value without a session: dense
    nhwc,    ///< channels last
    dense,   ///< in the order of the value's shape
  };
  Order order = Order::native;
  std::int64_t w_stride = 0;  ///< pixels from row to row; 0: what the model asks for, else the width. nhwc only
  std::int64_t h_stride = 0;  ///< rows from image to image; 0: the height. nhwc only
};

/// Memory behind a descriptor of the caller's. The value duplicates the descriptor and keeps it.
struct ForeignMemory {
  int fd = -1;
  std::uint64_t bytes = 0;   ///< usable from `offset` on; 0: up to the end of the file
  std::uint64_t offset = 0;  ///< of the first element
  void* mapping = nullptr;  ///< the caller's mapping of the descriptor's first byte, kept mapped by it; null: made here
};

/// What for_port() makes: by default the model's own type and shape, as zero_copy_layout says.
struct PortOptions {
  std::optional<ElementType> type;  ///< the model's own; an input: any type run() takes; an output: float32
  std::optional<Shape> shape;       ///< one of a dynamic model's, in the session's order
  MemoryFlags flags = MemoryFlags::automatic;
  MemoryForm form;
};

/// Where a value lies, for display.
struct ValueMemory {
  Device device = Device::cpu;
  const void* address = nullptr;  ///< of the first byte of the mapping; the tensor begins `offset` bytes behind it
  std::uint64_t bytes = 0;        ///< of the memory
  std::uint64_t offset = 0;
  int fd = -1;
  bool is_dmabuf = false;
  int imports = 0;                  ///< contexts that have this memory imported now
  std::uint64_t tensor_bytes = 0;   ///< elements without padding
  std::uint64_t strided_bytes = 0;  ///< with padding: what the tensor needs of the memory
  TensorLayout layout = TensorLayout::plain;
  std::int64_t w_stride = 0, h_stride = 0;
  bool pass_through = false;  ///< bound as the NPU's own layout, which the runtime does not look at
  Shape strides;              ///< in elements, of the value's shape; empty for NC1HWC2 of several groups
};

class Value {
 public:
  struct State;
  Value() = default;
  explicit Value(std::shared_ptr<State> state) : state_(std::move(state)) {}

  /// Host memory of its own, zeroed. @throws InvalidArgument (negative or too large dimensions)
  static Value allocate(ElementType type, const Shape& shape);
  /// Host memory of the caller's, dense. `owner` is kept as long as the value lives.
  static Value borrow(void* data, ElementType type, const Shape& shape, std::shared_ptr<void> owner = {});
  /// The same, only to be read: it cannot be written to, nor bound as an output.
  static Value borrow(const void* data, ElementType type, const Shape& shape, std::shared_ptr<void> owner = {});
  /// A result of run(), without a copy.
  static Value from_tensor(const Tensor& tensor, std::optional<Quantisation> quantisation = {});

  /// Device memory for one input or output of a session.
  /// @throws InvalidArgument (no such name; a type or shape this port cannot have), Closed, DeviceError, bad_alloc
  static Value for_port(const Session& session, IoKind kind, const std::string& name, const PortOptions& options = {});
  /// As for_port, on memory that exists already. @throws also InvalidArgument when it is too small or cannot be mapped
  static Value for_port(const Session& session, IoKind kind, const std::string& name, const ForeignMemory& memory,
                        const PortOptions& options = {});
  /// Device memory of no session: a dma-buf, or shared memory where the machine has no dma heap.
  static Value on_device(ElementType type, const Shape& shape, MemoryFlags flags = MemoryFlags::automatic);
  static Value from_fd(ElementType type, const Shape& shape, const ForeignMemory& memory, const MemoryForm& form = {});

  explicit operator bool() const { return state_ != nullptr; }
  ElementType type() const;
  const Shape& shape() const;
  Device device() const;
  /// Bytes of the elements, without padding.
  std::size_t bytes() const;
  /// The first element. Dense for host values; of device values see memory().strides.
  void* data() const;
  bool read_only() const;
  /// The model's quantisation, of values of a quantised model's own type.
  std::optional<Quantisation> quantisation() const;
  ValueMemory memory() const;

  /// Copies dense data of the value's own type into it. Device values are written in their own layout.
  /// @throws InvalidArgument when shape or type differ
  void write(const InputView& from);
  /// As write(), from another value, wherever it lies. @throws InvalidArgument
  void write(const Value& from);
  /// A dense copy, in the order of shape().
  Tensor read() const;
  /// The same into memory of the caller's, which has bytes() bytes.
  void read_into(void* to) const;

  /// After the CPU wrote to data(), or before it reads what the device wrote. write(), read() and bound runs do it by
  /// themselves. Without effect for host values. @throws DeviceError
  void sync_to_device() const;
  void sync_from_device() const;

  const std::shared_ptr<State>& state() const { return state_; }

 private:
  State& get() const;  ///< @throws InvalidArgument for an empty value
  std::shared_ptr<State> state_;
};

}  // namespace ez_rknn
