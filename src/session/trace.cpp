#include "session/trace.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>
#include <set>
#include <string_view>
#include <utility>

#include "ez_rknn/error.hpp"

namespace ez_rknn {
namespace {

/// Tracks of the trace: the queue, then the workers, then the threads that call back.
constexpr int kQueue = 1, kFirstWorker = 10;
int track_of_worker(std::size_t worker) { return kFirstWorker + static_cast<int>(worker); }

std::string file_name(const std::string& prefix, int attempt) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[40];
  std::strftime(text, sizeof text, "_%Y-%m-%d_%H-%M-%S", &parts);
  return prefix + text + (attempt ? "_" + std::to_string(attempt) : "") + ".json";
}

/// The trace's events, one a line. Every value written is a number or one of our own words: nothing needs escaping.
class Events {
 public:
  Events(std::FILE* file, Trace::Time start) : file_(file), start_(start) {}

  void name(const char* what, int track, const std::string& text) {
    begin(track);
    std::fprintf(file_, R"("ph":"M","name":"%s","args":{"name":"%s"}})", what, text.c_str());
  }
  void slice(const char* text, int track, Trace::Time from, Trace::Time to, std::uint64_t ticket, bool failed = false) {
    begin(track);
    std::fprintf(file_, R"("ph":"X","cat":"task","name":"%s","ts":%.3f,"dur":%.3f,"args":{"ticket":%llu%s}})", text,
                 at(from), us(to - from), number(ticket), failed ? R"(,"failed":true)" : "");
  }
  /// An interval that may overlap others of its kind.
  void interval(const char* text, Trace::Time from, Trace::Time to, std::uint64_t ticket) {
    for (const auto& [phase, time] : {std::pair{'b', from}, std::pair{'e', to}}) {
      begin(kQueue);
      std::fprintf(file_, R"("ph":"%c","cat":"queue","name":"%s","id":%llu,"ts":%.3f,"args":{"ticket":%llu}})", phase,
                   text, number(ticket), at(time), number(ticket));
    }
  }
  /// A point of the arrow that follows a task: 's' where it starts, 't' on its way, 'f' where it ends.
  void flow(char phase, int track, Trace::Time time, std::uint64_t ticket) {
    begin(track);
    std::fprintf(file_, R"("ph":"%c","cat":"task","name":"task","id":%llu,"ts":%.3f,"bp":"e"})", phase, number(ticket),
                 at(time));
  }

 private:
  static unsigned long long number(std::uint64_t n) { return n; }
  static double us(Phases::Time::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }
  double at(Trace::Time time) const { return std::max(0.0, us(time - start_)); }
  void begin(int track) {
    std::fprintf(file_, "%s\n{\"pid\":1,\"tid\":%d,", first_ ? "" : ",", track);
    first_ = false;
  }
  std::FILE* file_;
  Trace::Time start_;
  bool first_ = true;
};

}  // namespace

void Trace::start(const std::string& prefix, std::vector<int> cores) {
  std::lock_guard lock(mutex_);
  if (file_) throw InvalidArgument("profiling is under way, into " + path_ + "; end_profiling() first");
  int fd = -1;
  for (int attempt = 0; fd < 0; ++attempt) {
    path_ = file_name(prefix, attempt);
    fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST) {
      const std::string failed = std::exchange(path_, "");
      throw NoSuchFile("profiling: " + failed + " cannot be created: " + std::strerror(errno));
    }
  }
  file_.reset(fdopen(fd, "w"));
  if (!file_) throw std::bad_alloc();
  cores_ = std::move(cores);
  tasks_.clear();
  calls_.clear();
  dropped_ = 0;
  start_ = std::chrono::steady_clock::now();
  on_ = true;
}

void Trace::finish() {
  std::lock_guard lock(mutex_);
  finish_locked();
}

std::string Trace::stop() {
  std::lock_guard lock(mutex_);
  finish_locked();
  return std::exchange(path_, "");
}

void Trace::finish_locked() {
  on_ = false;
  if (!file_) return;
  write(file_.get());
  const bool written = std::fflush(file_.get()) == 0 && !std::ferror(file_.get());
  file_.reset();
  tasks_ = {};
  calls_ = {};
  if (!written) throw Error(Code::fail, "profiling: " + path_ + " cannot be written");
}

std::int64_t Trace::start_ns() const {
  std::lock_guard lock(mutex_);
  return std::chrono::duration_cast<std::chrono::nanoseconds>(start_.time_since_epoch()).count();
}

void Trace::executed(std::uint64_t ticket, std::size_t worker, Time accepted, const Phases& phases, bool failed) {
  std::lock_guard lock(mutex_);
  if (!file_) return;
  if (tasks_.size() < kMost) tasks_.push_back({ticket, worker, accepted, phases, failed});
  else ++dropped_;
}

void Trace::called(std::uint64_t ticket, const char* thread, Time begin, Time end) {
  std::lock_guard lock(mutex_);
  if (!file_) return;
  if (calls_.size() < kMost) calls_.push_back({ticket, thread, begin, end});
  else ++dropped_;
}

void Trace::write(std::FILE* f) const {
  std::vector<std::string_view> callers;  // the threads that called back
  const auto track_of = [&](const char* thread) {
    auto found = std::find(callers.begin(), callers.end(), thread);
    if (found == callers.end()) found = callers.insert(found, thread);
    return track_of_worker(cores_.size()) + static_cast<int>(found - callers.begin());
  };
  std::set<std::uint64_t> called;
  for (const Call& c : calls_) called.insert(c.ticket);

  std::fprintf(f, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"start_ns\":%lld,\"dropped\":%llu},\"traceEvents\":[",
               static_cast<long long>(start_.time_since_epoch().count()), static_cast<unsigned long long>(dropped_));
  Events events(f, start_);
  events.name("process_name", kQueue, "ez_rknn session");
  events.name("thread_name", kQueue, "queue");
  for (std::size_t i = 0; i < cores_.size(); ++i)
    events.name("thread_name", track_of_worker(i),
                "core " + std::to_string(cores_[i]) + ", worker " + std::to_string(i));
  for (const Task& t : tasks_) {
    const int track = track_of_worker(t.worker);
    const Phases& p = t.phases;
    events.slice("accepted", kQueue, t.accepted, t.accepted, t.ticket);
    events.interval("wait", t.accepted, p.start, t.ticket);
    events.flow('s', kQueue, t.accepted, t.ticket);
    events.slice("task", track, p.start, p.done, t.ticket, t.failed);
    events.flow(called.count(t.ticket) ? 't' : 'f', track, p.start, t.ticket);
    events.slice("set inputs", track, p.start, p.set, t.ticket);
    events.slice("run", track, p.set, p.ran, t.ticket);
    events.slice("get outputs", track, p.ran, p.done, t.ticket);
  }
  for (const Call& c : calls_) {
    const int track = track_of(c.thread);
    events.slice("callback", track, c.begin, c.end, c.ticket);
    events.flow('f', track, c.begin, c.ticket);
  }
  for (std::size_t i = 0; i < callers.size(); ++i)
    events.name("thread_name", track_of_worker(cores_.size() + i), std::string(callers[i]));
  std::fputs("\n]}\n", f);
}

}  // namespace ez_rknn
