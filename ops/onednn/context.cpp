// The engine and the scratchpad.
#include "ops/onednn/context.h"

#include <array>

#include "tensor/instruction_set.h"

namespace osteon::onednn {

namespace {

// oneDNN chooses by itself what suits the processor, and reads DNNL_MAX_CPU_ISA; a set that was
// forced restricts it, too. It takes this before its first use only.
void restrict_instructions() {
  if (!instruction_set_is_forced()) return;
  using dnnl::cpu_isa;
  constexpr std::array kLimits = {cpu_isa::sse41, cpu_isa::avx2, cpu_isa::avx512_core,
                                  cpu_isa::avx512_core_bf16};
  const auto status = dnnl::set_max_cpu_isa(kLimits[static_cast<std::size_t>(instruction_set())]);
  OSTEON_CHECK(status == dnnl::status::success,
               "oneDNN was in use before OSTEON_CPU could restrict it");
}

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine cpu = [] {
    restrict_instructions();
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return cpu;
}

dnnl::memory::data_type data_type(DType dtype) {
  OSTEON_CHECK(dtype == DType::f32 || dtype == DType::bf16, "oneDNN: no use for ", dtype);
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
  thread_local Tensor room({0}, DType::u8);
  const auto bytes = static_cast<std::int64_t>(scratchpad.get_size());
  if (room.numel() < bytes) {
    room = Tensor({0}, DType::u8);  // the old one goes before the new one comes
    room = Tensor({bytes}, DType::u8);
  }
  arguments.emplace(DNNL_ARG_SCRATCHPAD, memory_of(scratchpad, room));
  dnnl::stream stream(engine());
  primitive.execute(stream, arguments);
  stream.wait();
}

}  // namespace osteon::onednn
