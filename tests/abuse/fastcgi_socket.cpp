// Whoever can open a pool's socket sends records of every kind to the workers of the stack. A
// worker may refuse or die; it never carries out what was not a whole request, tells nothing, and
// the pool goes on.
#include <algorithm>
#include <atomic>
#include <cstdint>

#include <boost/test/unit_test.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "evidence.hpp"
#include "support/fcgi_client.hpp"
#include "support/person.hpp"

using namespace users::test;
using fcgi::RecordType;

namespace {

constexpr unsigned kResponder = 1;

/// Every field of a record's header as a test wants it.
struct Record {
  unsigned version = 1;
  unsigned type = 0;
  unsigned id = 1;
  std::string content{};
  std::size_t padding = 0;

  [[nodiscard]] std::string bytes() const {
    const auto byte = [](std::size_t value) { return static_cast<char>(value & 0xFFU); };
    std::string all{byte(version),
                    byte(type),
                    byte(id >> 8U),
                    byte(id),
                    byte(content.size() >> 8U),
                    byte(content.size()),
                    byte(padding),
                    0};
    return all.append(content).append(padding, 'p');
  }
};

std::string begin(unsigned role = kResponder, unsigned id = 1, unsigned version = 1) {
  std::string content(8, '\0');
  content[0] = static_cast<char>(role >> 8U);
  content[1] = static_cast<char>(role & 0xFFU);
  return Record{.version = version, .type = 1, .id = id, .content = content}.bytes();
}

/// A whole stream and its end.
std::string stream_of(RecordType type, const std::string& content, unsigned id = 1,
                      unsigned version = 1, std::size_t padding = 0) {
  const auto number = static_cast<unsigned>(type);
  return Record{version, number, id, content, padding}.bytes() +
         Record{version, number, id}.bytes();
}

std::string socket_of(const std::string& pool) {
  return run_folder() + "/" + pool + ".sock";
}

/// All that a worker says until it closes.
std::string answer_to(const std::string& pool, const std::string& bytes) {
  const sockaddr_un address = fcgi::address_of(socket_of(pool));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  std::string said;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    (void)::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
      said.append(buffer, static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return said;
}

/// A registration that would succeed: its phone was proved.
struct Registration {
  Person person;
  fcgi::Request request{fcgi::regist("")};

  Registration() {
    request = fcgi::regist(registration(person.phone(), person.password(), person.code("regist")));
  }

  [[nodiscard]] std::string parameters() const { return fcgi::encode(request.parameters); }

  void check_not_obeyed(const std::string& bytes, const std::string& what) const {
    const std::string said = answer_to("hash", bytes);
    BOOST_TEST(said.find("\"code\":0") == std::string::npos, what << ": " << said);
    BOOST_TEST(count_users(person.e164()) == 0, what);
  }

  /// The same as a whole request is obeyed: the code was good all the while.
  void check_good() const {
    const std::string whole = begin() + stream_of(RecordType::parameters, parameters()) +
                              stream_of(RecordType::standard_input, request.body);
    BOOST_TEST(answer_to("hash", whole).find("\"code\":0") != std::string::npos);
    BOOST_TEST(count_users(person.e164()) == 1);
  }
};

void check_no_secret_in(const std::string& said) {
  for (const std::string& secret : secrets_of_stack()) {
    BOOST_TEST(!secret.empty());
    BOOST_TEST(said.find(secret) == std::string::npos);
  }
  for (const char* hint : {"mariadb.sock", "/secrets/", "$argon2", "password_file"}) {
    BOOST_TEST(said.find(hint) == std::string::npos, hint);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fastcgi_socket)

BOOST_AUTO_TEST_CASE(another_role_is_not_obeyed) {
  const Registration regist;
  for (const unsigned role : {0U, 2U, 3U, 4U, 255U, 65535U}) {
    const std::string head = begin(role) + stream_of(RecordType::parameters, regist.parameters());
    const std::string body = stream_of(RecordType::standard_input, regist.request.body);
    const std::string data =
        Record{.type = 8, .content = regist.request.body}.bytes() + Record{.type = 8}.bytes();
    regist.check_not_obeyed(head + body, "role " + std::to_string(role));
    regist.check_not_obeyed(head + body + data, "role " + std::to_string(role) + " with data");
  }
  regist.check_good();
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(another_version_is_not_obeyed) {
  const Registration regist;
  for (const unsigned version : {0U, 2U, 127U, 255U}) {
    for (int wrong = 0; wrong < 3; ++wrong) {
      const auto at = [&](int part) { return part == wrong ? version : 1U; };
      regist.check_not_obeyed(
          begin(kResponder, 1, at(0)) +
              stream_of(RecordType::parameters, regist.parameters(), 1, at(1)) +
              stream_of(RecordType::standard_input, regist.request.body, 1, at(2)),
          "version " + std::to_string(version) + " in part " + std::to_string(wrong));
    }
  }
  regist.check_good();
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(every_other_type_in_place_of_one_is_not_obeyed) {
  const Registration regist;
  const std::string parameters = stream_of(RecordType::parameters, regist.parameters());
  const std::string body = stream_of(RecordType::standard_input, regist.request.body);
  for (const unsigned type : {0U, 2U, 3U, 6U, 7U, 8U, 9U, 10U, 11U, 12U, 128U, 255U}) {
    const std::string what = "type " + std::to_string(type);
    const std::string as_type = Record{.type = type, .content = std::string(8, '\1')}.bytes();
    regist.check_not_obeyed(as_type + parameters + body, what + " begins");
    const std::string other = Record{.type = type, .content = regist.parameters()}.bytes();
    regist.check_not_obeyed(begin() + other + Record{.type = type}.bytes() + body,
                            what + " as parameters");
    const std::string as_body = Record{.type = type, .content = regist.request.body}.bytes();
    regist.check_not_obeyed(begin() + parameters + as_body + Record{.type = type}.bytes(),
                            what + " as body");
  }
  regist.check_good();
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(a_request_put_together_from_two_ids_is_not_obeyed) {
  const Registration regist;
  const std::string parameters = regist.parameters();
  const std::string& body = regist.request.body;
  const std::vector<std::string> mixed{
      begin(1, 1) + stream_of(RecordType::parameters, parameters, 2) +
          stream_of(RecordType::standard_input, body, 2),
      begin(1, 1) + stream_of(RecordType::parameters, parameters, 1) +
          stream_of(RecordType::standard_input, body, 2),
      begin(1, 1) + begin(1, 2) + stream_of(RecordType::parameters, parameters, 2) +
          stream_of(RecordType::standard_input, body, 2),
      begin(1, 1) + stream_of(RecordType::parameters, parameters, 1) + begin(1, 2) +
          stream_of(RecordType::standard_input, body, 2),
      begin(1, 0) + stream_of(RecordType::parameters, parameters, 0) +
          stream_of(RecordType::standard_input, body, 0),
      stream_of(RecordType::parameters, parameters) + stream_of(RecordType::standard_input, body) +
          begin(),
  };
  for (std::size_t i = 0; i < mixed.size(); ++i) {
    regist.check_not_obeyed(mixed[i], "mix " + std::to_string(i));
  }
  regist.check_good();
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(an_abort_at_any_place_is_not_obeyed) {
  const Registration regist;
  const std::string abort = Record{.type = 2}.bytes();
  const std::string parameters = stream_of(RecordType::parameters, regist.parameters());
  const std::string& body = regist.request.body;
  const std::string half = Record{.type = 5, .content = body.substr(0, body.size() / 2)}.bytes();
  const std::string all = Record{.type = 5, .content = body}.bytes();
  const std::string end = Record{.type = 5}.bytes();
  for (const std::string& bytes :
       {abort, begin() + abort, begin() + abort + parameters + all + end,
        begin() + parameters + abort, begin() + parameters + half + abort,
        begin() + parameters + half + abort + end, begin() + parameters + all + abort,
        begin() + parameters + all + abort + end}) {
    regist.check_not_obeyed(bytes, "abort at " + std::to_string(bytes.find(abort)));
  }
  regist.check_good();
  check_service_is_whole();
}

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
        Record{.type = 99, .id = 0, .content = "x"}.bytes(), values(known) + begin()}) {
    for (const char* pool : {"fast", "hash"}) check_no_secret_in(answer_to(pool, bytes));
  }
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(a_management_record_before_a_request_changes_nothing) {
  const fcgi::Request request = fcgi::get("/users/health/live");
  const std::string asked =
      Record{.type = 9, .id = 0, .content = fcgi::encode({{"FCGI_MAX_CONNS", ""}})}.bytes() +
      begin() + stream_of(RecordType::parameters, fcgi::encode(request.parameters)) +
      stream_of(RecordType::standard_input, "");
  const std::string said = answer_to("fast", asked);
  // A peer that asks before it begins may be refused.
  BOOST_TEST((said.empty() || said.find("\"code\":0") != std::string::npos), said);
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(padding_is_no_part_of_a_request) {
  const Registration regist;
  const std::string whole = begin() +
                            stream_of(RecordType::parameters, regist.parameters(), 1, 1, 255) +
                            stream_of(RecordType::standard_input, regist.request.body, 1, 1, 255);
  BOOST_TEST(answer_to("hash", whole).find("\"code\":0") != std::string::npos);
  BOOST_TEST(count_users(regist.person.e164()) == 1);
}

BOOST_AUTO_TEST_CASE(lengths_of_gigabytes_in_every_worker_at_once_end_no_pool) {
  const std::string lengths("\x0E\xFF\xFF\xFF\xFEREQUEST_METHODPOST", 23);
  const std::string names("\xFF\xFF\xFF\xFE\x04REQUEST_METHODPOST", 23);
  const std::string both("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx", 9);
  for (const char* pool : {"fast", "hash"}) {
    in_parallel(12, 36, [&](int i) {
      const std::string& lie = i % 3 == 0 ? lengths : i % 3 == 1 ? names : both;
      answer_to(pool, begin() + stream_of(RecordType::parameters, lie));
    });
    check_service_is_whole();
  }
}

BOOST_AUTO_TEST_CASE(parameters_that_are_no_business_of_a_client_are_no_settings) {
  const Registration regist;
  fcgi::Request forged = regist.request;
  forged.body = registration(regist.person.phone(), regist.person.password(), "000000");
  forged.parameters["CONTENT_LENGTH"] = std::to_string(forged.body.size());
  for (const char* name : {"USERS_FCGI_VERIFICATION", "VERIFICATION", "verification", "FCGI_ROLE",
                           "LD_PRELOAD", "HTTP_PROXY", "REMOTE_USER", "HTTP_X_USER_ID"}) {
    forged.parameters[name] = "format";
  }
  const std::string bytes = begin() +
                            stream_of(RecordType::parameters, fcgi::encode(forged.parameters)) +
                            stream_of(RecordType::standard_input, forged.body);
  const std::string said = answer_to("hash", bytes);
  BOOST_TEST(said.find("\"code\":100") != std::string::npos, said);
  BOOST_TEST(count_users(regist.person.e164()) == 0);
}

BOOST_AUTO_TEST_CASE(silent_connections_to_every_worker_are_left_behind) {
  std::vector<fcgi::Client> silent;
  for (int i = 0; i < 12; ++i) silent.emplace_back(socket_of("fast"));
  BOOST_TEST(wait_until(15, [] {
    return send(base_url(), {.method = "GET", .path = "/users/health/live", .headers = {}})
               .status == 200;
  }));
  silent.clear();
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(only_its_owner_and_group_may_open_a_socket) {
  for (const char* pool : {"fast", "hash"}) {
    BOOST_TEST(run_command("stat -c %a '" + socket_of(pool) + "'").output == "660\n");
  }
}

BOOST_AUTO_TEST_SUITE_END()
