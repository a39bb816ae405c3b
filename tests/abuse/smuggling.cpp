// Requests hidden in others. Each attempt carries a second request for a path that nobody has heard
// of: were it taken for one, a second reply or the log would show it.
#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/stack.hpp"

using namespace users::test;

namespace {

const std::string kHead =
    "POST /users/regist HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

/// One attempt: `before`, then the hidden request.
struct Attempt {
  const char* name;
  std::string before;
};

/// Every attempt is answered 400 once and its hidden request by nobody.
void check_refused(const std::vector<Attempt>& attempts) {
  for (const Attempt& attempt : attempts) {
    const std::string path = "/users/" + unheard_of("hidden");
    const std::string hidden = "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const std::string reply = send_raw(base_url(), attempt.before + hidden);
    BOOST_TEST(statuses_in(reply) == std::vector<int>{400}, boost::test_tools::per_element());
    BOOST_TEST(reply.starts_with("HTTP/1.1 400"), attempt.name << " -> " << reply);
    BOOST_TEST(all_logs().find("\"GET " + path) == std::string::npos, attempt.name);
    BOOST_TEST(all_logs().find("] GET " + path) == std::string::npos, attempt.name);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(smuggling)

BOOST_AUTO_TEST_CASE(a_length_and_chunks_in_any_order_are_400) {
  check_refused({
      {"CL, TE", kHead + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"TE, CL", kHead + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"},
      {"CL 0, TE", kHead + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"case", kHead + "content-length: 4\r\ntransfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"},
  });
}

BOOST_AUTO_TEST_CASE(other_spellings_of_chunked_are_400) {
  check_refused({
      {"two headers",
       kHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"two headers, other",
       kHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"},
      {"list", kHead + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
      {"identity", kHead + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"},
      {"identity alone", kHead + "Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n"},
      {"vertical tab", kHead + "Transfer-Encoding: \x0b"
                               "chunked\r\n\r\n0\r\n\r\n"},
      {"blank before the colon", kHead + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
      {"HTTP/1.0",
       "POST /users/regist HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
  });
}

BOOST_AUTO_TEST_CASE(two_or_odd_lengths_are_400) {
  check_refused({
      {"different", kHead + "Content-Length: 0\r\nContent-Length: 4\r\n\r\n"},
      {"equal", kHead + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"},
      {"list", kHead + "Content-Length: 0, 0\r\n\r\n"},
      {"plus", kHead + "Content-Length: +0\r\n\r\n"},
      {"hexadecimal", kHead + "Content-Length: 0x0\r\n\r\n"},
      {"negative", kHead + "Content-Length: -1\r\n\r\n"},
      {"overflow", kHead + "Content-Length: 18446744073709551616\r\n\r\n"},
      {"blank before the colon", kHead + "Content-Length : 0\r\n\r\n"},
  });
}

BOOST_AUTO_TEST_CASE(folded_and_broken_headers_are_400) {
  check_refused({
      {"folded by a blank", kHead + "X: y\r\n Content-Length: 4\r\n\r\n"},
      {"folded by a tab", kHead + "X: y\r\n\tTransfer-Encoding: chunked\r\n\r\n"},
      {"folded at the start", "POST /users/regist HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n"},
      {"NUL", kHead + "X: a" + std::string(1, '\0') + "b\r\n\r\n"},
      {"two hosts", "POST /users/regist HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
      {"no host", "POST /users/regist HTTP/1.1\r\n\r\n"},
      {"no name", kHead + ": y\r\n\r\n"},
      {"a bare CR in a name", kHead + "X\rContent-Length: 4\r\n\r\n"},
  });
}

BOOST_AUTO_TEST_CASE(bad_chunks_are_400) {
  const std::string chunked = kHead + "Transfer-Encoding: chunked\r\n\r\n";
  check_refused({
      {"no number", chunked + "zz\r\n"},
      {"negative", chunked + "-1\r\n"},
      {"blank", chunked + " 0\r\n\r\n"},
      {"hexadecimal sign", chunked + "0x0\r\n\r\n"},
      {"overflow", chunked + "ffffffffffffffffff\r\n"},
      {"longer than said", chunked + "1\r\nab\r\n0\r\n\r\n"},
      {"a bare CR after the number", chunked + "2\rab\r\n0\r\n\r\n"},
  });
}

BOOST_AUTO_TEST_CASE(what_follows_a_whole_request_is_a_request_of_its_own) {
  // Pipelined by right: two replies. The first body ends where its length says, and not before.
  const std::string second = "GET /users/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const std::string lengths = kHead + "Content-Length: 2\r\n\r\n{}" + second;
  const std::string chunks =
      kHead + "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nT: t\r\n\r\n" + second;
  for (const std::string& bytes : {lengths, chunks}) {
    const std::string reply = send_raw(base_url(), bytes);
    const std::vector<int> expected{200, 404};
    BOOST_TEST(statuses_in(reply) == expected, boost::test_tools::per_element());
    BOOST_TEST(reply.find(R"("code":1001)") != std::string::npos, reply);
  }
  // A body that looks like a request is a body.
  const std::string body = "GET /users/" + unheard_of("body") + " HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string inside = kHead +
                             "Connection: close\r\nContent-Length: " + std::to_string(body.size()) +
                             "\r\n\r\n" + body;
  BOOST_TEST(statuses_in(send_raw(base_url(), inside)) == std::vector<int>{200},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(after_all_that_the_service_is_whole) {
  check_service_is_whole();
}

BOOST_AUTO_TEST_SUITE_END()
