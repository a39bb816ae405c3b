#include "evidence.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "support/metrics_text.hpp"
#include "support/stack.hpp"

namespace users::test {
namespace {

std::string content_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

std::vector<Endpoint> endpoints_of(const std::string& phone) {
  return {
      {"POST", "regist", {{"phone", phone}, {"password", "correct horse 42"}, {"code", "123456"}}},
      {"POST", "code", {{"phone", phone}, {"purpose", "login"}}},
      {"POST", "login", {{"phone", phone}, {"password", "another horse 42"}, {"cookie", false}}},
      {"POST", "login", {{"phone", phone}, {"code", "123456"}}},
      {"POST", "reset", {{"phone", phone}, {"code", "123456"}, {"password", "another horse 42"}}},
      {"POST", "password", {{"old_password", "wrong horse 42"}, {"password", "another horse 42"}}},
      {"POST", "phone", {{"phone", phone}, {"code", "123456"}, {"password", "wrong horse 42"}}},
      {"DELETE", "me", {{"password", "wrong horse 42"}}},
  };
}

std::string all_logs() {
  std::string text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(state_folder() + "/log")) {
    if (entry.is_regular_file()) text += content_of(entry.path());
  }
  return text;
}

double internal_errors() {
  double count = 0;
  for (const auto& [name, value] : scrape()) {
    if (!name.starts_with("users_requests_total{")) continue;
    if (name.find("code=\"900") == std::string::npos) continue;
    if (name.find("\"9000\"") != std::string::npos || name.find("\"9001\"") != std::string::npos) {
      count += value;
    }
  }
  return count;
}

void check_service_is_whole() {
  const auto is_whole = [] {
    return send(base_url(), {.method = "GET", .path = "/users/health/ready", .headers = {}})
                   .status == 200 &&
           worker_pids("hash").size() == 8 && worker_pids("fast").size() == 4;
  };
  BOOST_TEST(wait_until(5, is_whole));
}

std::vector<std::string> secrets_of_stack() {
  std::vector<std::string> secrets;
  for (const char* name : {"service_password", "migration_password", "key"}) {
    secrets.push_back(content_of(state_folder() + "/secrets/" + name));
  }
  return secrets;
}

std::vector<int> statuses_in(const std::string& bytes) {
  constexpr std::string_view kLine = "HTTP/1.1 ";
  std::vector<int> statuses;
  for (auto at = bytes.find(kLine); at != std::string::npos; at = bytes.find(kLine, at + 1)) {
    statuses.push_back(
        static_cast<int>(std::strtol(bytes.c_str() + at + kLine.size(), nullptr, 10)));
  }
  return statuses;
}

std::string as_operator(const std::string& arguments) {
  return run_script("'" + program("users-ctl") + "' --config '" + state_folder() + "/users.conf' " +
                    arguments);
}

std::string unheard_of(const std::string& prefix) {
  static std::atomic<int> next{0};
  return prefix + "-" + std::to_string(++next) + "-unheard-of";
}

}  // namespace users::test
