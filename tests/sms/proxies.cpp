// What a proxy sees that is set in the courier's environment.
#include <boost/test/unit_test.hpp>

#include "sms/sending.hpp"

namespace users::test {
namespace {

/// Every variable that names a proxy to curl.
std::vector<std::string> environment_with(const FakeServer& proxy) {
  std::vector<std::string> environment;
  for (const std::string name :
       {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}) {
    environment.push_back(name + "=" + proxy.url());
  }
  return environment;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxies)

BOOST_AUTO_TEST_CASE(this_machine_is_asked_without_a_proxy) {
  for (const Provider& provider : providers()) {
    for (const std::string host : {"127.0.0.1", "localhost"}) {
      BOOST_TEST_CONTEXT(provider.name << " " << host) {
        const FakeServer proxy(provider.service);
        const FakeServer server(provider.service);
        const SendSms programs;
        const std::string port = server.url().substr(server.url().rfind(':'));
        programs.configure(provider.config("http://" + host + port, programs.secret(kSecret)));
        check_end(programs.run(provider.name, message_line(), environment_with(proxy)), 0, "");
        BOOST_TEST(proxy.requests().empty());
        BOOST_TEST(server.requests().size() == 1U);
      }
    }
  }
}

// A proxy on another machine could not reach this one.
BOOST_AUTO_TEST_CASE(no_tunnel_leads_to_this_machine) {
  for (const Provider& provider : providers()) {
    for (const std::string host :
         {"127.0.0.1", "127.1.2.3", "localhost", "LocalHost", "sms.localhost"}) {
      BOOST_TEST_CONTEXT(provider.name << " " << host) {
        const FakeServer proxy(provider.service);
        const RefusingPort nobody;
        const SendSms programs;
        const std::string port = nobody.url().substr(nobody.url().rfind(':'));
        programs.configure(provider.config("https://" + host + port, programs.secret(kSecret)));
        const Ended ended = programs.run(provider.name, message_line(), environment_with(proxy));
        check_end(ended, kTryAgain, "no connection to " + host);
        BOOST_TEST(proxy.requests().empty());
      }
    }
  }
}

// And the proxy's answer is not taken for the provider's.
BOOST_AUTO_TEST_CASE(a_proxy_elsewhere_sees_a_tunnel_only) {
  for (const Provider& provider : providers()) {
    for (const std::string host :
         {"sms.example.com", "127.0.0.1.example.com", "localhost.example.com"}) {
      for (const int status : {200, 403, 502}) {
        BOOST_TEST_CONTEXT(provider.name << " " << host << " " << status) {
          const FakeServer proxy([&](const Received&) { return Answer{status, ""}; });
          const SendSms programs;
          programs.configure(provider.config("https://" + host, programs.secret(kSecret)));
          const Ended ended = programs.run(provider.name, message_line(), environment_with(proxy));
          check_end(ended, kTryAgain,
                    status == 200 ? "no trusted TLS connection" : "no answer from " + host);
          BOOST_TEST_REQUIRE(proxy.requests().size() == 1U);
          const Received request = proxy.requests().at(0);
          BOOST_TEST(request.method == "CONNECT");
          BOOST_TEST(request.target == host + ":443");
          for (const auto& [name, value] : request.headers) check_hidden(value);
          check_hidden(request.body);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
