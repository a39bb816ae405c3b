// Headers that most tests include, compiled once for all of them. A test includes what it uses all
// the same: clang-tidy and the fuzzers' compiler read it without this.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>
