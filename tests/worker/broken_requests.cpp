// Requests with wrong lengths or without an end: each gets a clear reply or a closed connection,
// and the worker serves the next one. For malformed records see records.cpp.
#include <csignal>

#include <boost/test/unit_test.hpp>
#include <sys/wait.h>

#include "support/stack.hpp"
#include "support/text.hpp"
#include "support/worker_process.hpp"

namespace users::test {
namespace {

using fcgi::RecordType;

/// The most bytes of a body that the worker reads.
constexpr std::size_t kLargestBody = 16'384;

const std::string kRegistration = registration("13912345678");

fcgi::Request with_length(fcgi::Request request, const std::string& content_length) {
  request.parameters["CONTENT_LENGTH"] = content_length;
  return request;
}

/// A registration with `size` more bytes of parameters.
fcgi::Request with_parameters(std::size_t size) {
  fcgi::Request request = fcgi::regist("{}");
  constexpr std::size_t kEach = 8000;
  for (int i = 0; size > 0; ++i) {
    const std::string name = "HTTP_X_" + std::to_string(1000 + i);
    const std::size_t value =
        std::min(size, kEach) - std::min(std::min(size, kEach), name.size() + 1);
    request.parameters[name] = std::string(value, 'x');
    size -= std::min(size, kEach);
  }
  return request;
}

/// A worker that must still answer at the end.
struct Fixture {
  WorkerProcess worker;

  void teardown() const { BOOST_TEST(worker.answers()); }

