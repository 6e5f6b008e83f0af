/// A program that runs with more rights than who started it must not load what that one's environment names.
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "core/environment.hpp"
#include "ez_rknn/error.hpp"
#include "fake.hpp"
#include "session/runtime_choice.hpp"

using namespace fake;
namespace fs = std::filesystem;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kRuns = false;  // the search for leaks at its end is not allowed to look into such a program
#elif defined(EZ_RKNN_EMULATED)
constexpr bool kRuns = false;  // the rights would be the emulator's own
#else
constexpr bool kRuns = true;
#endif

constexpr const char* kVariables[] = {"EZ_RKNN_RUNTIME", "ZTU_RKNPU2_RUNTIME_LIBRARY", "EZ_RKNN_DEVICE_ROOT",
                                      "EZ_RKNN_DUMP"};

}  // namespace

// The second half of the next one, in a program of another user's.
TEST_CASE("set-user-ID: what the environment names is not there" * doctest::skip()) {
  REQUIRE(geteuid() != getuid());
  for (const char* name : kVariables) {
    CHECK(std::getenv(name) != nullptr);
    CHECK(ez_rknn::trusted_environment(name) == nullptr);
  }
  for (const auto& attempt : examine_runtimes("").attempts) CHECK(attempt.path != "/not/here.so");
  CHECK(examine_runtimes("").asked_by.find("EZ_RKNN") == std::string::npos);
}

TEST_CASE("a set-user-ID program ignores variables that name code to load or files to write") {
  struct statvfs place{};
  const fs::path copy = fs::temp_directory_path() / ("ez_rknn_suid_" + std::to_string(getpid()));
  const bool may_run = kRuns && geteuid() == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 &&
                       statvfs(copy.parent_path().c_str(), &place) == 0 && !(place.f_flag & ST_NOSUID);
  if (may_run) fs::copy_file("/proc/self/exe", copy);
  if (!may_run || chown(copy.c_str(), 65534, 65534) != 0) {  // a container may know no such user
    fs::remove(copy);
    MESSAGE(
        "not checked: it takes root, a folder where such programs may run, and neither AddressSanitizer nor an "
        "emulator");
    return;
  }
  REQUIRE(chmod(copy.c_str(), 04755) == 0);
  const pid_t child = fork();
  if (child == 0) {
    for (const char* name : kVariables) setenv(name, "/not/here.so", 1);
    execl(copy.c_str(), copy.c_str(), "--no-skip", "--test-case=set-user-ID:*", static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  fs::remove(copy);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
