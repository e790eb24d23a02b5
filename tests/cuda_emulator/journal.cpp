// The journal: one line per call.
#include "tests/cuda_emulator/journal.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "tests/cuda_emulator/memory.h"

namespace cuda_emulator {
namespace {

Journal* open_journal = nullptr;

}  // namespace

Journal::Journal() { open_journal = this; }
Journal::~Journal() { open_journal = nullptr; }

bool journal_is_open() { return open_journal != nullptr; }
void write_down(const std::string& call) {
  if (open_journal != nullptr) open_journal->calls_.push_back(call);
}

std::string describe_launch(const void* kernel, dim3 grid, dim3 block,
                            std::initializer_list<std::span<const std::byte>> arguments) {
  std::ostringstream line;
  line << "launch " << kernel << " grid " << grid.x << 'x' << grid.y << 'x' << grid.z << " block "
       << block.x << 'x' << block.y << 'x' << block.z << " arguments";
  for (const auto argument : arguments) {
    line << (argument.size() > sizeof(void*) ? " {" : " ");
    for (std::size_t at = 0; at < argument.size(); at += sizeof(void*)) {
      std::uintptr_t word = 0;
      std::memcpy(&word, argument.data() + at, std::min(sizeof word, argument.size() - at));
      const bool is_address = where_is(reinterpret_cast<const void*>(word), 1) == Where::device;
      if (argument.size() <= sizeof word || is_address) line << std::hex << word << std::dec << ' ';
    }
    if (argument.size() > sizeof(void*)) line << '}';
  }
  return line.str();
}

}  // namespace cuda_emulator
