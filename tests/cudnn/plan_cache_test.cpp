// Stored plans are found only by their exact origin and spec, and damaged plans are never used.
#include "ops/cuda/cudnn/plan_cache.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace fs = std::filesystem;
using namespace osteon::cuda;
using osteon::message_of;
using osteon::TemporaryFolder;

namespace {

const PlanOrigin kOrigin{"cuDNN 9.19.0, cudnn-frontend 1.18.0", "an H100, sm_90", "heuristics"};
const StoredPlan kPlan{"conv2d forward bf16 x [2,8,8,8]", "eng62_k2=1",
                       std::string("a\0plan\xFF", 7)};

bool same(const StoredPlan& a, const StoredPlan& b) {
  return a.spec == b.spec && a.engine == b.engine && a.bytes == b.bytes;
}

std::string contents_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

fs::path only_file_in(const fs::path& folder) {
  REQUIRE(std::distance(fs::directory_iterator(folder), fs::directory_iterator()) == 1);
  return fs::directory_iterator(folder)->path();
}

// Sets an environment variable during its lifetime; null unsets it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* const old = std::getenv(name)) before_ = old;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const {
    value == nullptr ? ::unsetenv(name_) : ::setenv(name_, value, 1);
  }

  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("the folder comes from the first variable that is set") {
  struct Row {
    const char *plan_cache, *xdg_cache_home, *home, *folder;
  };
  for (const auto& [plan_cache, xdg_cache_home, home, folder] : {
           Row{"/plans", "/xdg", "/home/a", "/plans"},
           Row{nullptr, "/xdg", "/home/a", "/xdg/osteon/plans"},
           Row{"", "/xdg", "/home/a", "/xdg/osteon/plans"},
           Row{nullptr, nullptr, "/home/a", "/home/a/.cache/osteon/plans"},
           Row{nullptr, nullptr, nullptr, ""},
       }) {
    const Variable first("OSTEON_PLAN_CACHE", plan_cache), second("XDG_CACHE_HOME", xdg_cache_home),
        third("HOME", home);
    CHECK(plan_cache_folder() == fs::path(folder));
  }
}

TEST_CASE("a plan is found by its spec and origin, and by no other") {
  const TemporaryFolder folder;
  const fs::path plans = folder.path() / "made/when/needed";
  CHECK_FALSE(find_plan(plans, kOrigin, kPlan.spec));
  store_plan(plans, kOrigin, kPlan);
  const auto found = find_plan(plans, kOrigin, kPlan.spec);
  REQUIRE(found);
  CHECK(same(*found, kPlan));
  const auto with = [](auto change) {
    PlanOrigin origin = kOrigin;
    change(origin);
    return origin;
  };
  CHECK_FALSE(find_plan(plans, with([](auto& o) { o.library = "cuDNN 9.20.0"; }), kPlan.spec));
  CHECK_FALSE(find_plan(plans, with([](auto& o) { o.device = "an A100, sm_80"; }), kPlan.spec));
  CHECK_FALSE(find_plan(plans, with([](auto& o) { o.choice = "timing"; }), kPlan.spec));
  CHECK_FALSE(find_plan(plans, kOrigin, kPlan.spec + " +relu"));
}

TEST_CASE("a file that differs from the stored one is ignored and replaced") {
  const TemporaryFolder folder;
  const PlanOrigin other{kOrigin.library, "another", kOrigin.choice};
  store_plan(folder.path(), kOrigin, kPlan);
  const fs::path path = only_file_in(folder.path());
  const std::string good = contents_of(path);
  struct Row {
    const char* name;
    std::string contents;
  };
  std::string flipped = good;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  std::string renamed = good;
  renamed.replace(renamed.find("plans 1"), 7, "plans 0");
  const fs::path elsewhere = folder.path() / "elsewhere";
  store_plan(elsewhere, other, kPlan);
  for (const auto& [name, contents] : {
           Row{"a bit of the plan differs", flipped},
           Row{"cut short", good.substr(0, good.size() - 3)},
           Row{"empty", ""},
           Row{"not of this form", renamed},
           Row{"of another program", "what is this?"},
           Row{"of another device", contents_of(only_file_in(elsewhere))},
       }) {
    CAPTURE(std::string(name));
    write(path, contents);
    CHECK_FALSE(find_plan(folder.path(), kOrigin, kPlan.spec));
    store_plan(folder.path(), kOrigin, kPlan);
    CHECK(find_plan(folder.path(), kOrigin, kPlan.spec));
  }
}

TEST_CASE("the plans of a run are read as they were written, or refused by name") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "plans.safetensors";
  const StoredPlan second{"batch_norm forward bf16 x [2,8,8,8]", "eng0", "another"};
  for (const auto& plans : {std::vector<StoredPlan>{}, {kPlan}, {kPlan, second}}) {
    write_plans(path, {kOrigin, plans});
    const PlanFile file = read_plans(path);
    CHECK(file.origin == kOrigin);
    REQUIRE(file.plans.size() == plans.size());
    for (std::size_t i = 0; i < plans.size(); ++i) CHECK(same(file.plans[i], plans[i]));
  }
  std::string damaged = contents_of(path);
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  write(path, damaged);
  const std::string message = message_of([&] { read_plans(path); });
  CHECK(message.find(path.string()) != std::string::npos);
  CHECK(message.find(second.spec + " is damaged") != std::string::npos);
}

TEST_CASE("a folder that cannot be written is named") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "file";
  write(file, "in the way");
  CHECK(message_of([&] { store_plan(file, kOrigin, kPlan); }).find(file.string()) !=
        std::string::npos);
}
