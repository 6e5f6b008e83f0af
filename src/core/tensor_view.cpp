#include "core/tensor_view.hpp"

namespace ez_rknn {

std::string to_string(const Dims& d) {
  std::string s = "[";
  for (int i = 0; i < d.rank(); ++i) s += (i ? ", " : "") + std::to_string(d[i]);
  return s + "]";
}

}  // namespace ez_rknn
