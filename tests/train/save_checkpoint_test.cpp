// The order of the steps in which a checkpoint becomes the last one of its run: something is in the
// way of one step, and the steps before it have been done, those after it have not.
#include "train/run/checkpoint.h"

#include <doctest/doctest.h>

#include "nn/layers.h"
#include "optim/adam.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

// A run with the checkpoint step-1, its last and best one.
struct SmallRun {
  TemporaryFolder folder;
  Linear model{2, 1};
  Adam optimizer{{{model.named_parameters()}}};
  ModelInfo info;
  RunPointers pointers;

  SmallRun() { CHECK(save("step-1").empty()); }

  std::string save(const std::string& name) {
    return save_checkpoint(folder.path(), name, {model, info, optimizer}, {}, true, pointers);
  }
  fs::path checkpoint(const char* name) const { return folder.path() / kCheckpoints / name; }
};

}  // namespace

TEST_CASE("a saved checkpoint is complete, named and linked, and the former one is superseded") {
  SmallRun run;
  CHECK(run.save("step-2").empty());
  CHECK(load_checkpoint(run.checkpoint("step-2")).model.tensors.size() == 2);
  CHECK_FALSE(fs::exists(run.checkpoint(".step-2.partial")));
  const RunPointers named = find_pointers(run.folder.path()).value();
  for (const RunPointers& pointers : {named, run.pointers}) {
    CHECK(pointers.last == "step-2");
    CHECK(pointers.best == "step-2");
    CHECK(pointers.superseded == std::vector<std::string>{"step-1"});
  }
  for (const char* link : {"last", "best"})
    CHECK(fs::read_symlink(run.folder.path() / link) == fs::path(kCheckpoints) / "step-2");
}

TEST_CASE("a checkpoint is named only after its folder has been written and has got its name") {
  struct Row {
    const char *in_the_way, *message;
  };
  const Row rows[] = {
      {"checkpoints/.step-2.partial/model.safetensors/file", ".step-2.partial/model.safetensors"},
      {"checkpoints/.step-2.partial/state.json/file", ".step-2.partial/state.json"},
      {"checkpoints/step-2/file", "checkpoints/step-2: "}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.in_the_way));
    SmallRun run;
    run.folder.write(row.in_the_way, "");
    const std::string message = message_of([&] { run.save("step-2"); });
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(find_pointers(run.folder.path())->last == "step-1");
    CHECK(run.pointers.last == "step-1");
    CHECK(fs::read_symlink(run.folder.path() / "last") == fs::path(kCheckpoints) / "step-1");
    CHECK_FALSE(fs::exists(run.checkpoint(".step-2.partial")));
  }
}

TEST_CASE("a checkpoint is complete before pointers.json is written, and the links come after it") {
  SmallRun run;
  fs::remove(run.folder.path() / "pointers.json");
  run.folder.write("pointers.json/file", "");
  CHECK(contains(message_of([&] { run.save("step-2"); }), "pointers.json"));
  CHECK(load_checkpoint(run.checkpoint("step-2")).model.tensors.size() == 2);
  CHECK(run.pointers.last == "step-1");
  CHECK(fs::read_symlink(run.folder.path() / "last") == fs::path(kCheckpoints) / "step-1");
}

TEST_CASE("a link that cannot be made is reported, and the checkpoint is named") {
  SmallRun run;
  fs::remove(run.folder.path() / "last");
  run.folder.write("last/file", "");
  CHECK(contains(run.save("step-2"), "is not a link"));
  CHECK(find_pointers(run.folder.path())->last == "step-2");
  CHECK(run.pointers.last == "step-2");
}
