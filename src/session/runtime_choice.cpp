#include "session/runtime_choice.hpp"

#include <dlfcn.h>
#include <strings.h>

#include <filesystem>
#include <vector>

#include "core/environment.hpp"
#include "core/log.hpp"
#include "ez_rknn/error.hpp"

namespace ez_rknn {
namespace {

namespace fs = std::filesystem;
constexpr const char* kSoftwareName = "librknnrt_ez.so";
constexpr const char* kVendorNames[] = {"librknnrt.so", "librknnrt.so.2"};

std::string environment(const char* name) {
  const char* value = trusted_environment(name);
  return value ? value : "";
}

/// Tries paths in turn and remembers what became of each.
class Search {
 public:
  std::shared_ptr<const RuntimeLibrary> attempt(const std::string& path) {
    std::string why_not;
    auto library = RuntimeLibrary::open(path, why_not);
    attempts.push_back({path, library ? "" : why_not});
    return library;
  }
  std::shared_ptr<const RuntimeLibrary> vendor() {
    for (const char* name : kVendorNames)
      if (auto library = attempt(name)) return library;
    return nullptr;
  }
  std::shared_ptr<const RuntimeLibrary> software();

  std::vector<RuntimeAttempt> attempts;
};

fs::path folder_of_this_code() {
  Dl_info here{};
  if (!dladdr(reinterpret_cast<const void*>(&npu_present), &here) || !here.dli_fname) return {};
  std::error_code ignored;
  return fs::absolute(here.dli_fname, ignored).parent_path();
}

std::vector<std::string> software_candidates() {
  std::vector<std::string> paths;
  std::error_code ignored;
  const fs::path here = folder_of_this_code(), program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const fs::path& folder : {here, here / ".." / "lib", program, program / ".." / "lib"})
    if (fs::exists(folder / kSoftwareName, ignored))
      paths.push_back(fs::weakly_canonical(folder / kSoftwareName, ignored).string());
  return paths;
}

std::shared_ptr<const RuntimeLibrary> Search::software() {
  for (const std::string& path : software_candidates())
    if (auto library = attempt(path)) return library;
  const fs::path here = folder_of_this_code();
  if (software_candidates().empty()) attempts.push_back({(here / kSoftwareName).string(), "no such file"});
  return attempt(kSoftwareName);
}

struct Request {
  std::string value, asked_by;
};
Request requested(const std::string& option) {
  if (!option.empty()) return {option, "runtime=\"" + option + "\""};
  for (const char* name : {"EZ_RKNN_RUNTIME", "ZTU_RKNPU2_RUNTIME_LIBRARY"})
    if (const std::string value = environment(name); !value.empty()) return {value, std::string(name) + "=" + value};
  return {};
}

bool driven_by_rknpu(const fs::path& device) {
  std::error_code error;
  const fs::path driver = fs::read_symlink(device / "driver", error);
  return !error && strcasecmp(driver.filename().c_str(), "rknpu") == 0;
}

}  // namespace

std::filesystem::path device_root() {
  const std::string given = environment("EZ_RKNN_DEVICE_ROOT");
  return given.empty() ? "/" : given;
}

bool npu_present() {
  const fs::path root = device_root();
  std::error_code error;
  if (fs::exists(root / "dev/rknpu", error)) return true;
  for (fs::directory_iterator it(root / "sys/class/drm", error), end; !error && it != end; it.increment(error))
    if (driven_by_rknpu(it->path() / "device")) return true;
  return false;
}

std::string software_runtime_path() {
  Search search;
  auto library = search.software();
  return library ? library->path() : "";
}

RuntimeChoice examine_runtimes(const std::string& option) {
  const auto [value, asked_by] = requested(option);
  const auto is = [&](const char* word) { return strcasecmp(value.c_str(), word) == 0; };
  RuntimeChoice choice{.asked_by = asked_by, .npu_present = npu_present(), .attempts = {}, .library = nullptr};
  Search search;
  if (value.empty()) {
    if (choice.npu_present) choice.library = search.vendor();
    if (!choice.library) choice.library = search.software();
  } else {
    choice.library = is("npu") ? search.vendor() : is("software") ? search.software() : search.attempt(value);
  }
  choice.attempts = std::move(search.attempts);
  return choice;
}

std::shared_ptr<const RuntimeLibrary> choose_runtime(const std::string& option) {
  const RuntimeChoice choice = examine_runtimes(option);
  if (choice.library) {
    if (choice.asked_by.empty() && choice.npu_present && choice.library->is_software())
      log::warning("an NPU is present, but librknnrt.so cannot be loaded: using the software NPU");
    return choice.library;
  }
  std::string text = !choice.asked_by.empty() ? "cannot load the runtime library that " + choice.asked_by + " asks for"
                     : choice.npu_present     ? "no librknnrt can be loaded"
                                              : "no NPU is present and the software NPU cannot be loaded";
  text += "; tried:";
  for (const auto& [path, why_not] : choice.attempts) text += "\n  " + path + ": " + why_not;
  throw RuntimeMissing(text);
}

}  // namespace ez_rknn
