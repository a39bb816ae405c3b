// An attacker with access to a pool's socket asks for secrets, sends wrong lengths and stops. A
// worker may refuse or exit; it reveals nothing, and the pool continues. For incomplete requests
// see tests/worker/records.
#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/fcgi_client.hpp"
#include "support/person.hpp"
#include "support/text.hpp"

using namespace users::test;
using fcgi::Record;

namespace {

std::string socket_of(const std::string& pool) {
  return run_folder() + "/" + pool + ".sock";
}

/// Everything that a worker sends until it closes.
std::string answer_to(const std::string& pool, const std::string& bytes) {
  fcgi::Client client(socket_of(pool));
  client.send(bytes);
  client.finish_sending();
  return client.everything(30);
}

void check_no_secret_in(const std::string& said) {
  for (const std::string& secret : secrets_of_stack()) {
    BOOST_TEST(!secret.empty());
    BOOST_TEST(!contains(said, secret));
  }
  for (const char* hint : {"mariadb.sock", "/secrets/", "$argon2", "password_file"}) {
    BOOST_TEST(!contains(said, hint), hint);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fastcgi_socket)

BOOST_AUTO_TEST_CASE(management_records_tell_no_secret) {
  const auto values = [](const fcgi::Parameters& names) {
    return Record{.type = 9, .id = 0, .content = fcgi::encode(names)}.bytes();
  };
  const fcgi::Parameters known{
      {"FCGI_MAX_CONNS", ""}, {"FCGI_MAX_REQS", ""}, {"FCGI_MPXS_CONNS", ""}};
  const fcgi::Parameters wanted{{"USERS_FCGI_DATABASE_PASSWORD_FILE", ""},
                                {"PATH", ""},
                                {"key", ""},
                                {"database.password", ""},
                                {std::string(300, 'x'), ""}};
  for (const std::string& bytes :
       {values(known), values(wanted), values({}),
        values({{"FCGI_MAX_CONNS", std::string(9000, 'v')}}),
        Record{.type = 9, .id = 0, .content = std::string("\x84\x00\x00\x00\x04name", 9)}.bytes(),
        Record{.type = 10, .id = 0, .content = "x"}.bytes(),
        Record{.type = 11, .id = 0, .content = "x"}.bytes(),
        Record{.type = 99, .id = 0, .content = "x"}.bytes(),
        values(known) + fcgi::begin_record()}) {
    for (const char* pool : {"fast", "hash"}) check_no_secret_in(answer_to(pool, bytes));
  }
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(a_management_record_before_a_request_changes_nothing) {
  const std::string said = answer_to(
      "fast",
      Record{.type = 9, .id = 0, .content = fcgi::encode({{"FCGI_MAX_CONNS", ""}})}.bytes() +
          fcgi::whole(fcgi::get("/users/health/live")));
  // The worker may refuse records before a BEGIN_REQUEST.
  BOOST_TEST((said.empty() || contains(said, "\"code\":0")), said);
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(lengths_of_gigabytes_in_every_worker_at_once_end_no_pool) {
  const std::string lengths("\x0E\xFF\xFF\xFF\xFEREQUEST_METHODPOST", 23);
  const std::string names("\xFF\xFF\xFF\xFE\x04REQUEST_METHODPOST", 23);
  const std::string both("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx", 9);
  for (const char* pool : {"fast", "hash"}) {
    in_parallel(12, 36, [&](int i) {
      const std::string& lie = i % 3 == 0 ? lengths : i % 3 == 1 ? names : both;
      answer_to(pool, fcgi::begin_record() + fcgi::stream(fcgi::RecordType::parameters, lie) +
                          fcgi::record(fcgi::RecordType::parameters));
    });
    check_service_is_whole();
  }
}

BOOST_AUTO_TEST_CASE(parameters_that_are_no_business_of_a_client_are_no_settings) {
  Person person;
  person.code("regist");
  fcgi::Request forged = fcgi::regist(registration(person.phone(), person.password(), "000000"));
  for (const std::string& name :
       words("USERS_FCGI_VERIFICATION VERIFICATION verification FCGI_ROLE LD_PRELOAD HTTP_PROXY "
             "REMOTE_USER HTTP_X_USER_ID")) {
    forged.parameters[name] = "format";
  }
  const std::string said = answer_to("hash", fcgi::whole(forged));
  BOOST_TEST(contains(said, "\"code\":100"), said);
  BOOST_TEST(count_users(person.e164()) == 0);
}

BOOST_AUTO_TEST_CASE(silent_connections_to_every_worker_are_left_behind) {
  std::vector<fcgi::Client> silent;
  for (int i = 0; i < 12; ++i) silent.emplace_back(socket_of("fast"));
  BOOST_TEST(wait_until(15, [] { return call("GET", "health/live").status == 200; }));
  silent.clear();
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(only_its_owner_and_group_may_open_a_socket) {
  for (const char* pool : {"fast", "hash"}) {
    BOOST_TEST(run_command("stat -c %a '" + socket_of(pool) + "'").output == "660\n");
  }
}

BOOST_AUTO_TEST_SUITE_END()
