// The programs as a user runs them, through a shell.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdio>
#include <string>

namespace osteon {

struct ProgramResult {
  int status = 0;      // 128 + the signal for a program that was killed
  std::string output;  // both streams, unless the command redirects one
};

// Runs a command in the folder of the programs: run_program("predict --help").
inline ProgramResult run_program(const std::string& command) {
  const std::string shell = "{ " + std::string(OSTEON_PROGRAMS) + "/" + command + "; } 2>&1";
  FILE* pipe = ::popen(shell.c_str(), "r");
  REQUIRE(pipe != nullptr);
  ProgramResult result;
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    result.output.append(buffer, n);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace osteon
