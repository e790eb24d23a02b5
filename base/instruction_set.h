// Vector instruction sets of the CPU kernels. Every file in base/cpu/, tensor/cpu/ and ops/cpu/ is
// compiled once per set (cmake/instruction_sets.cmake), so one program runs on every x86-64
// processor and uses its best set. On other processors, and with the option OSTEON_BASELINE_ONLY,
// there is only the baseline.
#pragma once

#include <string>
#include <vector>

namespace osteon {

// In ascending order: a processor with one set also has all earlier ones.
enum class InstructionSet {
  baseline,     // plain x86-64 (SSE2); on other processors the compiler's default
  avx2,         // with fused multiply-add (FMA)
  avx512,       // F, BW, CD, DQ, VL
  avx512_bf16,  // oneDNN also multiplies bf16; our own kernels use avx512
};

// The instruction set of the whole process, chosen at the first call: the set named by the
// environment variable OSTEON_CPU, else the best set of the processor. A named set also restricts
// oneDNN. Throws UsageError if the name is unknown or the processor lacks the set.
InstructionSet instruction_set();
// Whether OSTEON_CPU is set.
bool instruction_set_is_forced();

std::string name_of(InstructionSet set);
// The sets that this processor supports, in ascending order.
std::vector<InstructionSet> available_instruction_sets();

// All versions of one kernel. A call runs the version for instruction_set().
template <class... Parameters>
class CpuKernel {
 public:
  using Function = void (*)(Parameters...);

#if !defined(OSTEON_BASELINE_ONLY)
  constexpr CpuKernel(void (*for_baseline)(Parameters...), void (*for_avx2)(Parameters...),
                      void (*for_avx512)(Parameters...))
      : baseline_(for_baseline), avx2_(for_avx2), avx512_(for_avx512) {}
#else
  explicit constexpr CpuKernel(void (*for_baseline)(Parameters...)) : baseline_(for_baseline) {}
#endif

  void operator()(Parameters... parameters) const { chosen()(parameters...); }
  // NOLINTNEXTLINE(google-explicit-constructor): a kernel can be passed as a function.
  operator Function() const { return chosen(); }

 private:
#if !defined(OSTEON_BASELINE_ONLY)
  Function chosen() const {
    const InstructionSet set = instruction_set();
    if (set == InstructionSet::baseline) return baseline_;
    return set == InstructionSet::avx2 ? avx2_ : avx512_;
  }
  Function baseline_, avx2_, avx512_;
#else
  Function chosen() const { return baseline_; }
  Function baseline_;
#endif
};

}  // namespace osteon

// Declares the kernel cpu::name and its versions cpu::baseline::name, cpu::avx2::name and
// cpu::avx512::name. One file defines them, in namespace osteon::cpu::OSTEON_CPU_SET; for a
// template that file also instantiates the versions in use.
#if !defined(OSTEON_BASELINE_ONLY)
#define OSTEON_CPU_KERNEL(name, ...)                                            \
  OSTEON_CPU_VERSION(baseline, , name, __VA_ARGS__)                             \
  OSTEON_CPU_VERSION(avx2, , name, __VA_ARGS__)                                 \
  OSTEON_CPU_VERSION(avx512, , name, __VA_ARGS__)                               \
  namespace cpu {                                                               \
  inline constexpr CpuKernel name{&baseline::name, &avx2::name, &avx512::name}; \
  }
#define OSTEON_CPU_KERNEL_TEMPLATE(Parameter, name, ...)                              \
  OSTEON_CPU_VERSION(baseline, template <class Parameter>, name, __VA_ARGS__)         \
  OSTEON_CPU_VERSION(avx2, template <class Parameter>, name, __VA_ARGS__)             \
  OSTEON_CPU_VERSION(avx512, template <class Parameter>, name, __VA_ARGS__)           \
  namespace cpu {                                                                     \
  template <class Parameter>                                                          \
  inline constexpr CpuKernel name{&baseline::name<Parameter>, &avx2::name<Parameter>, \
                                  &avx512::name<Parameter>};                          \
  }
#else
#define OSTEON_CPU_KERNEL(name, ...)                \
  OSTEON_CPU_VERSION(baseline, , name, __VA_ARGS__) \
  namespace cpu {                                   \
  inline constexpr CpuKernel name{&baseline::name}; \
  }
#define OSTEON_CPU_KERNEL_TEMPLATE(Parameter, name, ...)                      \
  OSTEON_CPU_VERSION(baseline, template <class Parameter>, name, __VA_ARGS__) \
  namespace cpu {                                                             \
  template <class Parameter>                                                  \
  inline constexpr CpuKernel name{&baseline::name<Parameter>};                \
  }
#endif
#define OSTEON_CPU_VERSION(set, prefix, name, ...) \
  namespace cpu::set {                             \
  prefix void name(__VA_ARGS__);                   \
  }
