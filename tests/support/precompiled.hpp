// Headers that most tests include, compiled once. Each test still includes what it uses, because
// clang-tidy and the fuzzers' compiler do not see this file.
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
