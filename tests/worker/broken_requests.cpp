// Requests that lie, stop half way or are none: each ends with a clear reply or a closed
// connection, and the worker serves the next one.
#include <csignal>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sys/wait.h>

#include "support/stack.hpp"
#include "support/worker_process.hpp"

namespace users::test {

using fcgi::RecordType;

/// Bytes of a body that the worker reads at most.
constexpr std::size_t kLargestBody = 16'384;

const std::string kRegistration = registration("13912345678");

/// What a worker says to `bytes`, after which the client sends no more.
HttpReply answer_to(const WorkerProcess& worker, const std::string& bytes) {
  fcgi::Client client = worker.connect();
  client.send(bytes);
  client.finish_sending();
  return client.reply();
}

fcgi::Request with_length(fcgi::Request request, const std::string& content_length) {
  request.parameters["CONTENT_LENGTH"] = content_length;
  return request;
}

bool is_refused(const HttpReply& reply) {
  return reply.status == 0 || reply.code() == 1001;
}

/// Halts a worker, so that what clients do next is done before it sees any of it.
void halt(const WorkerProcess& worker) {
  worker.signal(SIGSTOP);
  BOOST_TEST_REQUIRE(wait_until(30, [&] {
    siginfo_t info{};
    const auto id = static_cast<id_t>(worker.pid());
    return ::waitid(P_PID, id, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == worker.pid();
  }));
}

BOOST_AUTO_TEST_SUITE(broken_requests)

BOOST_AUTO_TEST_CASE(the_announced_length_must_be_the_true_one) {
  const WorkerProcess worker;
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

BOOST_AUTO_TEST_CASE(a_length_must_be_a_plain_number) {
  const WorkerProcess worker;
  const std::string size = std::to_string(kRegistration.size());
  const std::vector<std::string> lies{"-1",
                                      "-" + size,
                                      "+" + size,
                                      " " + size,
                                      size + " ",
                                      size + ".0",
                                      "0x" + size,
                                      "many",
                                      "18446744073709551616",
                                      "99999999999999999999999999"};
  for (const std::string& lie : lies) {
    BOOST_TEST_CONTEXT("CONTENT_LENGTH " << lie) {
      BOOST_TEST(worker.ask(with_length(fcgi::regist(kRegistration), lie)).code() == 1001);
    }
  }
  BOOST_TEST(worker.answers());
}

BOOST_AUTO_TEST_CASE(a_body_without_length_is_refused) {
  const WorkerProcess worker;
  fcgi::Request request = fcgi::regist(kRegistration);
  request.parameters.erase("CONTENT_LENGTH");
  BOOST_TEST(worker.ask(request).code() == 1001);
}

BOOST_AUTO_TEST_CASE(a_body_up_to_the_cap_is_read) {
  const WorkerProcess worker;
  std::string body = kRegistration;
  body.append(kLargestBody - body.size(), ' ');
  BOOST_TEST(worker.ask(fcgi::regist(body)).code() == 9001);
}

BOOST_AUTO_TEST_CASE(a_body_over_the_cap_is_413_whatever_its_announced_length) {
  const WorkerProcess worker;
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
  BOOST_TEST(worker.answers());
}

BOOST_AUTO_TEST_CASE(a_large_length_with_nothing_behind_it_is_413) {
  const WorkerProcess worker;
  const auto request = with_length(fcgi::regist(""), std::to_string(kLargestBody + 1));
  BOOST_TEST(worker.ask(request).code() == 9004);
}

BOOST_AUTO_TEST_CASE(a_body_cut_off_by_the_client_is_refused) {
  const WorkerProcess worker;
  const std::string request = fcgi::whole(fcgi::regist(kRegistration));
  const std::string head = fcgi::head_of(fcgi::regist(kRegistration));
  for (std::size_t end = head.size(); end < request.size(); ++end) {
    BOOST_TEST_CONTEXT(end - head.size() << " bytes behind the parameters") {
      BOOST_TEST(answer_to(worker, request.substr(0, end)).code() == 1001);
    }
  }
}

BOOST_AUTO_TEST_CASE(parameters_cut_off_by_the_client_are_never_served) {
  const WorkerProcess worker;
  const std::string head = fcgi::head_of(fcgi::regist(""));
  for (std::size_t end = 0; end < head.size(); ++end) {
    const HttpReply reply = answer_to(worker, head.substr(0, end));
    BOOST_TEST(is_refused(reply), "cut at " << end << ": " << reply.body);
  }
  BOOST_TEST(worker.answers());
}

BOOST_AUTO_TEST_CASE(a_request_without_method_or_path_is_400) {
  const WorkerProcess worker;
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
  BOOST_TEST(worker.answers());
}

/// A registration with `size` bytes more of parameters.
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

BOOST_AUTO_TEST_CASE(parameters_up_to_64_kib_are_read_and_more_are_refused) {
  const WorkerProcess worker;
  for (const std::size_t size : {1000U, 36'000U, 60'000U}) {
    BOOST_TEST(worker.ask(with_parameters(size)).code() == 1001, size);
  }
  const long before = worker.resident_kib();
  for (const std::size_t size : {66'000U, 80'000U, 1'000'000U, 100'000'000U}) {
    BOOST_TEST(worker.ask(with_parameters(size)).status == 0, size);
    BOOST_TEST(worker.answers());
  }
  BOOST_TEST(worker.resident_kib() - before < 4096);
  BOOST_TEST(worker.log().find("parameters of over 64 KiB is refused") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_aborted_request_is_never_carried_out) {
  const WorkerProcess worker;
  const fcgi::Request request = fcgi::regist(kRegistration);
  const std::string head = fcgi::head_of(request);
  const std::string body = fcgi::stream(RecordType::standard_input, kRegistration);
  const std::string begin = fcgi::begin_record();
  const std::string all_parameters = head.substr(0, head.size() - 8);
  for (const std::string& before : {begin, all_parameters, head, head + body}) {
    const HttpReply reply = answer_to(worker, before + fcgi::record(RecordType::abort_request));
    BOOST_TEST(is_refused(reply), reply.body);
    BOOST_TEST(worker.answers());
  }
}

BOOST_AUTO_TEST_CASE(a_body_may_come_in_many_small_records, *boost::unit_test::label("deep")) {
  const WorkerProcess worker;
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

BOOST_AUTO_TEST_CASE(what_is_not_fastcgi_is_dropped) {
  const WorkerProcess worker;
  for (const std::string& bytes :
       {std::string("GET /users/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03", 11), std::string(100, '\0'),
        std::string(100, '\xFF'), std::string("\x01", 1), std::string()}) {
    BOOST_TEST(answer_to(worker, bytes).status == 0);
    BOOST_TEST(worker.answers());
  }
}

BOOST_AUTO_TEST_CASE(records_out_of_order_are_refused) {
  const WorkerProcess worker;
  const fcgi::Request request = fcgi::regist(kRegistration);
  const std::string body = fcgi::stream(RecordType::standard_input, kRegistration);
  for (const std::string& bytes :
       {body, fcgi::begin_record() + body, fcgi::head_of(request).substr(16),
        fcgi::head_of(request) + fcgi::head_of(request) + body,
        fcgi::head_of(request) + fcgi::record(RecordType::parameters, "x") + body}) {
    const HttpReply reply = answer_to(worker, bytes);
    BOOST_TEST(is_refused(reply), reply.body);
    BOOST_TEST(worker.answers());
  }
}

BOOST_AUTO_TEST_CASE(another_role_than_a_responder_is_refused) {
  const WorkerProcess worker;
  constexpr std::size_t kRoleLowByte = 9;
  const std::string whole = fcgi::whole(fcgi::get("/users/health/live"));
  BOOST_TEST(answer_to(worker, whole).code() == 0);
  for (const char role : {'\0', '\2', '\3', '\4', '\x7f'}) {
    std::string bytes = whole;
    bytes[kRoleLowByte] = role;
    BOOST_TEST(answer_to(worker, bytes).status == 0, "role " << static_cast<int>(role));
  }
  BOOST_TEST(worker.answers());
}

BOOST_AUTO_TEST_CASE(lengths_that_lie_within_records_are_refused) {
  const WorkerProcess worker;
  const fcgi::Request request = fcgi::regist(kRegistration);
  const std::string huge_value("\x0E\x84\x00\x00\x00REQUEST_METHODPOST", 23);  // 64 MiB
  const std::string huge_name("\x84\x00\x00\x00\x04REQUEST_METHODPOST", 23);   // 64 MiB
  const std::string cut_length("\x0E\x84\x00", 3);                             // of 4 bytes
  const std::string parameters = fcgi::encode(request.parameters);
  for (const std::string& bytes :
       {fcgi::begin_record() + fcgi::record(RecordType::parameters, huge_value),
        fcgi::begin_record() + fcgi::record(RecordType::parameters, huge_name),
        fcgi::begin_record() + fcgi::record(RecordType::parameters, cut_length) +
            fcgi::record(RecordType::parameters),
        fcgi::begin_record() + fcgi::record(RecordType::parameters, parameters, 65535),
        fcgi::begin_record() + fcgi::record(RecordType::parameters, parameters, 10),
        fcgi::head_of(request) + fcgi::record(RecordType::standard_input, kRegistration, 65535),
        fcgi::head_of(request) + fcgi::record(RecordType::standard_input, kRegistration, 10),
        fcgi::record(RecordType::begin_request, std::string(7, '\0'), 7)}) {
    const HttpReply reply = answer_to(worker, bytes);
    BOOST_TEST(is_refused(reply), reply.body);
    BOOST_TEST(worker.answers());
  }
}

BOOST_AUTO_TEST_CASE(a_worker_outlives_clients_that_leave_before_their_reply) {
  const WorkerProcess worker;
  const fcgi::Request requests[] = {fcgi::get("/users/health/live"), fcgi::regist(kRegistration),
                                    fcgi::regist("{"), fcgi::get("/nowhere")};
  halt(worker);
  for (int i = 0; i < 200; ++i) worker.connect().send(fcgi::whole(requests[i % 4]));
  worker.signal(SIGCONT);
  BOOST_TEST(worker.answers());
  BOOST_TEST(worker.errors() == "");
}

BOOST_AUTO_TEST_CASE(the_log_tells_of_a_client_that_has_gone) {
  const WorkerProcess worker;
  halt(worker);
  worker.connect().send(fcgi::whole(fcgi::get("/users/health/live")));
  worker.signal(SIGCONT);
  BOOST_TEST(worker.answers());
  BOOST_TEST(worker.log().find("the client has gone") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nesting_as_deep_as_fits_is_refused) {
  const WorkerProcess worker;
  std::string objects;
  while (objects.size() + 5 <= kLargestBody) objects += R"({"a":)";
  for (const std::string& body : {R"({"a":)" + std::string(kLargestBody - 5, '['), objects,
                                  R"({"a":)" + std::string((kLargestBody - 6) / 2, '[') +
                                      std::string((kLargestBody - 6) / 2, ']') + "}"}) {
    const HttpReply reply = worker.ask(fcgi::regist(body));
    BOOST_TEST(reply.code() == 1001);
    BOOST_TEST(reply.fields() == "body");
  }
  // Over the cap even a body of 100,000 levels is only too large.
  BOOST_TEST(worker.ask(fcgi::regist(R"({"a":)" + std::string(100'000, '['))).code() == 9004);
  BOOST_TEST(worker.answers());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
