// When a process counts as hanging.
#include "comm/watch.h"

#include <doctest/doctest.h>

namespace osteon {
namespace {

Mark mark(double age, bool is_waiting, const char* what = "training step") {
  Progress progress;
  progress.mark(what, 12);
  progress.set_waiting(is_waiting);
  Mark mark = progress.current();
  mark.age = age;
  return mark;
}

TEST_CASE("a process hangs if it makes no progress or is silent for longer than the limit") {
  const std::string late = "has made no progress for 5 s; its last mark was: training step 12";
  struct Row {
    const char* name;
    Mark last;
    int seconds_of_silence;
    double limit;
    std::string fault;
  };
  Mark ended = mark(0, false);
  ended.is_last = 1;
  const Row rows[] = {
      {"fresh", mark(1, false), 1, 5, ""},
      {"old", mark(5.1, false), 0, 5, late},
      {"young enough, though the message is on its way", mark(4.9, false), 1, 5, ""},
      {"old, but it waits", mark(500, true), 0, 5, ""},
      {"silent", mark(0, false), 6, 5, late},
      {"silent since it waits", mark(0, true), 6, 5, late},
      {"old and silent, without a limit", mark(500, false), 500, 0, ""},
      {"silent since it ended", ended, 500, 5, ""},
      {"before the first message", Mark{}, 4, 5, ""},
      {"no message", Mark{}, 6, 5, "has made no progress for 5 s; it has set no mark"},
      {"a mark without a number",
       [] {
         Mark m = mark(9, false, "evaluating");
         m.number = -1;
         return m;
       }(),
       0, 5, "has made no progress for 5 s; its last mark was: evaluating"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    Watch watch;
    watch.receive(row.last);
    for (int i = 0; i < row.seconds_of_silence; ++i) watch.listen(1);
    CHECK(watch.hang(row.limit).value_or("") == row.fault);
  }
}

TEST_CASE("a watcher that was stopped itself did not listen") {
  Watch watch;
  watch.receive(mark(0, false));
  watch.listen(1000);
  CHECK_FALSE(watch.hang(5));
}

TEST_CASE("the end of a wait counts as progress") {
  Progress progress;
  progress.mark(
      "a name of more than sixty-three characters is cut, because a message has a fixed size", 1);
  CHECK(std::string(progress.current().what) ==
        "a name of more than sixty-three characters is cut, because a me");
  progress.set_waiting(true);
  CHECK(progress.current().is_waiting == 1);
  progress.set_waiting(false);
  CHECK(progress.current().is_waiting == 0);
  CHECK(progress.current().age < 1);
}

TEST_CASE("a process that ended has left those that are in the same or a later operation") {
  Watch watch;
  Mark last = mark(0, true);
  last.operations = 6;
  watch.receive(last);
  CHECK_FALSE(watch.has_left(6));
  last.is_ending = 1;
  watch.receive(last);
  CHECK_FALSE(watch.has_left(5));
  CHECK(watch.has_left(6));
}

}  // namespace
}  // namespace osteon