  /// The reply to `bytes`, after which the client sends nothing more.
  [[nodiscard]] HttpReply answer_to(const std::string& bytes) const {
    fcgi::Client client = worker.connect();
    client.send(bytes);
    client.finish_sending();
    return client.reply();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broken_requests, Fixture)

BOOST_AUTO_TEST_CASE(the_announced_length_must_be_the_true_one) {
  const std::size_t size = kRegistration.size();
  for (const std::string& lie :
       {std::to_string(size + 1), std::to_string(size - 1), std::string("0"), std::string("")}) {
    BOOST_TEST_CONTEXT("CONTENT_LENGTH " << lie << " of " << size) {
      const HttpReply reply = worker.ask(with_length(fcgi::regist(kRegistration), lie));
      BOOST_TEST(reply.code() == 1001);
      BOOST_TEST(reply.fields() == "body");
    }
  }
  BOOST_TEST(worker.ask(fcgi::regist(kRegistration)).code() == 9001);
}

BOOST_AUTO_TEST_CASE(a_length_must_be_there_and_a_plain_number) {
  const std::string size = std::to_string(kRegistration.size());
  for (const std::string& lie :
       {std::string("-1"), "-" + size, "+" + size, " " + size, size + " ", size + ".0", "0x" + size,
        std::string("many"), std::string("18446744073709551616"),
        std::string("99999999999999999999999999")}) {
    BOOST_TEST_CONTEXT("CONTENT_LENGTH " << lie) {
      BOOST_TEST(worker.ask(with_length(fcgi::regist(kRegistration), lie)).code() == 1001);
    }
  }
  fcgi::Request request = fcgi::regist(kRegistration);
  request.parameters.erase("CONTENT_LENGTH");
  BOOST_TEST(worker.ask(request).code() == 1001);
}

BOOST_AUTO_TEST_CASE(a_body_up_to_the_cap_is_read_and_more_is_413_whatever_its_announced_length) {
  std::string body = kRegistration;
  body.append(kLargestBody - body.size(), ' ');
  BOOST_TEST(worker.ask(fcgi::regist(body)).code() == 9001);
  for (const std::size_t size : {kLargestBody + 1, std::size_t{100'000}, std::size_t{4'000'000}}) {
    const fcgi::Request request = fcgi::regist(std::string(size, ' '));
    for (const std::string& announced :
         {std::to_string(size), std::string("10"), std::string("18446744073709551615")}) {
      BOOST_TEST_CONTEXT(size << " bytes, CONTENT_LENGTH " << announced) {
        const HttpReply reply = worker.ask(with_length(request, announced));
        BOOST_TEST(reply.status == 413);
        BOOST_TEST(reply.code() == 9004);
      }
    }
  }
  const auto nothing_behind = with_length(fcgi::regist(""), std::to_string(kLargestBody + 1));
  BOOST_TEST(worker.ask(nothing_behind).code() == 9004);
}

BOOST_AUTO_TEST_CASE(a_body_cut_off_by_the_client_is_refused) {
  const std::string request = fcgi::whole(fcgi::regist(kRegistration));
  const std::string head = fcgi::head_of(fcgi::regist(kRegistration));
  for (std::size_t end = head.size(); end < request.size(); ++end) {
    BOOST_TEST_CONTEXT(end - head.size() << " bytes behind the parameters") {
      BOOST_TEST(answer_to(request.substr(0, end)).code() == 1001);
    }
  }
}

BOOST_AUTO_TEST_CASE(parameters_cut_off_by_the_client_are_never_served) {
  const std::string head = fcgi::head_of(fcgi::regist(""));
  for (std::size_t end = 0; end < head.size(); ++end) {
    const HttpReply reply = answer_to(head.substr(0, end));
    BOOST_TEST((reply.status == 0 || reply.code() == 1001), "cut at " << end << ": " << reply.body);
  }
}

BOOST_AUTO_TEST_CASE(a_request_without_method_or_path_is_400) {
  for (const auto* name : {"REQUEST_METHOD", "DOCUMENT_URI"}) {
    fcgi::Request request = fcgi::get("/users/health/live");
    request.parameters.erase(name);
    const HttpReply reply = worker.ask(request);
    BOOST_TEST_CONTEXT("without " << name) {
      BOOST_TEST(reply.status == 400);
      BOOST_TEST(reply.code() == 1001);
    }
  }
  BOOST_TEST(worker.ask({}).status == 400);
}

BOOST_AUTO_TEST_CASE(parameters_up_to_64_kib_are_read_and_more_are_refused) {
  for (const std::size_t size : {1000U, 36'000U, 60'000U}) {
    BOOST_TEST(worker.ask(with_parameters(size)).code() == 1001, size);
  }
  const long before = worker.resident_kib();
  for (const std::size_t size : {66'000U, 80'000U, 1'000'000U, 100'000'000U}) {
    BOOST_TEST(worker.ask(with_parameters(size)).status == 0, size);
    BOOST_TEST(worker.answers());
  }
  BOOST_TEST(worker.resident_kib() - before < 4096);
  BOOST_TEST(contains(worker.log(), "parameters of over 64 KiB is refused"));
}

BOOST_AUTO_TEST_CASE(a_client_that_falls_silent_at_the_limit_is_refused_at_once) {
  constexpr std::size_t kMostRead = 64 * 1024 + 8192;
  constexpr double kLessThanPatience = 4;
  std::string bytes = fcgi::begin_record();
  while (bytes.size() < kMostRead) {
    bytes += fcgi::record(RecordType::parameters, std::string(60'000, 'x'));
  }
  bytes.resize(kMostRead);
  fcgi::Client client = worker.connect();
  client.send(bytes);
  BOOST_TEST(client.everything(kLessThanPatience) == "");
}

BOOST_AUTO_TEST_CASE(a_body_may_come_in_many_small_records, *boost::unit_test::label("deep")) {
  const fcgi::Request request = fcgi::regist(kRegistration);
  fcgi::Client client = worker.connect();
  client.send(fcgi::head_of(request));
  for (const char c : kRegistration) {
    client.send(fcgi::record(RecordType::standard_input, {&c, 1}));
    BOOST_TEST_REQUIRE(client.all_taken());
  }
  client.send(fcgi::record(RecordType::standard_input));
  BOOST_TEST(client.reply().code() == 9001);
}

BOOST_AUTO_TEST_CASE(a_worker_outlives_clients_that_leave_before_their_reply_and_logs_them) {
  const fcgi::Request requests[] = {fcgi::get("/users/health/live"), fcgi::regist(kRegistration),
                                    fcgi::regist("{"), fcgi::get("/nowhere")};
  // Stopped, so that all clients have left before it sees any of them.
  worker.signal(SIGSTOP);
  BOOST_TEST_REQUIRE(wait_until(30, [&] {
    siginfo_t info{};
    const auto id = static_cast<id_t>(worker.pid());
    return ::waitid(P_PID, id, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == worker.pid();
  }));
  for (int i = 0; i < 200; ++i) worker.connect().send(fcgi::whole(requests[i % 4]));
  worker.signal(SIGCONT);
  BOOST_TEST(worker.answers());
  BOOST_TEST(worker.errors() == "");
  BOOST_TEST(contains(worker.log(), "the client has gone"));
}

BOOST_AUTO_TEST_CASE(nesting_as_deep_as_fits_is_refused) {
  std::string objects;
  while (objects.size() + 5 <= kLargestBody) objects += R"({"a":)";
  for (const std::string& body : {R"({"a":)" + std::string(kLargestBody - 5, '['), objects,
                                  R"({"a":)" + std::string((kLargestBody - 6) / 2, '[') +
                                      std::string((kLargestBody - 6) / 2, ']') + "}"}) {
    const HttpReply reply = worker.ask(fcgi::regist(body));
    BOOST_TEST(reply.code() == 1001);
    BOOST_TEST(reply.fields() == "body");
  }
  // Above the size limit even 100,000 levels are only too large.
  BOOST_TEST(worker.ask(fcgi::regist(R"({"a":)" + std::string(100'000, '['))).code() == 9004);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
