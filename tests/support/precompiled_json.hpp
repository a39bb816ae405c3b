// The same with JSON, for the kinds of tests whose files mostly read it.
#include <nlohmann/json.hpp>

#include "support/precompiled.hpp"
