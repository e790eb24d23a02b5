// Fuzzes .pth files: the archive, its pickle and its tensors. The mutator changes one entry of the
// archive, mostly the pickle.
#include <zip.h>

#include <memory>
#include <string>

#include "fuzz/fuzz.h"
#include "fuzz/mutate.h"
#include "interop/torch_pickle.h"

namespace osteon {
namespace {

struct Entry {
  std::string name;
  FuzzBytes data;
};

using Zip = std::unique_ptr<zip_t, void (*)(zip_t*)>;

FuzzBytes read_entry(zip_t* zip, zip_uint64_t index, zip_uint64_t size) {
  FuzzBytes data(size);
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> entry(::zip_fopen_index(zip, index, 0),
                                                                ::zip_fclose);
  if (entry == nullptr || ::zip_fread(entry.get(), data.data(), size) < 0) data.clear();
  return data;
}

// No entries if the file is not an archive.
std::vector<Entry> entries_of(const FuzzBytes& file) {
  std::vector<Entry> entries;
  zip_source_t* const source = ::zip_source_buffer_create(file.data(), file.size(), 0, nullptr);
  const Zip zip(::zip_open_from_source(source, ZIP_RDONLY, nullptr), ::zip_discard);
  if (zip == nullptr) {
    ::zip_source_free(source);
    return entries;
  }
  for (zip_int64_t i = 0; i < ::zip_get_num_entries(zip.get(), 0); ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    zip_stat_t status;
    if (::zip_stat_index(zip.get(), index, 0, &status) == 0 && status.size <= file.size())
      entries.push_back({status.name, read_entry(zip.get(), index, status.size)});
  }
  return entries;
}

// The archive of these entries without compression; empty if two have the same name.
FuzzBytes archive_of(const std::vector<Entry>& entries) {
  zip_source_t* const source = ::zip_source_buffer_create(nullptr, 0, 0, nullptr);
  ::zip_source_keep(source);
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> kept(source, ::zip_source_free);
  Zip zip(::zip_open_from_source(source, ZIP_TRUNCATE, nullptr), ::zip_discard);
  for (const auto& [name, data] : entries) {
    zip_source_t* const part = ::zip_source_buffer(zip.get(), data.data(), data.size(), 0);
    const zip_int64_t index = ::zip_file_add(zip.get(), name.c_str(), part, 0);
    if (index < 0) {
      ::zip_source_free(part);
      return {};
    }
    ::zip_set_file_compression(zip.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  }
  if (::zip_close(zip.get()) != 0) return {};
  zip.release();  // closed

  zip_stat_t status;
  ::zip_source_stat(source, &status);
  FuzzBytes file(status.size);
  ::zip_source_open(source);
  ::zip_source_read(source, file.data(), file.size());
  ::zip_source_close(source);
  return file;
}

FuzzBytes change_archive(const FuzzBytes& file, std::minstd_rand& random) {
  std::vector<Entry> entries = entries_of(file);
  if (entries.empty()) return {};
  Entry* changed = &entries[random() % entries.size()];
  if (random() % 4 != 0)
    for (Entry& entry : entries)
      if (entry.name.ends_with("data.pkl")) changed = &entry;
  mutate_part(changed->data);
  return archive_of(entries);
}

}  // namespace
}  // namespace osteon

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return osteon::mutate_file(data, size, max_size, seed, osteon::change_archive);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return osteon::expect_error_or_success([&] {
    const osteon::TorchFile file(osteon::fuzz_file(data, size, ".pth"));
    for (std::size_t i = 0; i < file.dicts().size(); ++i)
      for (const auto& [name, tensor] : file.read(i).tensors) tensor.to_vector();
  });
}
