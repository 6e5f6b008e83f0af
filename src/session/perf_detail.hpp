#pragma once
/// The runtime's table of layers and times, of whatever run ended last. Workers write it, users read it.
#include <mutex>
#include <string>
#include <string_view>

#include "session/context.hpp"

namespace ez_rknn {

class PerfDetail {
 public:
  /// Asks a context that has just run; keeps what is known when it does not answer.
  void ask(const Context& context) {
    rknn_perf_detail detail{};
    if (!context.query(RKNN_QUERY_PERF_DETAIL, detail) || !detail.perf_data) return;
    // The length may count the terminating zero.
    const std::string_view text(detail.perf_data, detail.data_len);
    std::lock_guard lock(mutex_);
    text_ = text.substr(0, text.find('\0'));
  }
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace ez_rknn
