/// A node's attributes, from the file's bytes to what a plug-in's callback reads of them: every name is found with all
/// its bytes, text ends with a zero, and a name that is not there gives zeros.
#include <cstdio>
#include <cstdlib>

#include "ez_rknn/error.hpp"
#include "npurt/custom_node.hpp"
#include "rknn_file/bson.hpp"

namespace {

using namespace ez_rknn;

std::size_t bytes_of(const rknn_custom_op_attr& a) {
  switch (a.dtype) {
    case RKNN_TENSOR_INT64: return 8u * a.n_elems;
    case RKNN_TENSOR_FLOAT32: return 4u * a.n_elems;
    case RKNN_TENSOR_UINT8: return a.n_elems + 1u;
    default: std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteReader reader(std::as_bytes(std::span(data, size)));
  file::Node node;
  node.name = "node";
  try {
    if (!file::is_bson(reader)) return 0;
    file::Budget budget(size);
    file::read_bson_attributes(reader, budget, node.attributes);
  } catch (const ModelError&) {  // what was read before is still there
  }
  const npurt::CustomAttributes attributes(node);
  static volatile unsigned touched;
  for (const auto& [name, value] : node.attributes.values) {
    const rknn_custom_op_attr found = attributes.find(name.c_str());
    if (name.find('\0') != name.npos) continue;  // no name a callback could ask for
    if (!found.data) std::abort();
    for (std::size_t k = 0; k < bytes_of(found); ++k)
      touched = touched + static_cast<const std::uint8_t*>(found.data)[k];
    if (found.dtype == RKNN_TENSOR_UINT8 && static_cast<const char*>(found.data)[found.n_elems]) std::abort();
  }
  if (!node.attributes.has("no such") && attributes.find("no such").data) std::abort();
  return 0;
}
