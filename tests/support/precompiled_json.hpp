// The same with JSON, for the kinds of tests that mostly need it.
#include <nlohmann/json.hpp>

#include "support/precompiled.hpp"
