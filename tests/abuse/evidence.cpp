#include "evidence.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include <boost/test/unit_test.hpp>

#include "support/metrics_text.hpp"
#include "support/person.hpp"
#include "support/text.hpp"

namespace users::test {

std::vector<Endpoint> endpoints_of(const std::string& phone) {
  // Well-formed, by no device.
  const nlohmann::json passkey{{"passkey_id", "AAAA"},
                               {"passkey_client_data", "AAAA"},
                               {"passkey_authenticator_data", "AAAA"},
                               {"passkey_signature", "AAAA"},
                               {"passkey_user_handle", "AAAA"}};
  nlohmann::json reset{{"phone", phone}, {"code", "123456"}, {"password", "another horse 42"}};
  reset.update(passkey);
  return {
      {"POST", "passkey/challenge", {{"purpose", "login"}}},
      {"POST", "login", passkey},
      {"POST", "confirm", passkey},
      {"POST", "reset", reset},
      {"POST",
       "factors/passkey",
       {{"client_data", "AAAA"},
        {"attestation_object", "AAAA"},
        {"name", "phone"},
        {"transports", "usb"}}},
      {"POST", "regist", {{"phone", phone}, {"password", "correct horse 42"}, {"code", "123456"}}},
      {"POST", "code", {{"phone", phone}, {"purpose", "login"}}},
      {"POST",
       "login",
       {{"phone", phone},
        {"password", "another horse 42"},
        {"cookie", false},
        {"totp", "123456"},
        {"recovery_code", "ABCDE-FGHJK"}}},
      {"POST", "login", {{"phone", phone}, {"code", "123456"}}},
      {"POST",
       "reset",
       {{"phone", phone},
        {"code", "123456"},
        {"password", "another horse 42"},
        {"totp", "123456"},
        {"recovery_code", "ABCDE-FGHJK"}}},
      {"POST",
       "confirm",
       {{"password", "wrong horse 42"}, {"totp", "123456"}, {"recovery_code", "ABCDE-FGHJK"}}},
      {"POST", "factors/totp/confirm", {{"totp", "123456"}}},
      {"POST", "password", {{"old_password", "wrong horse 42"}, {"password", "another horse 42"}}},
      {"POST", "phone", {{"phone", phone}, {"code", "123456"}, {"password", "wrong horse 42"}}},
      {"DELETE", "me", {{"password", "wrong horse 42"}}},
  };
}

std::string all_logs() {
  std::string text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(state_folder() + "/log")) {
    if (entry.is_regular_file()) text += read_file(entry.path());
  }
  return text;
}

double internal_errors() {
  double count = 0;
  for (const auto& [name, value] : scrape()) {
    const bool is_request = name.starts_with("users_requests_total{");
    if (is_request && (contains(name, "\"9000\"") || contains(name, "\"9001\""))) count += value;
  }
  return count;
}

void check_service_is_whole() {
  const auto is_whole = [] {
    return call("GET", "health/ready").status == 200 && worker_pids("hash").size() == 8 &&
           worker_pids("fast").size() == 4;
  };
  BOOST_TEST(wait_until(5, is_whole));
}

std::vector<std::string> secrets_of_stack() {
  std::vector<std::string> secrets;
  for (const char* name : {"service_password", "migration_password", "key"}) {
    secrets.push_back(read_file(state_folder() + "/secrets/" + name));
  }
  return secrets;
}

std::map<int, int> codes_in_parallel(int threads, int count, const std::function<int(int)>& ask) {
  std::map<int, int> codes;
  std::mutex mutex;
  in_parallel(threads, count, [&](int i) {
    const int code = ask(i);
    const std::scoped_lock lock(mutex);
    ++codes[code];
  });
  return codes;
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
  return run_script(users_ctl(arguments));
}

std::string percent_encoded(const std::string& text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string encoded;
  for (const unsigned char c : text) (encoded += '%').append({kDigits[c >> 4U], kDigits[c & 15U]});
  return encoded;
}

std::string unheard_of(const std::string& prefix) {
  static std::atomic<int> next{0};
  return prefix + "-" + std::to_string(++next) + "-unheard-of";
}

}  // namespace users::test
