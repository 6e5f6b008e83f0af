/* The name that programs for librknnrt include; the whole interface is declared in one file. */
#include <rknn.h>
