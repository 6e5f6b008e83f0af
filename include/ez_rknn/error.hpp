#pragma once
/// Errors of the library: one enum of codes, one tree of exceptions. Every class derives from std::runtime_error, so a
/// program that only knows std::exception still gets the text; Python sees the same tree (see docs/errors in the
/// package documentation).
#include <cstdint>
#include <stdexcept>
#include <string>

namespace ez_rknn {

enum class Code {
  fail,              ///< anything without a better code
  invalid_argument,  ///< a value the caller gave: shape, dtype, name, option
  no_such_file,      ///< a path that does not exist or cannot be read
  invalid_model,     ///< the bytes are not a well-formed .rknn file
  unsupported,       ///< well-formed, but something this build cannot execute; the message names it
  runtime_missing,   ///< no usable librknnrt was found
  device,            ///< the runtime reported a failure; DeviceError::rknn_ret holds its code
  queue_full,        ///< no room within the submit timeout; nothing was queued
  timeout,           ///< a wait that was given a limit reached it
  closed,            ///< the session is closed
  cancelled,         ///< the caller ended it before it began
};

struct Error : std::runtime_error {
  Code code;
  Error(Code c, const std::string& message) : std::runtime_error(message), code(c) {}
};

/// A caller's value is not accepted. The message holds the value and what is accepted.
struct InvalidArgument : Error {
  explicit InvalidArgument(const std::string& m) : Error(Code::invalid_argument, m) {}
};
/// The value's type is not accepted (Python sees a TypeError as well as a ValueError).
struct InvalidType : InvalidArgument {
  using InvalidArgument::InvalidArgument;
};
struct NoSuchFile : Error {
  explicit NoSuchFile(const std::string& m) : Error(Code::no_such_file, m) {}
};
/// The model file is damaged or hostile. `offset` is the byte of the file whose value was refused, where that is known.
struct ModelError : Error {
  static constexpr std::uint64_t kUnknown = UINT64_MAX;
  std::uint64_t offset = kUnknown;
  explicit ModelError(const std::string& m) : Error(Code::invalid_model, m) {}
  ModelError(std::uint64_t at, const std::string& m)
      : Error(Code::invalid_model, m + " (byte " + std::to_string(at) + ")"), offset(at) {}
};
/// The model is sound but needs an operator, chip, type or option that cannot be executed here; the message names it.
struct Unsupported : Error {
  explicit Unsupported(const std::string& m) : Error(Code::unsupported, m) {}
};
struct RuntimeMissing : Error {
  explicit RuntimeMissing(const std::string& m) : Error(Code::runtime_missing, m) {}
};
/// A call into librknnrt failed; `rknn_ret` is what it returned.
struct DeviceError : Error {
  int rknn_ret;
  DeviceError(int ret, const std::string& m) : Error(Code::device, m), rknn_ret(ret) {}
};
struct QueueFull : Error {
  explicit QueueFull(const std::string& m) : Error(Code::queue_full, m) {}
};
struct Timeout : Error {
  explicit Timeout(const std::string& m) : Error(Code::timeout, m) {}
};
struct Closed : Error {
  explicit Closed(const std::string& m) : Error(Code::closed, m) {}
};

}  // namespace ez_rknn
