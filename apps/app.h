// Shared by all programs: parsing of the command line, and the exit status. The status is 0 for
// success, 1 for a run-time error, 2 for wrong usage, and 128 + the signal after an interruption;
// an error is one line on standard error.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "apps/options.h"
#include "base/error.h"
#include "base/instruction_set.h"
#include "base/interrupt.h"
#include "base/thread_waiting.h"
#include "comm/process_group.h"

namespace osteon {

// Opens those of descriptors 0 to 2 that the caller closed, so that every use of them fails.
// Otherwise the next file that is opened would take their place and receive the printed lines.
inline void occupy_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0)
      ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

// Whether mpirun may start the program as several processes that share the work.
enum class Processes { one, several };

// Parses the command line into the variables that the options of `app` are bound to, then runs
// `body`.
template <class Body>
int run_app(CLI::App& app, int argc, char** argv, const Body& body,
            Processes processes = Processes::one) {
  occupy_standard_streams();
  restart_with_short_spin(argv);
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", [] {
    return format(OSTEON_VERSION, ", instruction set ", name_of(instruction_set()));
  });
  bool is_one_of_several = false;
  constexpr const char* kHint = " (--help lists all options)";
  const auto fail = [&](const std::exception& error, const char* hint, int status) {
    std::cerr << app.get_name() << ": " << error.what() << hint << "\n";
    return status;
  };
  // One of several processes ends them all.
  const auto fail_all = [&](const std::exception& error, const char* hint, int status) {
    if (is_one_of_several) world().abort(format(error.what(), hint), status);
    return fail(error, hint, status);
  };
  try {
    app.parse(argc, argv);
    is_one_of_several = world().size() > 1;
    if (is_one_of_several && processes == Processes::one)
      throw UsageError(format(app.get_name(), " runs as one process; start it without mpirun"));
    instruction_set();  // a wrong choice ends the program before anything is written
    body();
    std::cout.flush();
    OSTEON_CHECK(std::cout, "cannot write to standard output; what was printed there is lost");
    return 0;
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    // A mistyped option also makes the right one look missing.
    if (app.remaining().empty()) return fail(error, kHint, 2);
    return fail(UsageError(unknown_argument(app)), kHint, 2);
  } catch (const Interrupted& error) {
    // All processes have agreed to stop.
    return world().is_first() ? fail(error, "", error.exit_status()) : error.exit_status();
  } catch (const UsageError& error) {
    return fail_all(error, kHint, 2);
  } catch (const std::exception& error) {
    return fail_all(error, "", 1);
  }
}

}  // namespace osteon
