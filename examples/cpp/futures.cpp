/// Queue several pictures, do something else, collect the results in any order.
///
///   futures MODEL.rknn PICTURE.pgm...
#include <cstdio>
#include <exception>

#include <ez_rknn/session.hpp>

#include "digits.hpp"

int main(int count, char** arguments) try {
  if (count < 3) return std::fprintf(stderr, "usage: futures MODEL.rknn PICTURE.pgm...\n"), 2;
  ez_rknn::SessionOptions options;
  options.balanced = true;  // the next picture goes to the first core that is idle
  ez_rknn::Session session(arguments[1], options);

  std::vector<ez_rknn::Future> futures;
  for (const Picture& picture : read_pictures(count - 2, arguments + 2)) {
    const ez_rknn::InputView input = picture.view();
    futures.push_back(session.submit({&input, 1}));  // copies the pixels
  }
  for (std::size_t k = futures.size(); k-- > 0;) {
    const std::vector<ez_rknn::Tensor> outputs = futures[k].get();  // waits; throws what the task threw
    std::printf("%s: %d\n", arguments[k + 2], digit_of(outputs[0].as<float>()));
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "futures: %s\n", e.what());
  return 1;
}
