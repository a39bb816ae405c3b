// users-ctl doctor: the hosts of session.cookie_domain.

#include "ctl/doctor_site.hpp"

using namespace users::test;

BOOST_FIXTURE_TEST_SUITE(doctor_login_hosts, LocationsFixture)

BOOST_AUTO_TEST_CASE(a_host_that_does_not_belong_to_the_cookies_domain) {
  environment["USERS_FCGI_SESSION_COOKIE_DOMAIN"] = "example.org";
  const std::string own = "server_name site.test;";
  finds_with({{own, "server_name app.example.org example.com;"}},
             {"cookie domain", "warning", "server_name example.com", "correct one"});
  passes_nginx("cookie domain", {{own, "server_name example.org *.example.org _ ~^a;"}});
}

BOOST_AUTO_TEST_SUITE_END()
