#pragma once
/// Attributes of a node as the union (tag, table) that every format version has. Slots of a table have no names or
/// types of their own: both come from what was seen in files that also hold the BSON document.
#include "rknn_file/flat_table.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::file {

constexpr int kGru = 71;
/// GRU in RV1103/RV1106's files, whose table is another one. A number of ours.
constexpr int kMiniGru = 1000 + kGru;

/// Adds the attributes that `out` does not have yet. Unknown tags add nothing.
void read_union_attributes(int tag, const FlatTable& table, Budget& budget, Attributes& out);

}  // namespace ez_rknn::file
