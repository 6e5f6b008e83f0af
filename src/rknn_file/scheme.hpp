#pragma once
/// Which field number holds what, in the three schemes of tables a file can follow. -1: the scheme does not have it.
/// Facts and their provenance: docs/format.md.

namespace ez_rknn::file {

struct Scheme {
  struct {
    int npu, graphs, quantisation_text, compiler, target, framework, custom_string;
    int user_inputs, user_outputs, batch, shape_mode, memory, buffers;
  } model;
  struct {
    int tensors, nodes, inputs, outputs, normalisation, relocations;
  } graph;
  struct {
    int dtype, layout, kind, native_shape, shape, name, scale, zero_point, size, offset;
    int compressed, lane_bytes, lane_offset, lane_header, buffer;
  } tensor;
  struct {
    int type, name, target, inputs, outputs, old_tasks, union_tag, union_table, bson, tasks, lut_tasks;
  } node;
};

/// Format version 6, everything but RV1103/RV1106.
inline constexpr Scheme kVersion6{
    .model = {1, 2, 3, 7, 8, 9, 11, 12, 13, 14, 16, 19, 20},
    .graph = {0, 1, 2, 3, 4, 7},
    .tensor = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18},
    .node = {1, 2, 3, 4, 5, -1, 7, 8, 9, 10, 11},
};

/// Versions 1, 2, 4 (and 3, 5 where they look the same): buffers in another field, tasks inside the nodes.
inline constexpr Scheme kOldVersions{
    .model = {1, 2, 3, 7, 8, 9, 11, 12, 13, 14, 16, 19, 4},
    .graph = {0, 1, 2, 3, 4, -1},
    .tensor = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18},
    .node = {1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1},
};

/// RV1103/RV1106 and their B variants: constants, commands and tasks lie outside the FlatBuffer.
inline constexpr Scheme kMiniScheme{
    .model = {1, 2, 3, 5, 6, 7, 8, -1, -1, -1, -1, -1, -1},
    .graph = {0, 1, 2, 3, 4, -1},
    .tensor = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, -1, -1, -1},
    .node = {1, 2, 3, 4, 5, -1, 6, 7, -1, 9, -1},
};

}  // namespace ez_rknn::file
