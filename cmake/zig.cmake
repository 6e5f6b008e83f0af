# Wheels that load on old boards: zig's clang with its own C++ library linked in, against glibc 2.17 (manylinux2014) and libgcc_s, the unwinder that
# glibc itself uses. tools/wheels.py sets EZ_RKNN_ZIG_BIN, a folder with the wrappers and the libgcc_s it made, and EZ_RKNN_ZIG_PROCESSOR.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES EZ_RKNN_ZIG_BIN EZ_RKNN_ZIG_PROCESSOR)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${EZ_RKNN_ZIG_PROCESSOR})
set(CMAKE_CXX_COMPILER ${EZ_RKNN_ZIG_BIN}/c++)
set(CMAKE_C_COMPILER ${EZ_RKNN_ZIG_BIN}/cc)
set(CMAKE_AR ${EZ_RKNN_ZIG_BIN}/ar)
set(CMAKE_RANLIB ${EZ_RKNN_ZIG_BIN}/ranlib)
set(CMAKE_CXX_COMPILER_AR ${CMAKE_AR})
set(CMAKE_CXX_COMPILER_RANLIB ${CMAKE_RANLIB})
# The machine's strip knows no other architecture: the wrapper's linker leaves the symbols out.
set(CMAKE_STRIP /bin/true)
set(CMAKE_CXX_STANDARD_LIBRARIES_INIT ${EZ_RKNN_ZIG_BIN}/libgcc_s.so)
