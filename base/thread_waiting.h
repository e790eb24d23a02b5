// How the threads of parallel.h wait for each other.
//
// libgomp lets a waiting thread spin for milliseconds before it sleeps. That is fastest on an idle
// machine. Beside other busy processes the spinning thread keeps its core from the very thread that
// it waits for, and a program slows down by a factor of ten (docs/performance.md).
#pragma once

namespace osteon {

// Restarts the running program with a short spin (GOMP_SPINCOUNT), because libgomp reads the
// setting while it is loaded. Call it first in main, with main's argv. Does nothing if the
// environment already has GOMP_SPINCOUNT or OMP_WAIT_POLICY, with another OpenMP library, or if the
// program cannot be found. A program that uses the library sets the variable itself, or calls this.
void restart_with_short_spin(char** argv);

}  // namespace osteon
