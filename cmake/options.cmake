if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "GCC ${CMAKE_CXX_COMPILER_VERSION} lacks __builtin_shufflevector: GCC 12 or newer is needed, or clang")
endif()

# Compile options of every target of ours, and one helper that makes a layer: a static library named ez_rknn_<layer>.
add_library(ez_rknn_options INTERFACE)
target_compile_options(ez_rknn_options INTERFACE -Wall -Wextra -Wshadow -Wno-missing-field-initializers -fno-math-errno
                                                 -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms of gcc 12 inside its own std::string and std::map.
  target_compile_options(ez_rknn_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>
                                                   $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
endif()
target_compile_definitions(ez_rknn_options INTERFACE EZ_RKNN_VERSION="${PROJECT_VERSION}"
                           $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_compile_options(ez_rknn_options INTERFACE -fstack-protector-strong)
target_link_options(ez_rknn_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
target_include_directories(ez_rknn_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
if(EZ_RKNN_SANITIZE)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
  # Instrumented code takes the optimiser long: at -O1, with line numbers only, the same checks compile in half the time.
  set(CMAKE_CXX_FLAGS_${build_type} "-O1 -g1")
  set(CMAKE_C_FLAGS_${build_type} "-O1 -g1")
  target_compile_options(ez_rknn_options INTERFACE -fsanitize=${EZ_RKNN_SANITIZE} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all -U_FORTIFY_SOURCE)
  target_link_options(ez_rknn_options INTERFACE -fsanitize=${EZ_RKNN_SANITIZE})
endif()
if(EZ_RKNN_BUILD_FUZZERS AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(ez_rknn_options INTERFACE -fsanitize=fuzzer-no-link)  # the fuzzer sees what its input reached
endif()

# ez_rknn_layer(NAME dep...): a static library of every .cpp below the calling folder, linked to the layers left of it.
function(ez_rknn_layer name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(NOT sources)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp "")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
  endif()
  add_library(ez_rknn_${name} STATIC ${sources})
  target_link_libraries(ez_rknn_${name} PUBLIC ez_rknn_options Threads::Threads)
  foreach(dep ${ARGN})
    target_link_libraries(ez_rknn_${name} PUBLIC ez_rknn_${dep})
  endforeach()
  set(${name}_sources ${sources} PARENT_SCOPE)
endfunction()
