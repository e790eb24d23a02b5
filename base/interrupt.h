// Clean stop of a run by SIGINT (control-C), SIGTERM, SIGHUP (its terminal closed) or SIGUSR1 (the
// warning of a batch system before the time limit).
#pragma once

#include "base/error.h"

namespace osteon {

// Thrown after a run was asked to stop and has saved its state. Programs exit with 128 + the
// signal.
class Interrupted : public Error {
 public:
  Interrupted(int signal, const std::string& message) : Error(message), signal_(signal) {}
  int exit_status() const { return 128 + signal_; }

 private:
  int signal_;
};

// During its lifetime these signals do not end the process but are recorded, so that the loop can
// finish its step and save. A SIGINT after the first signal ends the process at once with
// status 130. A signal that was ignored at the start of the process (under nohup) stays ignored.
class CatchInterrupts {
 public:
  CatchInterrupts();
  ~CatchInterrupts();
  CatchInterrupts(const CatchInterrupts&) = delete;
  CatchInterrupts& operator=(const CatchInterrupts&) = delete;

  // The first signal received, 0 if none.
  int signal() const;
};

// SIGINT, SIGTERM, SIGHUP, SIGUSR1 or its number.
std::string signal_name(int signal);

}  // namespace osteon
