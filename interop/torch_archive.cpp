// The zip archive of torch.save, read by libzip: one pickle, data.pkl, and one entry per storage.
#include <zip.h>

#include "base/error.h"
#include "interop/torch_container.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// The zip archive. Entries are read completely, and only if they are stored without compression.
class Archive : public TorchContainer {
 public:
  explicit Archive(const fs::path& path) : file_bytes_(fs::file_size(path)) {
    int error = 0;
    zip_.reset(::zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (zip_ == nullptr) {
      zip_error_t reason;
      ::zip_error_init_with_code(&reason, error);
      const std::string text = ::zip_error_strerror(&reason);
      ::zip_error_fini(&reason);
      throw Error(format("it is not a complete zip archive: ", text));
    }
    find_folder();
    if (contains("byteorder")) {
      const auto order = read("byteorder", 100);
      OSTEON_CHECK(text_of(*order) == "little", "its numbers are not little-endian");
    }
    pickle_ = read("data.pkl", kMaxPickleBytes);
    root_ = &machine_.run(text_of(*pickle_));
  }

  const PickleObject& root() const override { return *root_; }
  std::uint64_t file_bytes() const override { return file_bytes_; }
  std::shared_ptr<Storage> elements(const StorageId& id) override {
    return read("data/" + id.key, file_bytes_);
  }

 private:
  static std::string_view text_of(const Storage& entry) {
    return {reinterpret_cast<const char*>(entry.data()), entry.bytes()};
  }

  bool contains(const std::string& name) const {
    return ::zip_name_locate(zip_.get(), (folder_ + name).c_str(), 0) >= 0;
  }

  std::shared_ptr<Storage> read(const std::string& name, zip_uint64_t limit) const {
    zip_stat_t status;
    OSTEON_CHECK(::zip_stat(zip_.get(), (folder_ + name).c_str(), 0, &status) == 0, "the entry ",
                 name, " is missing");
    OSTEON_CHECK((status.valid & ZIP_STAT_SIZE) && (status.valid & ZIP_STAT_COMP_METHOD) &&
                     status.comp_method == ZIP_CM_STORE && status.encryption_method == ZIP_EM_NONE,
                 "the entry ", name, " is compressed or encrypted; PyTorch writes neither");
    OSTEON_CHECK(status.size <= limit, "the entry ", name, " has ", status.size, " bytes; at most ",
                 limit, " are possible");
    auto storage = std::make_shared<Storage>(status.size, Device::cpu());
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> entry(
        ::zip_fopen_index(zip_.get(), status.index, 0), ::zip_fclose);
    OSTEON_CHECK(entry != nullptr, "the entry ", name, ": ", ::zip_strerror(zip_.get()));
    // Reads one byte past the end, so that libzip reaches the end and compares the checksum.
    zip_uint64_t done = 0;
    char beyond = 0;
    while (done < status.size) {
      const zip_int64_t got = ::zip_fread(entry.get(), storage->data() + done, status.size - done);
      OSTEON_CHECK(got > 0, "the entry ", name, " is damaged: ", ::zip_file_strerror(entry.get()));
      done += static_cast<zip_uint64_t>(got);
    }
    OSTEON_CHECK(::zip_fread(entry.get(), &beyond, 1) == 0, "the entry ", name,
                 " is damaged: ", ::zip_file_strerror(entry.get()));
    return storage;
  }

  // All entries lie in one folder, named after the file when it was saved.
  void find_folder() {
    const std::string wanted = "data.pkl";
    int found = 0;
    for (zip_int64_t i = 0; i < ::zip_get_num_entries(zip_.get(), 0); ++i) {
      const char* const raw =
          ::zip_get_name(zip_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
      const std::string name = raw == nullptr ? "" : raw;
      if (name != wanted && !name.ends_with("/" + wanted)) continue;
      folder_ = name.substr(0, name.size() - wanted.size());
      ++found;
    }
    OSTEON_CHECK(found == 1, "the archive has ", found, " files data.pkl; it needs one");
  }

  std::uint64_t file_bytes_;
  std::unique_ptr<zip_t, void (*)(zip_t*)> zip_{nullptr, ::zip_discard};
  std::string folder_;
  std::shared_ptr<Storage> pickle_;
  PickleMachine machine_;
  const PickleObject* root_ = nullptr;
};

}  // namespace

std::unique_ptr<TorchContainer> open_torch_archive(const fs::path& path) {
  return std::make_unique<Archive>(path);
}

}  // namespace osteon
