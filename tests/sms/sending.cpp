#include "sms/sending.hpp"

#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "sms/signatures.hpp"

namespace users::test {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void check_hidden(std::string_view shown) {
  const std::string secret = kSecret;
  for (const std::string& hidden :
       {std::string(kCode), secret, base64_of("AC0123:" + secret), hex_of(secret),
        hex_of("TC3" + secret), std::string("验证码")}) {
    BOOST_TEST(!contains(shown, hidden), "found " << hidden << " in: " << shown);
  }
}

void check_end(const Ended& ended, int status, std::string_view said) {
  BOOST_TEST(ended.status == status, ended.errors);
  BOOST_TEST(ended.output == "");
  BOOST_TEST(contains(ended.errors, said), "\"" << said << "\" is not in: " << ended.errors);
  BOOST_TEST(std::count(ended.errors.begin(), ended.errors.end(), '\n') == (said.empty() ? 0 : 1));
  BOOST_TEST(!contains(ended.errors, "8866668888"));
  check_hidden(ended.errors);
  check_hidden(ended.commands);
}

Ended send(const Provider& provider, const FakeServer::Handler& handler, const std::string& secret,
           const Text& text) {
  const FakeServer server(handler);
  const SendSms programs;
  programs.configure(provider.config(server.url(), programs.secret(secret + "\n")));
  return programs.run(provider.name, message_line(text));
}

Ended send(const Provider& provider, const Answer& answer) {
  return send(provider, [&](const Received&) { return answer; });
}

}  // namespace users::test
