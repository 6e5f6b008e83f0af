/// What goes wrong, and how a program sees it: every error is an ez_rknn::Error with a code, and a std::runtime_error.
///
///   errors MODEL.rknn PICTURE.pgm
#include <cstdio>
#include <functional>

#include <ez_rknn/session.hpp>

#include "digits.hpp"

namespace {

void attempt(const char* what, const std::function<void()>& action) {
  try {
    action();
    std::printf("%s: no error\n", what);
  } catch (const ez_rknn::NoSuchFile& e) {
    std::printf("%s: NoSuchFile: %s\n", what, e.what());
  } catch (const ez_rknn::ModelError& e) {  // e.offset: which byte, where that is known
    std::printf("%s: ModelError: %s\n", what, e.what());
  } catch (const ez_rknn::DeviceError& e) {  // the runtime's own code
    std::printf("%s: DeviceError %d: %s\n", what, e.rknn_ret, e.what());
  } catch (const ez_rknn::Error& e) {  // all the others; e.code tells them apart without a cascade
    std::printf("%s: code %d: %s\n", what, static_cast<int>(e.code), e.what());
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return std::fprintf(stderr, "usage: errors MODEL.rknn PICTURE.pgm\n"), 2;
  const std::string model = arguments[1];

  attempt("a missing file", [&] { ez_rknn::Session session(model + ".missing"); });
  attempt("a file of another kind", [&] { ez_rknn::Session session(arguments[2]); });
  attempt("an option out of range", [&] {
    ez_rknn::SessionOptions options;
    options.max_queue_size = 0;
    ez_rknn::Session session(model, options);
  });
  attempt("an unknown option by name", [&] { ez_rknn::parse_options({{"layuot", std::string("nhwc")}}); });
  attempt("a runtime that is not there", [&] {
    ez_rknn::SessionOptions options;
    options.runtime = "/nowhere/librknnrt.so";
    ez_rknn::Session session(model, options);
  });
  attempt("a wrong shape, then the right one", [&] {
    ez_rknn::Session session(model);
    const Picture picture = read_picture(arguments[2]);
    ez_rknn::InputView input = picture.view();
    input.shape = {1, 1, picture.height, picture.width / 2};
    try {
      session.run({&input, 1});
    } catch (const ez_rknn::InvalidArgument& e) { std::printf("refused: %s\n", e.what()); }
    input = picture.view();
    std::printf("digit %d\n", digit_of(session.run({&input, 1})[0].as<float>()));  // the session is none the worse
  });
  attempt("a closed session", [&] {
    ez_rknn::Session session(model);
    session.close();
    const Picture picture = read_picture(arguments[2]);
    const ez_rknn::InputView input = picture.view();
    session.run({&input, 1});
  });
}
