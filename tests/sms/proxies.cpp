// What a proxy in the courier's environment sees.
#include <boost/test/unit_test.hpp>

#include "sms/program.hpp"
#include "support/daemon.hpp"

namespace users::test {
namespace {

/// Sets all variables that name a proxy for curl.
Ended send_by(const FakeServer& proxy, const Provider& provider, const std::string& url) {
  std::vector<std::string> environment;
  for (const std::string name :
       {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}) {
    environment.push_back(name + "=" + proxy.url());
  }
  return SendSms(provider, url).run(provider.name, message_line(), environment);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxies)

BOOST_DATA_TEST_CASE(this_machine_is_asked_without_a_proxy, kProviders, provider) {
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    BOOST_TEST_CONTEXT(host) {
      const FakeServer proxy(provider.service);
      const FakeServer server(provider.service);
      const std::string port = server.url().substr(server.url().rfind(':'));
      check_end(send_by(proxy, provider, "http://" + host + port), 0, "");
      BOOST_TEST(proxy.requests().empty());
      BOOST_TEST(server.requests().size() == 1U);
    }
  }
}

// A proxy on another machine could not reach this one.
BOOST_DATA_TEST_CASE(no_tunnel_leads_to_this_machine, kProviders, provider) {
  for (const std::string host :
       {"127.0.0.1", "127.1.2.3", "localhost", "LocalHost", "sms.localhost"}) {
    BOOST_TEST_CONTEXT(host) {
      const FakeServer proxy(provider.service);
      check_end(send_by(proxy, provider, "https://" + host + ":" + std::to_string(free_port())),
                kTryAgain, "no connection to " + host);
      BOOST_TEST(proxy.requests().empty());
    }
  }
}

// The proxy's answer is not taken for the provider's.
BOOST_DATA_TEST_CASE(a_proxy_elsewhere_sees_a_tunnel_only, kProviders, provider) {
  for (const std::string host :
       {"sms.example.com", "127.0.0.1.example.com", "localhost.example.com"}) {
    for (const int status : {200, 403, 502}) {
      BOOST_TEST_CONTEXT(host << " " << status) {
        const FakeServer proxy([&](const Received&) { return Answer{status, ""}; });
        check_end(send_by(proxy, provider, "https://" + host), kTryAgain,
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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
