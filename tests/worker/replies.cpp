// What a worker answers without a database: 9001 to every request that needs one.
#include <optional>
#include <set>

#include <boost/test/unit_test.hpp>

#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

/// A worker that must still answer at the end.
struct Fixture {
  WorkerProcess worker;

  void teardown() const { BOOST_TEST(worker.answers()); }

  /// The id in the reply to a request with this id.
  [[nodiscard]] std::string id_given(const std::optional<std::string>& id) const {
    fcgi::Request request = fcgi::get("/users/health/live");
    request.parameters.erase("REQUEST_ID");
    if (id) request.parameters["REQUEST_ID"] = *id;
    const HttpReply reply = worker.ask(request);
    BOOST_TEST(reply.header("set-cookie") == "");
    return reply.header("x-request-id");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(replies, Fixture)

BOOST_AUTO_TEST_CASE(a_worker_lives_without_a_database) {
  const HttpReply reply = worker.ask(fcgi::get("/users/health/live"));
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.body == R"({"data":{"code":0,"msg":"ok"}})");
}

BOOST_AUTO_TEST_CASE(what_needs_a_database_is_9001_again_and_again) {
  for (int i = 0; i < 20; ++i) {
    for (const auto& request :
         {fcgi::get("/users/health/ready"), fcgi::regist(registration("13912345678"))}) {
      const HttpReply reply = worker.ask(request);
      BOOST_TEST(reply.status == 503);
      BOOST_TEST(reply.code() == 9001);
      BOOST_TEST(reply.header("retry-after") == "1");
      BOOST_TEST(!contains(reply.body, "no-database.sock"));
    }
  }
}

BOOST_AUTO_TEST_CASE(bad_arguments_are_told_without_a_database) {
  const HttpReply reply = worker.ask(fcgi::regist(registration("12", "short", "12345")));
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.code() == 1001);
  BOOST_TEST(reply.fields() == "phone,password,code");
  BOOST_TEST(reply.header("retry-after") == "");
  BOOST_TEST(worker.ask(fcgi::regist("")).fields() == "phone,password,code");
}

BOOST_AUTO_TEST_CASE(closed_registration_is_1012_and_sends_no_code) {
  const WorkerProcess closed({.config = "registration = closed"});
  const HttpReply reply = closed.ask(fcgi::regist(registration("13912345678")));
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.code() == 1012);
  const auto ask_for_code = [&](const std::string& purpose) {
    return closed.ask(
        fcgi::post("/users/code", R"({"phone":"13912345678","purpose":")" + purpose + R"("})"));
  };
  BOOST_TEST(ask_for_code("regist").status == 403);
  BOOST_TEST(ask_for_code("regist").code() == 1012);
  BOOST_TEST(ask_for_code("login").code() == 9001);  // needs the database
}

BOOST_AUTO_TEST_CASE(a_page_learns_the_shortest_password) {
  const WorkerProcess strict({.config = "password.min_length = 15"});
  fcgi::Request visitor = fcgi::get("/users/me");
  BOOST_TEST(!strict.ask(visitor).has("password_min_length"));
  visitor.parameters["USERS_OPTIONAL"] = "true";
  const HttpReply reply = strict.ask(visitor);
  BOOST_TEST(reply.code() == 1009);
  BOOST_TEST(reply.number("password_min_length") == 15);
}

BOOST_AUTO_TEST_CASE(a_site_without_passkeys_has_no_endpoint_for_them) {
  const auto with_passkey = [](const std::string& path) {
    return fcgi::post(path, R"({"passkey_id":"YQ","passkey_client_data":"YQ",)"
                            R"("passkey_authenticator_data":"YQ","passkey_signature":"YQ"})");
  };
  const WorkerProcess with({.config = "passkey.rp_id = example.org"});
  for (const char* path : {"/users/passkey/challenge", "/users/login"}) {
    BOOST_TEST_CONTEXT(path) {
      const HttpReply reply = worker.ask(with_passkey(path));
      BOOST_TEST(reply.status == 404);
      BOOST_TEST(reply.code() == 9002);
      BOOST_TEST(with.ask(with_passkey(path)).code() != 9002);
    }
  }
}

