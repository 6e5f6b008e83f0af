/// Three NPU cores at once; results arrive in the order of the pictures.
///
///   callbacks MODEL.rknn PICTURE.pgm...
#include <cstdio>
#include <exception>

#include <ez_rknn/session.hpp>

#include "digits.hpp"

int main(int count, char** arguments) try {
  if (count < 3) return std::fprintf(stderr, "usage: callbacks MODEL.rknn PICTURE.pgm...\n"), 2;
  ez_rknn::SessionOptions options;
  options.schedule = {0, 1, 2};  // picture k on core k % 3
  ez_rknn::Session session(arguments[1], options);

  int delivered = 0, failed = 0;  // the callback thread's alone until close() has returned
  for (int k = 2; k < count; ++k) {
    const Picture picture = read_picture(arguments[k]);
    const ez_rknn::InputView input = picture.view();
    // The pixels are copied before this returns. It waits while the queue is full: a camera that is faster than the NPU
    // is slowed down here, and memory does not grow.
    session.run_async({&input, 1}, [&, k](std::vector<ez_rknn::Tensor> outputs, std::exception_ptr error) {
      ++delivered;
      if (error) ++failed;
      else std::printf("%s: %d\n", arguments[k], digit_of(outputs[0].as<float>()));
    });
  }
  session.close();  // everything accepted has been run and delivered now
  std::printf("%d delivered, %d failed\n", delivered, failed);
  return failed ? 1 : 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "callbacks: %s\n", e.what());
  return 1;
}
