// Replies that never end, break off or are odd must not use up memory or cause a second message.
#include <boost/test/unit_test.hpp>

#include "sms/program.hpp"

namespace users::test {
namespace {

constexpr std::size_t kPiece = 32768;

/// A reply that never ends.
struct Endless {
  std::string part;     ///< repeated without end
  std::string headers;  ///< after the status line
  std::string repeated;
};

const std::vector<Endless>& endless_replies() {
  const std::string filler(kPiece, 'x');
  const std::string header = "X-Filler: " + std::string(100, 'x') + "\r\n";
  static const std::vector<Endless> all{
      {"a body of a length", "Content-Length: 1000000000000\r\n\r\n", filler},
      {"a body of chunks", "Transfer-Encoding: chunked\r\n\r\n", "8000\r\n" + filler + "\r\n"},
      {"a body until the connection ends", "\r\n", filler},
      {"NUL bytes", "\r\n", std::string(kPiece, '\0')},
      {"the headers", "", header},
      {"a header", "X-Filler: ", filler},
      {"the trailers", "Transfer-Encoding: chunked\r\n\r\n0\r\n", header},
  };
  return all;
}

/// Checks how the program ends, and that it does not read the whole reply.
void check_endless(const Provider& provider, const FakeServer::Handler& handler, int status,
                   std::string_view said) {
  const FakeServer server(handler);
  check_end(SendSms(provider, server.url()).run(provider.name), status, said);
  BOOST_TEST(server.sent() < kFlood / 2);
}

/// After a 2xx without a usable body. The webhook only needs the status; the others do not retry,
/// because the message may have been sent.
void check_bare_success(const Provider& provider, const Ended& ended) {
  if (provider.name == "webhook") {
    check_end(ended, 0, "");
  } else {
    check_end(ended, kFailed, "not understood (HTTP 200)");
  }
}

/// Gives the same answer to each request.
FakeServer::Handler always(const Answer& answer) {
  return [answer](const Received&) { return answer; };
}

/// The service's answers with another head.
FakeServer::Handler behind(const Provider& provider, const std::function<std::string(int)>& head) {
  return [&provider, head](const Received& request) {
    Answer answer = provider.service(request);
    answer.head = head(answer.status);
    return answer;
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(replies)

BOOST_DATA_TEST_CASE(an_endless_reply_is_cut_off, kProviders, provider) {
  for (const auto& [part, headers, repeated] : endless_replies()) {
    for (const int status : {200, 404, 503}) {
      BOOST_TEST_CONTEXT(status << ", endless: " << part) {
        const std::string http = std::to_string(status);
        const bool is_enough = status == 200 && provider.name == "webhook";
        const Answer answer{status, "", "HTTP/1.1 " + http + " Whatever\r\n" + headers, repeated};
        if (is_enough) {
          check_endless(provider, always(answer), 0, "");
        } else {
          check_endless(provider, always(answer), status == 503 ? kTryAgain : kFailed,
                        (status == 200 ? "not understood (HTTP " : "HTTP ") + http);
        }
      }
    }
  }
}

BOOST_DATA_TEST_CASE(what_an_endless_reply_begins_with_counts, kProviders, provider) {
  const auto without_end = [](Answer answer) {
    // A 204 has no body.
    const int status = answer.status == 204 ? 200 : answer.status;
    answer.head = "HTTP/1.1 " + std::to_string(status) + " Whatever\r\n\r\n";
    answer.repeated = std::string(kPiece, ' ');
    return answer;
  };
  check_endless(
      provider, [&](const Received& request) { return without_end(provider.service(request)); }, 0,
      "");
  check_endless(provider, always(without_end(provider.bad_number)), kFailed,
                provider.bad_number_code);
  check_endless(provider, always(without_end(provider.throttled)), kTryAgain, "to be tried again");
}

BOOST_DATA_TEST_CASE(provisional_statuses_without_end_are_no_answer, kProviders, provider) {
  const Answer answer{100, "", "HTTP/1.1 100 Continue\r\n\r\n",
                      "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"};
  check_endless(provider, always(answer), kTryAgain, "no answer from 127.0.0.1");
}

BOOST_DATA_TEST_CASE(the_status_behind_a_provisional_one_counts, kProviders, provider) {
  const std::string early = "HTTP/1.1 103 Early Hints\r\nLink: </HTTP/1.1 200 OK>\r\n\r\n";
  const auto head = [&](int status) {
    return early + "HTTP/1.1 " + std::to_string(status) + " OK\r\n\r\n";
  };
  check_end(send(provider, behind(provider, head)), 0, "");
  check_end(send(provider, Answer{503, "", early + "HTTP/1.1 503 No\r\n\r\n"}), kTryAgain,
            "HTTP 503");
  check_end(send(provider, Answer{103, "", early}), kTryAgain, "no answer from 127.0.0.1");
}

// Some servers end lines without a carriage return.
BOOST_DATA_TEST_CASE(headers_are_no_part_of_the_body, kProviders, provider) {
  for (const std::string line_end : {"\r\n", "\n"}) {
    const std::string head = "HTTP/1.1 200 OK" + line_end + R"(X: {"Code":"OK","sid":"SM0",})" +
                             line_end + "Connection: close" + line_end + line_end;
    check_bare_success(provider, send(provider, Answer{200, "{}", head}));
    check_end(send(provider, behind(provider, [&](int) { return head; })), 0, "");
  }
}

BOOST_DATA_TEST_CASE(a_success_that_breaks_off_is_not_tried_again, kProviders, provider) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  for (const std::string body :
       {"", R"({"Code":"OK)", R"({"Response":{"SendStatusSet":[{"Code":"Ok)", R"({"sid":"SM0)"}) {
    BOOST_TEST_CONTEXT(body) {
      check_bare_success(provider, send(provider, Answer{200, body, head}));
    }
  }
}

BOOST_DATA_TEST_CASE(a_success_that_does_not_end_in_time_is_not_tried_again, kProviders, provider) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  const Answer answer{.status = 200, .body = "{", .head = head, .stays_open = true};
  const FakeServer server(always(answer));
  check_bare_success(provider, SendSms(provider, server.url(), "", 1).run(provider.name));
}

BOOST_DATA_TEST_CASE(a_status_that_breaks_off_is_tried_again, kProviders, provider) {
  for (const std::string head : {"HTTP/1.1 20", "HTTP/1.1 200 O", "OK\r\n\r\n"}) {
    BOOST_TEST_CONTEXT(head) {
      check_end(send(provider, Answer{200, "", head}), kTryAgain, "no answer from 127.0.0.1");
    }
  }
}

BOOST_DATA_TEST_CASE(control_characters_of_a_reply_do_not_get_into_the_log, kProviders, provider) {
  for (const std::string odd : {"\x1b[31m", "\n", "\r", "\x07", "\x9b", "\\n", "\\u001b"}) {
    const std::string code = "BAD" + odd + "CODE";
    const std::string body = R"({"Code":")" + code + R"(","code":")" + code + R"("})";
    const Ended ended = send(provider, Answer{400, body, "HTTP/1.1 400 " + code + "\r\n\r\n"});
    check_end(ended, kFailed, "HTTP 400");
    BOOST_TEST(!contains(ended.errors, odd == "\n" ? "BAD" : odd), ended.errors);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