BOOST_AUTO_TEST_CASE(regist_status_by_code_gives_bad_arguments_400) {
  const WorkerProcess by_code({.config = "regist_status = by_code"});
  const HttpReply reply = by_code.ask(fcgi::regist(registration("12")));
  BOOST_TEST(reply.status == 400);
  BOOST_TEST(reply.code() == 1001);
}

BOOST_AUTO_TEST_CASE(an_unknown_path_is_404) {
  for (const auto* path : {"/users/nothing", "/users/", "/", "/users/regist/", "/users/regist/x",
                           "//users/regist", "/USERS/regist", "users/regist", "regist"}) {
    BOOST_TEST_CONTEXT(path) {
      const HttpReply reply = worker.ask(fcgi::post(path, registration("13912345678")));
      BOOST_TEST(reply.status == 404);
      BOOST_TEST(reply.code() == 9002);
    }
  }
}

BOOST_AUTO_TEST_CASE(another_method_is_405_and_allow_names_the_right_one) {
  for (const auto* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post", "POST "}) {
    fcgi::Request request = fcgi::regist("");
    request.parameters["REQUEST_METHOD"] = method;
    const HttpReply reply = worker.ask(request);
    BOOST_TEST_CONTEXT(method) {
      BOOST_TEST(reply.status == 405);
      BOOST_TEST(reply.code() == 9003);
      BOOST_TEST(reply.header("allow") == "POST");
    }
  }
  BOOST_TEST(worker.ask(fcgi::post("/users/health/live", "")).header("allow") == "GET, HEAD");
}

BOOST_AUTO_TEST_CASE(every_reply_has_the_headers_of_all_replies) {
  for (const fcgi::Request& request :
       {fcgi::get("/users/health/live"), fcgi::get("/users/health/ready"), fcgi::get("/nothing"),
        fcgi::get("/users/regist"), fcgi::regist("{"), fcgi::regist(std::string(20'000, ' ')),
        fcgi::Request{}}) {
    const HttpReply reply = worker.ask(request);
    BOOST_TEST(reply.header("content-type") == "application/json; charset=utf-8");
    BOOST_TEST(reply.header("content-length") == std::to_string(reply.body.size()));
    BOOST_TEST(reply.header("cache-control") == "no-store");
    BOOST_TEST(reply.header("x-content-type-options") == "nosniff");
    BOOST_TEST(!reply.header("x-request-id").empty());
  }
}

BOOST_AUTO_TEST_CASE(a_good_request_id_is_echoed) {
  for (const std::string& id : {std::string("0123456789abcdef0123456789abcdef"), std::string("a"),
                                std::string("A-b_9"), std::string(64, 'x')}) {
    BOOST_TEST(id_given(id) == id);
    BOOST_TEST(contains(worker.log(), "[" + id + "]"));
  }
}

BOOST_AUTO_TEST_CASE(a_hostile_or_missing_request_id_is_replaced) {
  std::set<std::string> given;
  const std::optional<std::string> bad[] = {"",
                                            "evil\r\nSet-Cookie: x=1",
                                            "evil\n",
                                            " ",
                                            "evil id",
                                            "../evil",
                                            "evil]",
                                            "\xE5\xAF\x86",
                                            "\x1B[31m",
                                            "\x7F",
                                            std::string(65, 'x'),
                                            std::nullopt};
  for (const auto& id : bad) {
    const std::string fresh = id_given(id);
    BOOST_TEST((fresh.size() == 32 && fresh.find_first_not_of("0123456789abcdef") == fresh.npos),
               fresh);
    BOOST_TEST(given.insert(fresh).second);
  }
  BOOST_TEST(!contains(worker.log(), "evil"));
}

BOOST_AUTO_TEST_CASE(a_parameter_given_twice_counts_by_its_first_value) {
  const fcgi::Request request = fcgi::get("/users/health/live");
  fcgi::Client client = worker.connect();
  client.send(fcgi::begin_record() +
              fcgi::stream(
                  fcgi::RecordType::parameters,
                  fcgi::encode(request.parameters) +
                      fcgi::encode({{"DOCUMENT_URI", "/users/regist"}, {"REQUEST_ID", "second"}})) +
              fcgi::record(fcgi::RecordType::parameters) +
              fcgi::record(fcgi::RecordType::standard_input));
  const HttpReply reply = client.reply();
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.header("x-request-id") == request.parameters.at("REQUEST_ID"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
