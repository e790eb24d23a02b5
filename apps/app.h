// Shared by all programs: parsing of the command line, and the exit status. The status is 0 for
// success, 1 for a run-time error, 2 for wrong usage, and 128 + the signal after an interruption;
// an error is one line on standard error.
#pragma once

#include <CLI/CLI.hpp>
#include <iostream>

#include "apps/options.h"
#include "base/error.h"
#include "base/instruction_set.h"
#include "base/interrupt.h"
#include "base/thread_waiting.h"

namespace osteon {

// Parses the command line into the variables that the options of `app` are bound to, then runs
// `body`.
template <class Body>
int run_app(CLI::App& app, int argc, char** argv, const Body& body) {
  restart_with_short_spin(argv);
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", [] {
    return format(OSTEON_VERSION, ", instruction set ", name_of(instruction_set()));
  });
  constexpr const char* kHint = " (--help lists all options)";
  const auto fail = [&](const std::exception& error, const char* hint, int status) {
    std::cerr << app.get_name() << ": " << error.what() << hint << "\n";
    return status;
  };
  try {
    app.parse(argc, argv);
    instruction_set();  // a wrong choice ends the program before anything is written
    body();
    return 0;
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    // A mistyped option also makes the right one look missing.
    if (app.remaining().empty()) return fail(error, kHint, 2);
    return fail(UsageError(unknown_argument(app)), kHint, 2);
  } catch (const Interrupted& error) {
    return fail(error, "", error.exit_status());
  } catch (const UsageError& error) {
    return fail(error, kHint, 2);
  } catch (const std::exception& error) {
    return fail(error, "", 1);
  }
}

}  // namespace osteon
