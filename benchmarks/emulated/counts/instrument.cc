// How often each instruction of a user program was executed between two marks: 1 begins, 2 writes "counts.txt".
#include "bochs.h"
#include "cpu/cpu.h"

#include <cstdio>
#include <memory>
#include <unordered_map>

bool counting = false;

namespace {

struct Page {
  Bit64u count[4096] = {};
};
std::unordered_map<Bit64u, std::unique_ptr<Page>> pages;
Page* page = nullptr;
Bit64u last = ~Bit64u{0};

}  // namespace

void count_instruction(Bit64u address) {
  if (address >> 12 != last) {
    last = address >> 12;
    auto& found = pages[last];
    if (!found) found = std::make_unique<Page>();
    page = found.get();
  }
  ++page->count[address & 4095];
}

void count_mark(unsigned what) {
  counting = what == 1;
  if (counting) return;
  FILE* file = std::fopen("counts.txt", "w");
  for (const auto& [number, counts] : pages)
    for (unsigned i = 0; i < 4096; ++i)
      if (counts->count[i])
        std::fprintf(file, "%llx %llu\n", (unsigned long long)((number << 12) + i), (unsigned long long)counts->count[i]);
  std::fclose(file);
}
