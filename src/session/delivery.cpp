#include "session/delivery.hpp"

#include <pthread.h>

#include <utility>

#include "core/log.hpp"

namespace ez_rknn {
namespace {

void call(CallbackRequest& request) noexcept {
  // Moved out, so that what the callback captured is released here, inside the batch, even if it drops the session.
  Callback done = std::move(request.done);
  std::vector<Tensor> results;
  if (!request.error) results = std::move(request.own_results);
  try {
    done(std::move(results), std::move(request.error));
  } catch (const std::exception& e) {
    log::error(std::string("exception in a run_async callback: ") + e.what());
  } catch (...) { log::error("exception of unknown type in a run_async callback"); }
}

}  // namespace

void CallbackRequest::finished() noexcept {
  drop_inputs();
  delivery->executed(this);
}

Delivery::Delivery(bool in_order, Hooks hooks) : in_order_(in_order), hooks_(std::move(hooks)) {}

Delivery::~Delivery() { close(); }

void Delivery::start() {
  if (thread_id_.load() != std::thread::id{}) return;
  std::lock_guard lock(thread_mutex_);
  if (thread_.joinable()) return;
  thread_ = std::thread([this] { work(); });
  pthread_setname_np(thread_.native_handle(), "EzRknn_Callback");
  thread_id_.store(thread_.get_id());
}

void Delivery::expect(CallbackRequest* request) {
  std::lock_guard lock(mutex_);
  ++outstanding_;
  if (in_order_) in_flight_.push_back(request);
}

void Delivery::executed(CallbackRequest* request) {
  std::lock_guard lock(mutex_);
  ++undelivered_;
  request->executed = true;
  if (!in_order_) ready_.push_back(request);
  while (!in_flight_.empty() && in_flight_.front()->executed) {
    ready_.push_back(in_flight_.front());
    in_flight_.pop_front();
  }
  if (sleeping_ && !ready_.empty()) {
    sleeping_ = false;
    wake_.notify_one();
  }
}

CallbackRequest* Delivery::take() {
  CallbackRequest* request = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (ready_.empty()) return nullptr;
    request = ready_.front();
    ready_.pop_front();
    --outstanding_;
    --undelivered_;
  }
  hooks_.room();
  return request;
}

void Delivery::deliver_batch() {
  constexpr int kMost = 64;  // then others get a chance at what around_batch holds
  for (int i = 0; i < kMost; ++i) {
    CallbackRequest* request = take();
    if (!request) return;
    call(*request);
    ++delivered_;
    hooks_.recycle(request);
  }
}

void Delivery::work() {
  thread_id_.store(std::this_thread::get_id());
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      while (ready_.empty() && !(closing_ && outstanding_ == 0)) {
        sleeping_ = true;
        wake_.wait(lock);
      }
      sleeping_ = false;
      if (ready_.empty()) return;
    }
    if (hooks_.around_batch) hooks_.around_batch([this] { deliver_batch(); });
    else deliver_batch();
  }
}

void Delivery::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
    wake_.notify_one();
  }
  if (on_callback_thread()) return;
  std::lock_guard lock(thread_mutex_);
  if (!thread_.joinable()) return;
  thread_.join();
  thread_id_.store({});  // the number may be another thread's from now on
}

}  // namespace ez_rknn
