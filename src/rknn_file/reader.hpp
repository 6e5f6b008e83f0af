#pragma once
/// Bytes -> Model. Total on hostile input: any bytes give a Model or a ModelError/Unsupported that names what is wrong
/// and where.
#include <filesystem>

#include "rknn_file/model.hpp"

namespace ez_rknn::file {

/// Where file bytes live. Mapped files and copied buffers look alike.
struct Bytes {
  std::shared_ptr<const void> owner;  ///< keeps `data` valid; may be null when the caller guarantees it
  std::span<const std::byte> data;
  bool mapped = false;  ///< pages of a file that map_file mapped: see let_go
};

/// Map a file read-only. @throws NoSuchFile (missing, a directory, unreadable), with the path and the system's reason
Bytes map_file(const std::filesystem::path& path);
/// A private copy.
Bytes copy_bytes(std::span<const std::byte> data);

/// Read a model. The bytes are not modified and must stay valid as long as the Model (its storage holds `bytes.owner`).
/// @throws ModelError  damaged or hostile bytes, with the byte offset
/// @throws Unsupported RKNX (RKNPU3) files, unknown containers, compressed weights of other than int8 and fp16
Model read(Bytes bytes);

/// What the file says of itself as a whole: no graphs, and nothing that is found by reading them. @throws as read()
Model read_summary(Bytes bytes);

/// Fill empty weight buffers (a file exported with remove_weight) from another model: constants are matched by name and
/// must have the same size. @throws Unsupported naming the first weight the donor does not have
void take_weights(Model& model, const Model& donor);

}  // namespace ez_rknn::file
