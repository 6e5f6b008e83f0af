#pragma once
/// Reader of cases.bin, which make_cases.py writes.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "places.hpp"
#include "rknn_file/model.hpp"

namespace ops_test {

enum class Kind : std::uint8_t { f32, real, integer, boolean, absent };

/// Numbers as double, whatever they will be fed as. A `real` is q * scale with 8-bit q.
struct Numbers {
  Kind kind = Kind::absent;
  bool constant = false;
  float scale = 1;
  ez_rknn::Dims shape;
  std::vector<double> values;
};

struct Case {
  std::string type, name;
  float tolerance = 0;
  ez_rknn::file::Attributes attributes;
  std::vector<Numbers> inputs, outputs;
};

class CaseReader {
 public:
  explicit CaseReader(std::vector<char> bytes) : bytes_(std::move(bytes)) {}

  std::vector<Case> all() {
    std::vector<Case> cases(take<std::uint32_t>());
    for (Case& c : cases) {
      c.type = text(), c.name = text(), c.tolerance = take<float>();
      for (int n = take<std::uint8_t>(); n > 0; --n) {
        const std::string key = text();
        c.attributes.values[key] = attribute();
      }
      c.inputs.resize(take<std::uint8_t>());
      for (Numbers& t : c.inputs) t = tensor();
      c.outputs.resize(take<std::uint8_t>());
      for (Numbers& t : c.outputs) t = tensor();
    }
    if (at_ != bytes_.size()) throw std::runtime_error("cases.bin has bytes left over");
    return cases;
  }

 private:
  template <class T>
  T take() {
    if (bytes_.size() - at_ < sizeof(T)) throw std::runtime_error("cases.bin ends early");
    T v;
    std::memcpy(&v, bytes_.data() + at_, sizeof v);
    at_ += sizeof v;
    return v;
  }
  std::string text() {
    std::string s(take<std::uint8_t>(), ' ');
    for (char& c : s) c = take<char>();
    return s;
  }
  ez_rknn::file::Attribute attribute() {
    switch (take<char>()) {
      case 's': return text();
      case 'f': return take<double>();
      case 'i': return take<std::int64_t>();
      default: break;
    }
    std::vector<std::int64_t> list(take<std::uint8_t>());
    for (auto& v : list) v = take<std::int64_t>();
    return list;
  }
  Numbers tensor() {
    Numbers t;
    t.kind = take<Kind>();
    if (t.kind == Kind::absent) return t;
    t.constant = take<std::uint8_t>() != 0;
    t.scale = take<float>();
    for (int n = take<std::uint8_t>(); n > 0; --n) t.shape.push_back(take<std::int32_t>());
    t.values.resize(static_cast<std::size_t>(t.shape.elements()));
    for (double& v : t.values) switch (t.kind) {
        case Kind::f32: v = take<float>(); break;
        case Kind::real: v = static_cast<double>(take<std::int8_t>()) * static_cast<double>(t.scale); break;
        case Kind::integer: v = static_cast<double>(take<std::int64_t>()); break;
        default: v = take<std::uint8_t>();
      }
    return t;
  }

  std::vector<char> bytes_;
  std::size_t at_ = 0;
};

inline std::vector<Case> read_cases() {
  std::ifstream file(std::filesystem::path(places::models).parent_path() / "tests/unit/npu_ops/cases.bin",
                     std::ios::binary);
  return CaseReader({std::istreambuf_iterator<char>(file), {}}).all();
}

}  // namespace ops_test
