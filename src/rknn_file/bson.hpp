#pragma once
/// Attributes of a node as the BSON document {name: {dtype, value}} of newer files.
#include "core/byte_reader.hpp"
#include "rknn_file/budget.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::file {

/// True when the first word is the document's own length: other bytes in this field are not attributes.
bool is_bson(const ByteReader& bytes);

/// Adds the document's attributes to `out`. @throws ModelError where the document is broken
void read_bson_attributes(const ByteReader& bytes, Budget& budget, Attributes& out);

}  // namespace ez_rknn::file
