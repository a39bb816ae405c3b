// The route table, and how a request finds its row.
#include "web/routes.hpp"

#include <set>

#include <boost/test/unit_test.hpp>

namespace users::test {

BOOST_AUTO_TEST_SUITE(routes)

BOOST_AUTO_TEST_CASE(only_a_registration_has_the_status_of_the_tutorial) {
  for (const web::Route& route : web::routes()) {
    BOOST_TEST_CONTEXT(route.path) {
      BOOST_TEST(route.tutorial_status == (route.path == "regist"));
    }
  }
}

BOOST_AUTO_TEST_CASE(every_row_is_found_under_the_base_path) {
  BOOST_TEST(!web::routes().empty());
  for (const web::Route& route : web::routes()) {
    const std::string path = std::string(web::kBasePath).append(route.path);
    BOOST_TEST((web::find_route(route.method, path) == &route));
    BOOST_TEST(web::allowed_methods(path).find(route.method) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(no_two_rows_have_the_same_method_and_path) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const web::Route& route : web::routes()) {
    BOOST_TEST_CONTEXT(route.method << " " << route.path) {
      BOOST_TEST(seen.emplace(route.method, route.path).second);
    }
  }
}

BOOST_AUTO_TEST_CASE(any_other_path_has_no_route_and_no_methods) {
  for (const auto* path :
       {"", "/", "regist", "/regist", "/users", "/users/", "/users/regist/", "/users//regist",
        "/users/registration", "/users/regis", "/Users/regist", "/users/REGIST", "/users/health",
        "/users/health/live/x", "/other/users/regist", "users/regist", "/users/regist?a=b"}) {
    BOOST_TEST_CONTEXT(path) {
      BOOST_TEST((web::find_route("POST", path) == nullptr));
      BOOST_TEST((web::find_route("GET", path) == nullptr));
      BOOST_TEST(web::allowed_methods(path) == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(another_method_has_no_route_but_is_told_which_have) {
  for (const auto* method : {"", "GET", "PUT", "post", "POST ", "OPTIONS"}) {
    BOOST_TEST((web::find_route(method, "/users/regist") == nullptr));
  }
  BOOST_TEST(web::allowed_methods("/users/regist") == "POST");
  BOOST_TEST(web::allowed_methods("/users/health/live") == "GET, HEAD");
}

BOOST_AUTO_TEST_CASE(head_is_answered_as_get) {
  BOOST_TEST((web::find_route("HEAD", "/users/me") == web::find_route("GET", "/users/me")));
  BOOST_TEST((web::find_route("HEAD", "/users/regist") == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
