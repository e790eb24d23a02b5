// Waiting of the threads of parallel.h.
//
// In libgomp a waiting thread spins for milliseconds before it sleeps. That is fastest on an idle
// machine. If other processes are busy, a spinning thread can occupy the core that the other
// threads of the loop need, and a program becomes slower by a factor of ten (docs/performance.md).
#pragma once

namespace osteon {

// Restarts the running program with a short spin (GOMP_SPINCOUNT), because libgomp reads the
// setting while it is loaded. Call it first in main, with main's argv. Does nothing if the
// environment already has GOMP_SPINCOUNT or OMP_WAIT_POLICY, if the OpenMP library is another one,
// or if the path of the program is unknown. A user of the library sets the variable or calls this
// function.
void restart_with_short_spin(char** argv);

}  // namespace osteon
