// Chapter 1 of the book: what a tensor is. It prints positions in memory, dtypes, views that share
// memory, and how freed memory is used again.
#include "tensor/tensor.h"

#include <cstdio>

#include "ops/ops.h"

using namespace osteon;

namespace {

const char* yes(bool answer) { return answer ? "yes" : "no"; }

void print_elements(const char* title, const Tensor& x) {
  std::printf("%-10s", title);
  for (const double element : x.to_vector()) std::printf(" %03.0f", element);
  std::printf("\n");
}

// A tensor of 1 MB.
Tensor megabyte() { return Tensor({1024, 256}, DType::f32); }

void print_memory(const char* when) {
  const MemoryStatistics memory = memory_statistics();
  std::printf("%-22s in use %4.1f MB, from the system %5.1f MB\n", when,
              double(memory.current_bytes) / 1e6, double(memory.reserved_bytes) / 1e6);
}

}  // namespace

int main() {
  // An image of 2 rows, 3 columns and 2 channels; its elements are 100 h + 10 w + c.
  Tensor image({1, 2, 3, 2}, DType::f32);
  for (int h = 0; h < 2; ++h)
    for (int w = 0; w < 3; ++w)
      for (int c = 0; c < 2; ++c)
        image.data<float>()[(h * 3 + w) * 2 + c] = float(100 * h + 10 * w + c);
  std::printf("-- elements in the order of memory\n");
  print_elements("NHWC", image);
  const Tensor planes = permute(image, {0, 3, 1, 2});
  print_elements("NCHW", planes);

  std::printf("-- 0.1 and 1 + 1/512 in each dtype\n");
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16})
    std::printf("%-4s  %d bytes  %.12f  %.12f\n", format(dtype).c_str(), int(size_of(dtype)),
                full({1}, 0.1, dtype).item(), full({1}, 1 + 1.0 / 512, dtype).item());

  std::printf("-- which share memory with the image?\n");
  const Tensor flat = image.view({2, 6}), second = flat.rows(1, 2), handle = image;
  std::printf("view %s, rows %s, copied handle %s, clone %s, permute %s\n",
              yes(flat.shares_memory(image)), yes(second.shares_memory(image)),
              yes(handle.shares_memory(image)), yes(image.clone().shares_memory(image)),
              yes(planes.shares_memory(image)));
  fill_(second, 7);
  print_elements("image", image);
  std::printf("version of the image: %d\n", int(image.version()));

  std::printf("-- memory\n");
  print_memory("at the beginning");
  Tensor a = megabyte(), b = megabyte(), c = megabyte();
  print_memory("with a, b and c");
  const std::byte *const at_a = a.raw(), *const at_b = b.raw();
  std::printf("distance from a to b: %d bytes; a lies at a multiple of 64: %s\n", int(at_b - at_a),
              yes(a.is_aligned(64)));
  b = Tensor();
  print_memory("without b");
  const Tensor d = megabyte();
  std::printf("d has the memory that b had: %s\n", yes(d.raw() == at_b));
  a = Tensor();
  const Tensor small({1024, 64}, DType::f32);
  std::printf("a quarter of a megabyte begins where a began: %s\n", yes(small.raw() == at_a));
  print_memory("with c, d and small");

  std::printf("-- an error\n");
  try {
    image.view({5, 3});
  } catch (const Error& error) {
    std::printf("%s\n", error.what());
  }
}
