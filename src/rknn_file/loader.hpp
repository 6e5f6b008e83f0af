#pragma once
/// The state of one reading: what the parts of the reader share.
#include "rknn_file/container.hpp"
#include "rknn_file/flat_table.hpp"
#include "rknn_file/model.hpp"
#include "rknn_file/scheme.hpp"
#include "rknn_file/shown.hpp"
#include "rknn_file/storage.hpp"

namespace ez_rknn::file {

struct Loader {
  Loader(const Container& c, std::uint64_t file_bytes, Storage& s) : container(c), budget(file_bytes), storage(s) {}

  const Container& container;
  Scheme scheme = kVersion6;
  Budget budget;
  Storage& storage;
  std::vector<FlatVector<std::byte>> buffers;  ///< not in mini files

  std::string text(const FlatTable& t, int field, const char* what) {
    const auto s = t.text(field, what);
    budget.charge(s.size(), what, t.file_offset(field));
    return std::string(s);
  }
};

/// A graph being read: the tables it came from, next to what was made of them.
struct GraphTables {
  FlatTable graph;
  std::vector<FlatTable> tensors, nodes;
  std::vector<FlatVector<std::byte>> data;  ///< per tensor: its bytes in the file, still compressed
};

// tensors.cpp
void read_tensors(Loader&, GraphTables&, Graph&);
/// Tensor::data of every constant, decompressed and aligned. Needs the nodes (they tell what a compressed tensor is).
/// `first`: graph 0 of a file with several, whose weights the others share by name; null for graph 0 itself.
void attach_constants(Loader&, const GraphTables&, const Graph* first, Graph&);

// nodes.cpp
void read_nodes(Loader&, GraphTables&, Graph&);

// tasks.cpp: the task table and relocations of version 6
void read_tasks(Loader&, const GraphTables&, Graph&);
/// The 40-byte records of a task table, unchecked: the table may end in left-over memory. Their first_word is in bytes.
std::vector<Task> task_records(Loader&, const ByteReader& table);
/// Spreads `tasks` over the nodes: the first sum(counts) records belong to the nodes in order. True when every record
/// names the node it falls to and the next one starts another variant.
bool assign_tasks(std::span<const Task> tasks, std::span<const std::uint32_t> counts, std::vector<Node>& nodes);
/// Drops what no node owns and checks the rest. @throws ModelError a task that leaves the commands
void keep_first_variant(const ByteReader& table, Graph&);

// old_tasks.cpp: tasks inside the nodes (versions 1, 2, 4) brought into version 6's form
void read_old_tasks(Loader&, const GraphTables&, Graph&);

// mini_tasks.cpp: RV1103/RV1106, where addresses become relocations
void read_mini_tasks(Loader&, const GraphTables&, std::string_view target, Graph&);

}  // namespace ez_rknn::file
