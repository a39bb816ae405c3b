// Eight workers that log over a midnight: every line is kept, each in the file of its day.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include <boost/test/unit_test.hpp>
#include <sys/wait.h>

#include "support/daemon.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

using Clock = std::chrono::system_clock;
constexpr std::chrono::seconds kDay{86400};

/// What has to be added to the clock for it to be `before` midnight now.
std::chrono::seconds shift_to_midnight(std::chrono::seconds before) {
  const auto into_day =
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now().time_since_epoch()) % kDay;
  return kDay - before - into_day;
}

std::string day_of(Clock::time_point time) {
  const std::time_t seconds = Clock::to_time_t(time);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[9];
  return {text, std::strftime(text, sizeof text, "%Y%m%d", &utc)};
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(midnight)

BOOST_AUTO_TEST_CASE(eight_workers_lose_no_line_over_midnight, *boost::unit_test::label("deep")) {
  const std::string folder = state_folder() + "/midnight";
  std::filesystem::create_directories(folder);
  const auto shift = shift_to_midnight(std::chrono::seconds(4));
  const auto midnight = Clock::now() + std::chrono::seconds(4);
  const std::string today = day_of(midnight + shift - std::chrono::seconds(60));
  const std::string tomorrow = day_of(midnight + shift + std::chrono::seconds(60));

  const std::string run = run_folder();
  const std::string secrets = state_folder() + "/secrets";
  const char* asan = std::getenv("ASAN_OPTIONS");
  const std::string faketime = "LD_PRELOAD=/usr/lib/" MULTIARCH "/faketime/libfaketime.so.1";
  const Daemon pool(
      {"spawn-fcgi", "-n", "-s", folder + "/hash.sock", "-M", "0660", "--", "/usr/bin/multiwatch",
       "-r", "1000000", "-f", "8", "--", program("users-fcgi"), "--config",
       std::filesystem::absolute("conf/development.conf").string()},
      {faketime, "FAKETIME=+" + std::to_string(shift.count()) + "s",
       "FAKETIME_DONT_FAKE_MONOTONIC=1",
       std::string("ASAN_OPTIONS=") + (asan == nullptr ? "" : asan) + ":verify_asan_link_order=0",
       "USERS_FCGI_DATABASE_HOSTS=" + run + "/mariadb.sock",
       "USERS_FCGI_DATABASE_PASSWORD_FILE=" + secrets + "/service_password",
       "USERS_FCGI_SECRETS_KEY_FILE=" + secrets + "/key",
       "USERS_FCGI_LOG_DIRECTORY=" + folder + "/log"},
      folder + "/pool.log");
  const Site site(folder);

  std::mutex mutex;
  std::vector<std::string> answered;
  in_parallel(8, 1'000'000, [&](int i) {
    if (Clock::now() > midnight + std::chrono::seconds(2)) return;
    // From many addresses, since the site limits each.
    const HttpReply reply =
        send(site.base_url(),
             {.body = "{}", .source_address = "127.0.7." + std::to_string(1 + i % 250)});
    if (reply.code() != 1001) return;
    const std::scoped_lock lock(mutex);
    answered.push_back(reply.header("x-request-id"));
  });

  const auto before = lines_of(folder + "/log/users.log." + today);
  const auto after = lines_of(folder + "/log/users.log." + tomorrow);
  const Command malformed =
      run_command("cat '" + folder + "'/log/users.log.* | grep -vE '^[0-9]{4}-[0-9]{2}-[0-9]{2} " +
                  "[0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3} [a-z_]+[.]cpp[[]line:[0-9]+[]] [A-Z]+ "
                  "[[][0-9a-f-]+[]] '");
  std::map<std::string, int> logged;
  for (const auto* lines : {&before, &after}) {
    for (const std::string& line : *lines) {
      const auto id = line.find('[', line.find("] "));
      if (line.find("POST /users/regist: code") != std::string::npos)
        ++logged[line.substr(id + 1, 32)];
    }
  }
  int lost = 0;
  for (const std::string& id : answered) lost += logged[id] == 1 ? 0 : 1;
  BOOST_TEST(answered.size() > 100U);
  BOOST_TEST(!before.empty());
  BOOST_TEST(!after.empty());
  BOOST_TEST(lost == 0);
  BOOST_TEST(malformed.output == "");
  BOOST_TEST(std::filesystem::read_symlink(folder + "/log/users.log").string() ==
             "users.log." + tomorrow);
}

BOOST_AUTO_TEST_SUITE_END()
