// The engine, the scratchpad, and queries about oneDNN.
#include "ops/onednn/context.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>

#include "base/instruction_set.h"
#include "ops/onednn/onednn.h"
#include "ops/onednn/sweep.h"

namespace osteon::onednn {
namespace {

// Guard bytes behind a watched scratchpad, filled like the scratchpad: a NaN in f32 and in bf16.
constexpr std::int64_t kGuardBytes = 64 * 1024;
constexpr std::byte kNanByte{0xFF};
std::atomic<bool> watched{false};

// oneDNN itself chooses the best instruction set of the processor. A forced set also restricts
// oneDNN, unless oneDNN's own variable is set. oneDNN reads the setting only before its first use.
void restrict_instructions() {
  if (!instruction_set_is_forced() || std::getenv("DNNL_MAX_CPU_ISA") != nullptr) return;
  using dnnl::cpu_isa;
  constexpr std::array kLimits = {cpu_isa::sse41, cpu_isa::avx2, cpu_isa::avx512_core,
                                  cpu_isa::avx512_core_bf16};
  const auto status =
      dnnl::set_max_cpu_isa(kLimits[static_cast<std::size_t>(osteon::instruction_set())]);
  OSTEON_CHECK(status == dnnl::status::success,
               "oneDNN was in use before OSTEON_CPU could restrict it");
}

}  // namespace

void watch_scratchpad(bool watch) { watched = watch; }

int major_version() { return dnnl_version()->major; }

std::string version() {
  const dnnl_version_t& v = *dnnl_version();
  return format(v.major, ".", v.minor, ".", v.patch);
}

std::string instruction_set() {
  engine();  // applies the restriction
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "SSE41";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx512_core:
      return "AVX512_CORE";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "AVX512_CORE_BF16";
    default:
      return "other";
  }
}

// An instruction set's number is the bitwise or of all sets that it includes.
bool multiplies_bf16() {
  engine();
  const auto here = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (here & wanted) == wanted;
}

const dnnl::engine& engine() {
  static const dnnl::engine cpu = [] {
    restrict_instructions();
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return cpu;
}

dnnl::memory::data_type data_type(DType dtype) {
  OSTEON_CHECK(dtype == DType::f32 || dtype == DType::bf16, "oneDNN: unsupported dtype ", dtype);
  return dtype == DType::f32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

dnnl::memory memory_of(const dnnl::memory::desc& desc, const Tensor& tensor) {
  return {desc, engine(), tensor.raw()};
}

dnnl::primitive_attr with_user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

void run(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
         Arguments arguments) {
  thread_local Tensor buffer({0}, DType::u8);
  const auto bytes = static_cast<std::int64_t>(scratchpad.get_size());
  const std::int64_t guarded = watched ? bytes + kGuardBytes : bytes;
  if (buffer.numel() < guarded) {
    buffer = Tensor({0}, DType::u8);  // frees the old buffer before the new one is allocated
    buffer = Tensor({guarded}, DType::u8);
  }
  if (watched) std::fill_n(buffer.raw(), guarded, kNanByte);
  arguments.emplace(DNNL_ARG_SCRATCHPAD, memory_of(scratchpad, buffer));
  dnnl::stream stream(engine());
  primitive.execute(stream, arguments);
  stream.wait();
  if (watched)
    OSTEON_CHECK(std::all_of(buffer.raw() + bytes, buffer.raw() + guarded,
                             [](std::byte each) { return each == kNanByte; }),
                 "oneDNN wrote past the end of its scratchpad of ", bytes, " bytes");
}

}  // namespace osteon::onednn
