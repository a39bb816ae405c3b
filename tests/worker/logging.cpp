// The worker's log: it never makes a request fail and never contains a secret.
#include <ctime>
#include <filesystem>
#include <iomanip>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

std::string registration_of(const char* phone) {
  return registration(phone, "planted-pass-phrase", "918273");
}

void require_service(const WorkerProcess& worker) {
  BOOST_TEST(worker.answers());
  BOOST_TEST(worker.ask(fcgi::regist(registration_of("13912345678"))).code() == 9001);
  BOOST_TEST(worker.ask(fcgi::regist("{")).code() == 1001);
}

/// The number of lines that did not get into the file, by the metrics.
int unlogged_lines(const WorkerProcess& worker) {
  const std::string text = worker.ask(fcgi::get("/users/metrics")).body;
  const std::string name = "\nusers_log_failures_total ";
  const std::size_t found = text.find(name);
  return found == std::string::npos ? -1 : std::stoi(text.substr(found + name.size()));
}

/// Today's file of a log.
std::filesystem::path todays_log(const std::filesystem::path& directory) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::ostringstream name;
  name << std::put_time(&utc, "users.log.%Y%m%d");
  return directory / name.str();
}

/// Checks that it works and reports once that it logs to standard error instead of `directory`.
void check_logs_to_stderr(const std::filesystem::path& directory) {
  const WorkerProcess worker({.environment = {"USERS_FCGI_LOG_DIRECTORY=" + directory.string()}});
  require_service(worker);
  BOOST_TEST(count_of(worker.errors(), "log: cannot write to") == 1);
  BOOST_TEST(contains(worker.errors(), "POST /users/regist: code 9001"));
  BOOST_TEST(unlogged_lines(worker) > 0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(logging)

BOOST_AUTO_TEST_CASE(a_log_that_cannot_be_made_or_opened_goes_to_stderr) {
  const TemporaryDirectory directory;
  check_logs_to_stderr(directory.write("file", "no folder") / "log");
  std::filesystem::create_directory(todays_log(directory.path()));
  check_logs_to_stderr(directory.path());
}

BOOST_AUTO_TEST_CASE(a_full_disk_sends_the_log_to_stderr) {
  const TemporaryDirectory directory;
  std::filesystem::create_symlink("/dev/full", todays_log(directory.path()));
  check_logs_to_stderr(directory.path());
}

BOOST_AUTO_TEST_CASE(a_folder_removed_while_it_runs_stops_nothing) {
  const WorkerProcess worker;
  BOOST_TEST(std::filesystem::remove_all(worker.log_directory()) > 0U);
  require_service(worker);
}

BOOST_AUTO_TEST_CASE(no_secret_gets_into_the_log) {
  const WorkerProcess worker;
  const std::string whole = registration_of("13912345678");
  const auto text = [](std::string body) {
    fcgi::Request request = fcgi::regist(std::move(body));
    request.parameters["CONTENT_TYPE"] = "application/x-www-form-urlencoded";
    return request;
  };
  fcgi::Request damaged = fcgi::regist(whole);
  damaged.parameters["CONTENT_LENGTH"] = "9";
  for (const fcgi::Request& request :
       {fcgi::regist(whole), fcgi::regist(registration_of("12")),
        fcgi::regist(whole.substr(0, whole.size() - 1)), fcgi::regist(whole + whole),
        fcgi::regist("[" + whole + "]"), fcgi::post("/users/nothing", whole),
        text("phone=13912345678&password=planted-pass-phrase&code=918273"),
        text("planted-pass-phrase&918273"), text("password=planted-pass-phrase%"),
        fcgi::regist(R"({"planted-pass-phrase":1,"planted-pass-phrase":"918273"})"), damaged}) {
    BOOST_TEST(worker.ask(request).code() > 0);
  }
  for (const std::string& text_of_log : {worker.log(), worker.errors()}) {
    for (const auto* secret : {"planted", "918273", "13912345678"}) {
      BOOST_TEST(!contains(text_of_log, secret), secret << " in " << text_of_log);
    }
  }
  BOOST_TEST(contains(worker.log(), "POST /users/regist: code 1001"));
  BOOST_TEST(unlogged_lines(worker) == 0);
}

BOOST_AUTO_TEST_CASE(a_hostile_path_stays_one_line_of_the_log) {
  const WorkerProcess worker;
  BOOST_TEST(worker.ask(fcgi::get("/users/x\n2026-01-01 00:00:00,000 forged\x1B[31m\r")).code() ==
             9002);
  BOOST_TEST(
      contains(worker.log(), "GET /users/x\\x0a2026-01-01 00:00:00,000 forged\\x1b[31m\\x0d: "));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
