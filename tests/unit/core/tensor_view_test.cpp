#include "core/tensor_view.hpp"

#include <doctest/doctest.h>

using namespace ez_rknn;

TEST_CASE("dims print, compare and count") {
  const Dims d{1, 3, 640, 640};
  CHECK_EQ(to_string(d), "[1, 3, 640, 640]");
  CHECK_EQ(d.elements(), 1228800);
  CHECK_EQ(dense_strides(d), Dims{1228800, 409600, 640, 1});
  CHECK_EQ(to_string(Dims{}), "[]");
  CHECK_EQ(Dims{}.elements(), 1);
  CHECK(Dims{1, 2} != Dims{1, 2, 1});
}

TEST_CASE("a seventeenth dimension is dropped, never written") {
  Dims d;
  for (int i = 0; i < 20; ++i) d.push_back(i + 1);
  CHECK_EQ(d.rank(), 16);
  CHECK_EQ(d.back(), 16);
}
