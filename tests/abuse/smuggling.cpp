// Request smuggling. Each attempt hides a second request for a unique path: a second reply or a
// line in the log would show that it was served.
#include <boost/test/unit_test.hpp>

#include "evidence.hpp"
#include "support/stack.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

const std::string kHead =
    "POST /users/regist HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

const std::string kChunked = kHead + "Transfer-Encoding: chunked\r\n\r\n";

/// The text before the hidden request.
struct Attempt {
  const char* name;
  std::string before;
};
const Attempt kAttempts[] = {
    // Both a length and chunks.
    {"CL, TE", kHead + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"TE, CL", kHead + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"},
    {"CL 0, TE", kHead + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"case", kHead + "content-length: 4\r\ntransfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"},
    // Other spellings of chunked.
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
    // Two lengths, or malformed ones.
    {"different", kHead + "Content-Length: 0\r\nContent-Length: 4\r\n\r\n"},
    {"equal", kHead + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"},
    {"list of lengths", kHead + "Content-Length: 0, 0\r\n\r\n"},
    {"plus", kHead + "Content-Length: +0\r\n\r\n"},
    {"hexadecimal", kHead + "Content-Length: 0x0\r\n\r\n"},
    {"negative", kHead + "Content-Length: -1\r\n\r\n"},
    {"overflow", kHead + "Content-Length: 18446744073709551616\r\n\r\n"},
    {"blank before the colon of a length", kHead + "Content-Length : 0\r\n\r\n"},
    // Folded and broken headers.
    {"folded by a blank", kHead + "X: y\r\n Content-Length: 4\r\n\r\n"},
    {"folded by a tab", kHead + "X: y\r\n\tTransfer-Encoding: chunked\r\n\r\n"},
    {"folded at the start", "POST /users/regist HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n"},
    {"NUL", kHead + "X: a" + std::string(1, '\0') + "b\r\n\r\n"},
    {"two hosts", "POST /users/regist HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
    {"no host", "POST /users/regist HTTP/1.1\r\n\r\n"},
    {"no name", kHead + ": y\r\n\r\n"},
    {"a bare CR in a name", kHead + "X\rContent-Length: 4\r\n\r\n"},
    // Bad chunks.
    {"no number", kChunked + "zz\r\n"},
    {"negative", kChunked + "-1\r\n"},
    {"blank", kChunked + " 0\r\n\r\n"},
    {"hexadecimal sign", kChunked + "0x0\r\n\r\n"},
    {"overflow", kChunked + "ffffffffffffffffff\r\n"},
    {"longer than said", kChunked + "1\r\nab\r\n0\r\n\r\n"},
    {"a bare CR after the number", kChunked + "2\rab\r\n0\r\n\r\n"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(smuggling)

BOOST_AUTO_TEST_CASE(two_lengths_odd_chunks_and_broken_headers_are_400_and_hide_nothing) {
  for (const auto& [name, before] : kAttempts) {
    BOOST_TEST_CONTEXT(name) {
      const std::string path = "/users/" + unheard_of("hidden");
      const std::string reply = send_raw(
          base_url(), before + "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      BOOST_TEST(statuses_in(reply) == std::vector<int>{400}, boost::test_tools::per_element());
      BOOST_TEST(reply.starts_with("HTTP/1.1 400"), reply);
      BOOST_TEST(!contains(all_logs(), "\"GET " + path));
      BOOST_TEST(!contains(all_logs(), "] GET " + path));
    }
  }
  check_service_is_whole();
}

BOOST_AUTO_TEST_CASE(what_follows_a_whole_request_is_a_request_of_its_own) {
  // Legitimate pipelining gets two replies. The first body ends exactly at its length.
  const std::string second = "GET /users/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const std::string lengths = kHead + "Content-Length: 2\r\n\r\n{}" + second;
  const std::string chunks =
      kHead + "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nT: t\r\n\r\n" + second;
  for (const std::string& bytes : {lengths, chunks}) {
    const std::string reply = send_raw(base_url(), bytes);
    const std::vector<int> expected{200, 404};
    BOOST_TEST(statuses_in(reply) == expected, boost::test_tools::per_element());
    BOOST_TEST(contains(reply, R"("code":1001)"), reply);
  }
  // A body that looks like a request stays a body.
  const std::string body = "GET /users/" + unheard_of("body") + " HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string inside = kHead +
                             "Connection: close\r\nContent-Length: " + std::to_string(body.size()) +
                             "\r\n\r\n" + body;
  BOOST_TEST(statuses_in(send_raw(base_url(), inside)) == std::vector<int>{200},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
