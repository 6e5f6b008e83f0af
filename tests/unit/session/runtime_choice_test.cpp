#include "session/runtime_choice.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "ez_rknn/error.hpp"
#include "fake.hpp"

using namespace fake;
namespace fs = std::filesystem;

namespace {

struct Environment {
  std::string name;
  Environment(const char* n, const std::string& value) : name(n) { setenv(n, value.c_str(), 1); }
  ~Environment() { unsetenv(name.c_str()); }
};

struct TemporaryFolder {
  fs::path path = fs::temp_directory_path() / ("ez_rknn_root_" + std::to_string(getpid()));
  TemporaryFolder() { fs::create_directories(path); }
  ~TemporaryFolder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("an NPU is present when a drm device is driven by rknpu, or /dev/rknpu is there") {
  for (const auto& [driver, present] :
       {std::pair{"RKNPU", true}, std::pair{"rknpu", true}, std::pair{"rockchip-drm", false}}) {
    TemporaryFolder root;
    Environment use("EZ_RKNN_DEVICE_ROOT", root.path.string());
    CHECK_FALSE(npu_present());
    fs::create_directories(root.path / "sys/class/drm/card1/device");
    fs::create_directories(root.path / "sys/class/drm/card0");
    fs::create_symlink(std::string("../../bus/platform/drivers/") + driver,
                       root.path / "sys/class/drm/card1/device/driver");
    CHECK(npu_present() == present);
  }
  TemporaryFolder root;
  Environment use("EZ_RKNN_DEVICE_ROOT", root.path.string());
  fs::create_directories(root.path / "dev");
  std::ofstream(root.path / "dev/rknpu") << "";
  CHECK(npu_present());
}

TEST_CASE("a runtime that is asked for and missing: the error lists what was tried and who asked") {
  const auto text_of = [](const std::string& request) -> std::string {
    try {
      choose_runtime(request);
    } catch (const RuntimeMissing& e) { return e.what(); }
    return "";
  };
  CHECK(text_of("/no/such/librknnrt.so").find("/no/such/librknnrt.so") != std::string::npos);
  CHECK(text_of("npu").find("librknnrt.so.2") != std::string::npos);
  Environment use("EZ_RKNN_RUNTIME", "/not/here.so");
  CHECK(text_of("").find("EZ_RKNN_RUNTIME=/not/here.so") != std::string::npos);
}

TEST_CASE("a library without the interface is refused by name") {
  try {
    choose_runtime("libm.so.6");
    FAIL_CHECK("accepted");
  } catch (const RuntimeMissing& e) {
    CHECK(std::string(e.what()).find("does not export rknn_init") != std::string::npos);
  }
}

TEST_CASE("the option wins over the environment, and EZ_RKNN_RUNTIME over the reference's variable") {
  Environment ours("EZ_RKNN_RUNTIME", places::fake_runtime), theirs("ZTU_RKNPU2_RUNTIME_LIBRARY", "/not/here.so");
  CHECK(choose_runtime("")->path().find("fake_rknnrt") != std::string::npos);
  CHECK_THROWS_AS(choose_runtime("/no/such.so"), RuntimeMissing);
  unsetenv("EZ_RKNN_RUNTIME");
  CHECK_THROWS_AS(choose_runtime(""), RuntimeMissing);
}
