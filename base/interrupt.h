// How a run is stopped by a person or by the system: SIGINT (control-C) and SIGTERM.
#pragma once

#include "base/error.h"

namespace osteon {

// A run that was asked to stop and has saved what it could; programs exit with 128 + the signal.
class Interrupted : public Error {
 public:
  Interrupted(int signal, const std::string& message) : Error(message), signal_(signal) {}
  int exit_status() const { return 128 + signal_; }

 private:
  int signal_;
};

// While one lives, SIGINT and SIGTERM do not end the process but are noted, for the loop to finish
// its step and save; a SIGINT after one of them ends the process at once with status 130. A signal
// that was ignored when the process began (a job of nohup) stays ignored.
class CatchInterrupts {
 public:
  CatchInterrupts();
  ~CatchInterrupts();
  CatchInterrupts(const CatchInterrupts&) = delete;
  CatchInterrupts& operator=(const CatchInterrupts&) = delete;

  // The first signal that came, 0 for none.
  int signal() const;
};

// SIGINT, SIGTERM or its number.
std::string signal_name(int signal);

}  // namespace osteon
