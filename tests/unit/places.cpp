#include "places.hpp"

namespace places {

const char* const models = EZ_RKNN_MODELS_DIR;
const char* const fake_runtime = EZ_RKNN_FAKE_RUNTIME;

}  // namespace places
