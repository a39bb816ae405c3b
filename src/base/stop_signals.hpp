// The signals that ask a process to end, looked at between two pieces of work.
#pragma once

#include <chrono>

namespace users {

/// Blocks TERM, INT and USR1 until somebody looks at them, so that none interrupts a piece of work.
/// Call before any thread or child exists.
void hold_stop_signals();

/// Waits at most this long for one of them; true where it came.
bool stop_requested(std::chrono::milliseconds wait);

}  // namespace users
