// The machine options of the programs: --device, --backend, --precision, --threads and
// --record.
#pragma once

#include <string>

#include "base/option.h"
#include "tensor/device.h"
#include "tensor/dtype.h"

namespace osteon {

struct MachineOptions {
  std::string device = "auto";     // auto, cpu, cuda, cuda:N
  std::string backend = "auto";    // auto, direct, reference
  std::string precision = "fp32";  // fp32, tf32, bf16
  int threads = 0;  // number of computing threads; 0: all cores, shared among local processes
  std::string record = "auto";  // auto, off: CUDA graphs
  bool may_record() const { return record != "off"; }
};

// The table of these options (base/option.h).
template <class Options, class Visit>
void for_each_machine_option(Options& o, const Visit& visit) {
  using enum OptionGroup;
  const auto is_device = [](const std::string& name) {
    if (!name.starts_with("cuda"))
      check_option("device", name, OneOf{{"auto", "cpu", "cuda", "cuda:N"}});
  };
  visit(OptionInfo{"device", machine, "auto, cpu, cuda, cuda:N", OnResume::changes_bits}, o.device,
        AsParsedBy{is_device});
  visit(OptionInfo{"backend", machine, "CPU kernels; direct: convolutions in fp32 by our own",
                   OnResume::changes_bits},
        o.backend, OneOf{{"auto", "direct", "reference"}});
  visit(OptionInfo{"precision", machine, "dtype of activations and products"}, o.precision,
        OneOf{{"fp32", "tf32", "bf16"}});
  visit(
      OptionInfo{
          "threads", machine,
          "number of computing threads; 0: all cores, shared among the processes of this host",
          OnResume::changes_bits},
      o.threads, InRange{0, 1024});
  visit(OptionInfo{.name = "record",
                   .group = machine,
                   .help = "CUDA: auto records a step as a graph and replays it, if that is "
                           "possible; off issues each step call by call, with the same results",
                   .on_resume = OnResume::may_change,
                   .may_be_absent = true},
        o.record, OneOf{{"auto", "off"}});
}

// The dtype of the activations: f32, or bf16 for precision bf16. Prints a note on standard error if
// bf16 will be slow. Throws UsageError for a precision that the device does not have.
DType activation_dtype(const std::string& precision, const Device& device = Device::cpu());

// Sets the number of threads, the back end and the use of tf32 for the whole process; returns the
// device. Unless quiet, prints a note on standard error if `auto` chooses the CPU although CUDA is
// built in.
// Throws UsageError for invalid options and Error for an unusable device.
Device configure_process(const MachineOptions& options, bool quiet = false);

}  // namespace osteon
